"""Mailboxes that messages come from."""
