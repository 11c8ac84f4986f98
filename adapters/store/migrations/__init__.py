"""Alembic's scripts: how a database is brought to `adapters.store.tables`, step by step. Run by `adapters.store.migrate.upgrade`."""
