"""Where messages come from, beside webhooks."""
