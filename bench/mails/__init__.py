"""A thousand mails of the programs people write with, and how many of their words readers keep, lose and add."""
