"""Records in a database: any that SQLAlchemy speaks to, by tables or views and their columns. Only ever read.

SQLite files are opened read-only; PostgreSQL is told that every transaction only reads. Elsewhere, and besides, give
Headgate a user who may do nothing but SELECT.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import Connection

from adapters.records.mapping import SqlCharges, SqlCustomers, SqlLines, SqlMapping, SqlOrders
from adapters.records.source import Deadline
from adapters.records.sql_engine import bound_statement, bound_time, engine_for, shown, told
from adapters.records.values import RecordReader
from adapters.store.database import is_transient
from domain.errors import ConfigurationError
from domain.money.lookup import OWN_ORDERS, KnownCustomer
from domain.money.records import MAX_LINES, Charge, Order

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)

MAX_CHARGES = 100
_SOME = 3  # of what should be one: enough to see that it is not
_SAME_ADDRESS = 20  # rows of an address; more are never read


class SqlRecords:
    """`RecordsSource` on a database."""

    name = "sql"

    def __init__(self, url: str, mapping: SqlMapping, file: str) -> None:
        self._mapping = mapping
        self._file = file
        self._engine = engine_for(url)
        self._reader = RecordReader(file, mapping.values, mapping.status, mapping.kinds)
        self.refunded_includes_headgate = bool(mapping.refunded_includes_headgate)
        self._tables: dict[str, _Table] = {}

    @contextmanager
    def view(self, deadline: Deadline) -> Iterator["_SqlView"]:
        """Begin a look: one transaction, one state of the records."""
        try:
            with self._engine.connect() as connection, connection.begin(), bound_time(connection, deadline):
                yield _SqlView(self, connection, deadline)
        except exc.SQLAlchemyError as error:
            raise told(error, self._engine.url, self._file) from None

    def check(self) -> str:
        """Look at every table and column of the mapping and return the URL without password and options."""
        with self.view(Deadline()) as view:
            for part in self._mapping.parts:
                view.select(part, {}, limit=1)
        return shown(self._engine.url)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def table(self, connection: Connection, part: str) -> "_Table":
        """Return a table of the mapping with the types of its columns; looked up once."""
        if part not in self._tables:
            self._tables[part] = _reflect(connection, part, getattr(self._mapping, part), self._file)
        return self._tables[part]

    def serves(self, tenant: str) -> bool:
        """Return whether records of this tenant can be here."""
        return self._mapping.customers.tenant is not None or tenant == self._mapping.values.tenant

    @property
    def has_lines(self) -> bool:
        """Whether the mapping says where the lines of orders are."""
        return self._mapping.lines is not None

    @property
    def reader(self) -> RecordReader:
        """What makes records of rows."""
        return self._reader

    def twice(self, part: str, name: str) -> ConfigurationError:
        """Return the error for a record that has two rows: raise it."""
        return ConfigurationError(
            f"{self._file}: key {part}.from: the records have more than one row for {name!r}, expected one for each "
            "id; name a view that has just one"
        )

    def alike(self, count: int) -> ConfigurationError:
        """Return the error for an address that cannot be told from others: raise it."""
        return ConfigurationError(
            f"{self._file}: key customers.email: the database holds {count} or more addresses for the same that are "
            "not: name a view whose addresses are compared letter by letter"
        )


class _Table:
    """A table or view, its columns by our names, and those whose ids are compared as text by the database."""

    def __init__(self, relation: sa.TableClause, columns: Mapping[str, sa.ColumnClause[Any]]) -> None:
        self.relation = relation
        self.columns = columns

    def equals(self, name: str, value: str) -> sa.ColumnElement[bool]:
        """Compare a column with a text from outside, in the column's own type, so that an index serves."""
        column = self.columns[name]
        if isinstance(column.type, sa.Integer | sa.Numeric):
            is_number = value.isascii() and value.isdecimal() and str(int(value)) == value and int(value) < 2**63
            return column == int(value) if is_number else sa.false()
        if isinstance(column.type, sa.Uuid):
            return column == UUID(value) if _UUID.fullmatch(value) else sa.false()
        if isinstance(column.type, sa.String):
            return column == value
        return sa.cast(column, sa.Text) == value


class _SqlView:
    """`RecordsView` within one transaction."""

    def __init__(self, source: SqlRecords, connection: Connection, deadline: Deadline) -> None:
        self._source = source
        self._connection = connection
        self._deadline = deadline

    def customers(self, tenant: str, *, customer_id: str | None, email: str | None) -> list[KnownCustomer]:
        if not self._source.serves(tenant):
            return []
        found: dict[str, KnownCustomer] = {}
        if customer_id is not None:
            read = self._customers(tenant, {"id": customer_id}, _SOME)
            same = [known for known in read if known.customer.customer_id == customer_id]
            if len(same) > 1:
                raise self._source.twice("customers", customer_id)
            found = {known.customer.customer_id: known for known in same}
        if email is not None:
            for known in self._of_address(tenant, email):
                found.setdefault(known.customer.customer_id, known)
        return list(found.values())

    def _of_address(self, tenant: str, email: str) -> list[KnownCustomer]:
        """Return the customers of an address: all, or so many that it is plain that there is not just one.

        Raises:
            ConfigurationError: one has more than one row, or rows that were not read may be of another.
        """
        read = self._customers(tenant, {"email": email}, _SAME_ADDRESS)
        found: dict[str, KnownCustomer] = {}
        for known in read:
            if known.email_key != email:  # some databases compare without accents
                continue
            if known.customer.customer_id in found:
                raise self._source.twice("customers", known.customer.customer_id)
            found[known.customer.customer_id] = known
        if len(read) >= _SAME_ADDRESS and len(found) < 2:
            raise self._source.alike(_SAME_ADDRESS)
        return list(found.values())

    def _customers(self, tenant: str, wanted: Mapping[str, str], limit: int) -> list[KnownCustomer]:
        rows = self.select("customers", wanted, tenant=tenant, limit=limit)
        return [self._source.reader.customer(row, tenant) for row in rows]

    def order(self, tenant: str, order_id: str) -> Order | None:
        if not self._source.serves(tenant):
            return None
        reader = self._source.reader
        rows = [
            row
            for row in self.select("orders", {"id": order_id}, tenant=tenant, limit=_SOME)
            if reader.name(row, "orders.id") == order_id  # some databases compare without case
        ]
        if len(rows) > 1:
            raise self._source.twice("orders", order_id)
        return reader.order(rows[0], self._charges(tenant, order_id), self._lines(tenant, order_id)) if rows else None

    def _charges(self, tenant: str, order_id: str) -> list[Charge]:
        reader = self._source.reader
        rows = self.select("charges", {"order_id": order_id}, tenant=tenant, limit=MAX_CHARGES + 1)
        charges = [reader.charge(row) for row in rows if reader.name(row, "charges.order_id") == order_id]
        if len(charges) > MAX_CHARGES or len({charge.charge_id for charge in charges}) < len(charges):
            raise self._source.twice("charges", order_id)
        return charges

    def _lines(self, tenant: str, order_id: str) -> list[dict[str, Any]]:
        if not self._source.has_lines:
            return []
        rows = self.select("lines", {"order_id": order_id}, tenant=tenant, limit=MAX_LINES + 1)
        return [row for row in rows if self._source.reader.name(row, "lines.order_id") == order_id]

    def order_ids_of(self, tenant: str, customer_id: str) -> list[str]:
        if not self._source.serves(tenant):
            return []
        reader = self._source.reader
        rows = self.select("orders", {"customer_id": customer_id}, tenant=tenant, limit=OWN_ORDERS, newest=True)
        return [reader.name(row, "orders.id") for row in rows if reader.name(row, "orders.customer_id") == customer_id]

    def select(
        self, part: str, wanted: Mapping[str, str], *, limit: int, tenant: str | None = None, newest: bool = False
    ) -> list[dict[str, Any]]:
        """Return rows by our names for their columns; values are always parameters."""
        table = self._source.table(self._connection, part)
        # As the driver has them: what a decimal or a time means is our own reader's to say, for all databases the same.
        raw = (sa.type_coerce(column, sa.types.NullType()).label(name) for name, column in table.columns.items())
        statement = sa.select(*raw).select_from(table.relation)
        for name, value in wanted.items():
            statement = statement.where(_same_address(table, value) if name == "email" else table.equals(name, value))
        if tenant is not None and "tenant" in table.columns:
            statement = statement.where(table.equals("tenant", tenant))
        if newest:
            statement = statement.order_by(table.columns["placed_at"].desc())
        bound_statement(self._connection, self._deadline)
        rows = self._connection.execute(statement.limit(limit)).mappings()
        return [dict(row) for row in rows if tenant is None or str(row.get("tenant", tenant)) == tenant]


def _same_address(table: _Table, email: str) -> sa.ColumnElement[bool]:
    return sa.func.lower(sa.func.trim(table.columns["email"])) == email


def _reflect(
    connection: Connection, part: str, names: SqlCustomers | SqlOrders | SqlCharges | SqlLines, file: str
) -> _Table:
    """Look up the types of the columns that the mapping names.

    Raises:
        ConfigurationError: there is no such table, or no such column; the message names the key.
    """
    schema, _, table = names.relation.rpartition(".")
    try:
        there = {c["name"]: c["type"] for c in sa.inspect(connection).get_columns(table, schema or None)}
    except exc.DBAPIError as error:
        if is_transient(error):
            raise
        there = {}  # SQLite has no such schema
    except exc.NoSuchTableError:
        there = {}
    if not there:
        raise ConfigurationError(
            f"{file}: key {part}.from: there is no table or view {names.relation!r} that this user may see"
        )
    columns: dict[str, sa.ColumnClause[Any]] = {}
    for name, column in names.model_dump(exclude={"relation"}, exclude_none=True).items():
        if column not in there:
            known = ", ".join(sorted(there)[:20])
            raise ConfigurationError(
                f"{file}: key {part}.{name}: {names.relation!r} has no column {column!r}, expected one of {known}"
            )
        columns[name] = sa.column(column, there[column])
    relation = sa.table(table, *columns.values(), schema=schema or None)
    return _Table(relation, {name: relation.c[column.name] for name, column in columns.items()})
