"""Mailboxes as sources: what comes there goes to the gateway."""
