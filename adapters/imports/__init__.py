"""Records from CSV files into the store: read, checked as a whole, then written in one transaction or not at all."""
