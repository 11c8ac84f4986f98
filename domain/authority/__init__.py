"""What is believed when money is about to move: records, never whoever asks."""
