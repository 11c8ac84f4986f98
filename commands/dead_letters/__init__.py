"""`headgate dlq`: what was given up on, and what becomes of it."""
