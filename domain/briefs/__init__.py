"""What a person reads before deciding: the figures, and the words they rest on."""
