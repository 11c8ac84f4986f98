"""Processes: settings, the one composition root, roles, and all of them on one machine."""
