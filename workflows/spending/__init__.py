"""What workflows do when there is no money for a call."""
