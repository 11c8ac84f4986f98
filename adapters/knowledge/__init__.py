"""What the store knows of knowledge: which articles answered, and which questions none did."""
