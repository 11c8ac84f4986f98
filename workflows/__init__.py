"""Orchestration, one file per workflow."""
