"""Messages to send, from tables and from e-mails in files."""
