"""The sets that `headgate eval all` runs."""
