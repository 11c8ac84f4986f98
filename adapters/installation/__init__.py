"""The installation's own record in the store."""
