"""What the composition root is made of."""
