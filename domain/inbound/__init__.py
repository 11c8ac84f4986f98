"""What senders hand in: webhooks, forms, mails, signatures, and what cleaning makes of them."""
