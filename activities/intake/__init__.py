"""Activities of the intake queue."""
