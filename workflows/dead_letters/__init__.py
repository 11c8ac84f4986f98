"""Workflows about dead letters."""
