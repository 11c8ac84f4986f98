"""Workflows that stand still: found, counted, mended."""
