"""Payment rails: Stripe, and an embedded provider for one machine."""
