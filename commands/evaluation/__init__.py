"""`headgate eval all`, `compare` and `record`."""
