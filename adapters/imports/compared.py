"""Rows of files beside what the store has of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.imports.spool import Waiting
from adapters.store.crm import name_key
from adapters.store.tables import charges, crm_accounts, customers, order_lines, orders, territories
from domain.importing.kinds import COLUMNS, KEYS, Kind
from domain.importing.rows import Row
from domain.mail.addresses import fold_address
from domain.money.changes import ChargeTerms
from domain.money.lookup import email_key

TABLES: dict[Kind, sa.Table] = {
    Kind.ACCOUNTS: crm_accounts,
    Kind.CUSTOMERS: customers,
    Kind.ORDERS: orders,
    Kind.CHARGES: charges,
    Kind.ORDER_LINES: order_lines,
    Kind.TERRITORIES: territories,
}

# Any: values of columns of every type.
Values = dict[str, Any]

_MISSING: dict[Kind, Values] = {
    kind: {column.field: column.empty for column in columns} for kind, columns in COLUMNS.items()
}


class Compared(NamedTuple):
    """A row, what the store has under its key (None: nothing), and what shall stand there."""

    waiting: Waiting
    before: Mapping[str, Any] | None
    after: Values

    @property
    def row(self) -> Row:
        """The row as the file has it."""
        return self.waiting.row

    @property
    def is_new(self) -> bool:
        """Whether the store has nothing under its key."""
        return self.before is None

    @property
    def is_changed(self) -> bool:
        """Whether the store has something else under its key."""
        return self.before is not None and any(self.before[name] != value for name, value in self.after.items())


def compare(connection: Connection, kind: Kind, chunk: Sequence[Waiting], *, keep: bool) -> list[Compared]:
    """Return each row with what the store has; `keep`: what is there stays.

    A column that the file does not have leaves alone what the store has in it.
    """
    there = fetch(connection, kind, [waiting.key for waiting in chunk])
    whole = {key[:2] for key in there} if keep and kind is Kind.ORDER_LINES else set()
    found = []
    for waiting in chunk:
        before = there.get(waiting.key)
        if waiting.key[:2] in whole:  # the lines of an order stay together
            before = before or {}
        if before is None:
            after = as_new(waiting.row)
        elif keep:
            after = {}
        else:
            after = _stored(kind, waiting.row.values)
        found.append(Compared(waiting, before, after))
    return found


def as_new(row: Row) -> Values:
    """Return all that the store keeps of a record that it does not have yet."""
    return _stored(row.kind, _MISSING[row.kind] | row.values)


def _stored(kind: Kind, values: Values) -> Values:
    """Return the values with those that the store derives from them."""
    if kind is Kind.CUSTOMERS and "email" in values:
        return values | {"email_key": email_key(values["email"])}
    if kind is Kind.ACCOUNTS:
        stored = values | {"name_key": name_key(values["name"])}
        return stored | {"domain": fold_address(values["domain"])} if values.get("domain") else stored
    return values


def fetch(connection: Connection, kind: Kind, keys: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], Values]:
    """Return what the store has under these keys."""
    table, names = TABLES[kind], KEYS[kind]
    by_tenant: dict[str | None, set[str]] = defaultdict(set)
    for key in keys:
        tenant, named = (key[0], key[1]) if len(names) > 1 else (None, key[0])
        by_tenant[tenant].add(named)
    found: dict[tuple[str, ...], Values] = {}
    for tenant, some in by_tenant.items():
        wanted = sa.select(table).where(table.c[names[0] if tenant is None else names[1]].in_(some))
        if tenant is not None:
            wanted = wanted.where(table.c.tenant == tenant)
        for row in connection.execute(wanted).mappings():
            found[tuple(str(row[name]) for name in names)] = dict(row)
    return found


def charge_terms(values: Mapping[str, Any]) -> ChargeTerms:
    """Return what a refund of a charge rests on."""
    return ChargeTerms(*(values[name] for name in ChargeTerms._fields))
