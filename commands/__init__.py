"""The `headgate` command: one file for each word."""
