"""Activities of the journal queue."""
