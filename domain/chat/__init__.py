"""Approvals in a chat: what is shown there, and what was clicked."""
