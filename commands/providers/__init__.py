"""Models that have a bad hour: `headgate models`, and what such an hour left with people."""
