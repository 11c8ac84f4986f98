"""Statements that several parts of the store share."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection


# Any: values of columns of every type.
def insert_new(connection: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows, leaving alone those whose key is there already."""
    if rows:
        connection.execute(_insert(connection, table), rows)


def insert_first(connection: Connection, table: sa.Table, row: dict[str, Any]) -> bool:
    """Insert a row unless its key is there; return whether it was new."""
    # RETURNING, because drivers do not agree on the row count of an INSERT.
    first_key = next(iter(table.primary_key))
    return connection.execute(_insert(connection, table).returning(first_key), row).first() is not None


def _insert(connection: Connection, table: sa.Table) -> sa.Insert:
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()
