"""Alembic's scripts, run by `adapters.store.migrate`: how a database is brought to `adapters.store.tables`."""
