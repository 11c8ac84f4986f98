"""Every door for HTTP: webhooks for senders, pages for people."""
