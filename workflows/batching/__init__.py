"""Batches of questions that may wait."""
