"""Questions that wait for batches, kept in SQL."""
