"""Payloads to clean documents: HTML, mail, Unicode, older messages, personal data."""
