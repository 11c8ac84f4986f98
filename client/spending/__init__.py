"""Cases that wait for money."""
