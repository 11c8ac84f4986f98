"""Orders to replay dead letters, on SQL."""
