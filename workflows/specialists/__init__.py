"""The specialists, one file each, and the desk that they share."""
