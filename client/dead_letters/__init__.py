"""Runs that replay dead letters, from outside."""
