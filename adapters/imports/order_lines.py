"""The lines of orders in an import: read in the currency of their order, within its total, all of an order or none."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.imports.compared import fetch
from adapters.imports.spool import Lines, Spool, Waiting
from adapters.store.tables import order_lines
from domain.importing.kinds import COLUMNS, Holds, Kind
from domain.importing.problems import Problems
from domain.importing.rows import Row, read_money
from domain.money.amount import format_minor
from domain.money.records import MAX_LINES

_AMOUNT = next(column for column in COLUMNS[Kind.ORDER_LINES] if column.holds is Holds.MONEY_OF_ORDER)

_REMOVED = ("of_tenant", "of_order", "at_place")
_REMOVE = sa.delete(order_lines).where(
    order_lines.c.tenant == sa.bindparam("of_tenant"),
    order_lines.c.order_id == sa.bindparam("of_order"),
    order_lines.c.place == sa.bindparam("at_place"),
)

Key = tuple[str, ...]


class _Order(NamedTuple):
    """What lines must fit; None: could not be read."""

    currency: str | None
    total_minor: int | None


def count_line(row: Row, spool: Spool, problems: Problems) -> None:
    """Give a line its place within its order; too many of one order are noted, once."""
    if spool.count_line(row) == MAX_LINES + 1:
        expected = f"expected at most {MAX_LINES} lines of one order"
        remedy = "leave the lines of this order out: a person answers for its items"
        problems.add(row.file, expected, remedy, line=row.line, column="order_id", value=row.values["order_id"])


class LineImport:
    """Checks lines against their orders. `keep`: what the store has stays as it is."""

    def __init__(self, connection: Connection, spool: Spool, problems: Problems, *, keep: bool) -> None:
        self._connection = connection
        self._spool = spool
        self._problems = problems
        self._keep = keep

    def read_amounts(self) -> None:
        """Read the amounts of all lines, now that the orders of all files are known.

        Lines whose order is not known, or could not be read, wait no longer: that was or will be told.
        """
        for chunk in self._spool.chunks(Kind.ORDER_LINES):
            known = self._orders([waiting.key[:2] for waiting in chunk])
            for waiting in chunk:
                self._read_amount(waiting, known.get(waiting.key[:2]))

    def check_sums(self) -> None:
        """Note orders whose lines come to more than their total, or were read in another currency than they have."""
        for some in self._spool.lines():
            known = self._orders([lines.order for lines in some])
            for lines in some:
                self._check_sum(lines, known.get(lines.order))

    def surplus(self) -> int:
        """Return how many lines the store has of orders that have fewer in the files."""
        return sum(len(some) for some in self._surplus())

    def remove_surplus(self) -> None:
        """Take them away."""
        for some in self._surplus():
            if some:
                self._connection.execute(_REMOVE, [dict(zip(_REMOVED, key, strict=True)) for key in some])

    def _surplus(self) -> Iterator[list[tuple[str, str, int]]]:
        for some in [] if self._keep else self._spool.lines():
            there = fetch(self._connection, Kind.ORDER_LINES, [lines.order for lines in some])
            last = {lines.order: lines.number for lines in some}
            found = [(tenant, order_id, int(place)) for tenant, order_id, place in there]
            yield [key for key in found if key[2] > last.get(key[:2], key[2])]

    def _read_amount(self, waiting: Waiting, order: _Order | None) -> None:
        row = waiting.row
        currency = order.currency if order is not None else None
        if currency is None:
            row.good = False
        else:
            before = self._problems.count
            read_money(row, _AMOUNT, str(row.values[_AMOUNT.field]), currency, self._problems)
            row.good = self._problems.count == before
        self._spool.price_line(waiting, currency)

    def _check_sum(self, lines: Lines, order: _Order | None) -> None:
        if order is None or order.currency is None or lines.currency is None:
            return
        if lines.currency != order.currency:
            self._note(lines, lines.currency, f"expected {order.currency!r}, the currency that the order has by now")
        elif order.total_minor is not None and lines.minor > order.total_minor:
            total = format_minor(order.total_minor, order.currency)
            expected = f"expected the lines of order {lines.order[1]!r} to come to its total at most, {total}"
            self._note(lines, format_minor(lines.minor, order.currency), expected)

    def _note(self, lines: Lines, value: str, expected: str) -> None:
        remedy = "write what was paid for each whole line, after discounts, or mend the order"
        self._problems.add(lines.place.file, expected, remedy, line=lines.place.line, column="amount", value=value)

    def _orders(self, keys: Sequence[Key]) -> dict[Key, _Order]:
        """Return what lines must fit: the order as it will stand in the store."""
        in_files = self._spool.get(Kind.ORDERS, dict.fromkeys(keys))
        missing = [key for key in dict.fromkeys(keys) if self._keep or key not in in_files]
        there = {key: _order(values) for key, values in fetch(self._connection, Kind.ORDERS, missing).items()}
        read = {key: _order(row.values) for key, row in in_files.items()}
        if not self._keep:
            return there | read
        # Samples: an order that somebody changed is not one of theirs any more, its lines neither.
        return {key: order for key, order in read.items() if there.get(key, order) == order}


# Any: values of columns of every type.
def _order(values: dict[str, Any]) -> _Order:
    return _Order(values.get("currency"), values.get("total_minor"))
