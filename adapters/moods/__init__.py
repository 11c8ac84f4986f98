"""Moods of models in the store."""
