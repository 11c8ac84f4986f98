"""The door for senders: signed webhooks."""
