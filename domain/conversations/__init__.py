"""Conversations: which messages belong together, and what further ones do to a case."""
