"""Spending in the store."""
