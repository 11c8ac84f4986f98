"""What messages to workflows have in common."""
