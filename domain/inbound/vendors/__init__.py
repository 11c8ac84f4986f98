"""Senders that sign in their own way: Stripe, GitHub, Slack, Shopify, Zendesk and Twilio."""
