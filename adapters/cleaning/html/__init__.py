"""HTML read in one linear pass."""
