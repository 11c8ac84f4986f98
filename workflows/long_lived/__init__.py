"""Workflows that run for as long as Headgate does."""
