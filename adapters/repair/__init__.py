"""Readers of broken JSON."""
