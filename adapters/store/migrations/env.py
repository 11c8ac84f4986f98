"""Alembic runs this file: the connection, its transaction and its lock come from `adapters.store.migrate`."""

from alembic import context

from adapters.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
