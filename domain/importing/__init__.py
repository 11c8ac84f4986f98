"""Records that come in as CSV files: their columns, what a cell may hold, and what is told of what is wrong."""
