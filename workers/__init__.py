"""Processes: settings, the one composition root, roles, the supervisor, and the `headgate` command."""
