"""Where the rows of an import wait until all of them were checked: a temporary SQLite file, so that memory stays small.

It knows what stands twice in the files and who refers to whom; nothing of it is in the store yet.
"""

import json
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from domain.importing.cells import Value
from domain.importing.kinds import COLUMNS, Holds, Kind
from domain.importing.rows import Row

CHUNK = 400
"""Rows at once: below the number of parameters that any database takes."""

_SCHEMA = """
CREATE TABLE rows (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, file TEXT NOT NULL, line INTEGER NOT NULL,
    parent TEXT, currency TEXT, good INTEGER NOT NULL, standing INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL
);
CREATE UNIQUE INDEX rows_once ON rows (kind, key);
CREATE TABLE lines (parent TEXT PRIMARY KEY, file TEXT, line INTEGER, number INTEGER, minor INTEGER, currency TEXT);
CREATE TABLE emails (tenant TEXT, email_key TEXT, file TEXT, line INTEGER, PRIMARY KEY (tenant, email_key));
"""
_PARENTS = {
    Kind.CUSTOMERS: (Kind.ACCOUNTS, "account_id"),
    Kind.ORDERS: (Kind.CUSTOMERS, "customer_id"),
    Kind.CHARGES: (Kind.ORDERS, "order_id"),
    Kind.ORDER_LINES: (Kind.ORDERS, "order_id"),
}
_TIMES = {
    kind: [column.field for column in columns if column.holds in (Holds.PAST, Holds.TIME)]
    for kind, columns in COLUMNS.items()
}


class Place(NamedTuple):
    """Where something stands in the files."""

    file: str
    line: int


class RowChange(IntEnum):
    """How a row stands to the store."""

    UNCHANGED = 0
    NEW = 1
    CHANGED = 2


class Waiting(NamedTuple):
    """A row that waits, and the key that tells it apart; `id` is the spool's own."""

    id: int
    key: tuple[str, ...]
    row: Row


class Dangling(NamedTuple):
    """A row that refers to a record which is not in the files."""

    row: Row
    parent: tuple[str, str]  # tenant and id


class Lines(NamedTuple):
    """The lines of an order in the files: where they begin, how many there are, and what they come to."""

    order: tuple[str, str]  # tenant and id
    place: Place
    number: int
    minor: int
    currency: str | None  # by which their amounts were read; None: not yet


class Spool:
    """A file of rows for the time of one import, as a context manager."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="headgate-import-")
        # Not synced, not journalled: it is thrown away, whatever happens.
        self._db = sqlite3.connect(Path(self._folder.name) / "rows.db", isolation_level=None, check_same_thread=False)
        self._db.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; {_SCHEMA} BEGIN")
        self.incomplete: set[Kind] = set()
        """Kinds of which a file could not be read to its end: nobody can say what is missing from them."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()
        self._folder.cleanup()

    # --- filling ----------------------------------------------------------------------------------------------------

    def add(self, row: Row) -> Place | None:
        """Keep a row; return where its key stands already, if it does."""
        row_key = row.key
        if row_key is None:
            return None
        key = _encode(row_key)
        named = [row.values.get("tenant"), row.values.get(_PARENTS[row.kind][1])] if row.kind in _PARENTS else [None]
        parent = None if None in named else _encode(named)
        values = (
            row.kind,
            key,
            row.file,
            row.line,
            parent,
            row.values.get("currency"),
            row.good,
            _encode(row.values),
        )
        added = self._db.execute(
            "INSERT INTO rows (kind, key, file, line, parent, currency, good, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            values,
        )
        if added.rowcount:
            return None
        found = self._db.execute("SELECT file, line FROM rows WHERE kind = ? AND key = ?", (row.kind, key)).fetchone()
        return Place(*found)

    def add_email(self, row: Row, email_key: str) -> Place | None:
        """Note whose address this is; return where it stands already, if it does."""
        named = (row.values["tenant"], email_key)
        added = self._db.execute(
            "INSERT INTO emails VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", (*named, row.file, row.line)
        )
        if added.rowcount:
            return None
        found = self._db.execute("SELECT file, line FROM emails WHERE tenant = ? AND email_key = ?", named).fetchone()
        return Place(*found)

    def count_line(self, row: Row) -> int | None:
        """Give a line its place within its order and return it; None for one that names no order."""
        named = (row.values.get("tenant"), row.values.get("order_id"))
        if None in named:
            return None
        place: int = self._db.execute(
            "INSERT INTO lines VALUES (?, ?, ?, 1, 0, NULL) "
            "ON CONFLICT DO UPDATE SET number = number + 1 RETURNING number",
            (_encode(named), row.file, row.line),
        ).fetchone()[0]
        row.values["place"] = place
        return place

    def price_line(self, waiting: Waiting, currency: str | None) -> None:
        """Keep what was read of a line once the currency of its order was known, and add its amount up."""
        row = waiting.row
        body = (_encode(row.values), row.good, waiting.id)
        self._db.execute("UPDATE rows SET body = ?, good = ? WHERE id = ?", body)
        if row.good:
            of_order = _encode(waiting.key[:2])
            added = (row.values["amount_minor"], currency, of_order)
            self._db.execute("UPDATE lines SET minor = minor + ?, currency = ? WHERE parent = ?", added)

    # --- looking ----------------------------------------------------------------------------------------------------

    def holds(self, kind: Kind, key: tuple[str, ...]) -> bool:
        """Return whether the files have this record."""
        wanted = (kind, _encode(key))
        return self._db.execute("SELECT 1 FROM rows WHERE kind = ? AND key = ?", wanted).fetchone() is not None

    def chunks(self, kind: Kind, standing: RowChange | None = None) -> Iterator[list[Waiting]]:
        """Yield the good rows of a kind, `CHUNK` at a time, in the order of the file; only those that stand so."""
        last = 0
        least, most = (min(RowChange), max(RowChange)) if standing is None else (standing, standing)
        while True:
            # `+kind`: by the index of kinds it would sort all of them again for each chunk.
            some = self._db.execute(
                "SELECT id, key, file, line, body FROM rows WHERE id > ? AND +kind = ? AND good "
                "AND standing BETWEEN ? AND ? ORDER BY id LIMIT ?",
                (last, kind, least, most, CHUNK),
            ).fetchall()
            if not some:
                return
            last = some[-1][0]
            yield [
                Waiting(number, tuple(json.loads(key)), Row(kind, file, line, _values(kind, body)))
                for number, key, file, line, body in some
            ]

    def dangling(self, kind: Kind) -> Iterator[list[Dangling]]:
        """Yield the rows of a kind that refer to a record which is not in the files, some at a time."""
        wanted, _ = _PARENTS[kind]
        found = self._db.cursor().execute(
            "SELECT r.file, r.line, r.body, r.parent FROM rows r "
            "LEFT JOIN rows p ON p.kind = ? AND p.key = r.parent "
            "WHERE r.kind = ? AND r.parent IS NOT NULL AND p.key IS NULL ORDER BY r.id",
            (wanted, kind),
        )
        while some := found.fetchmany(CHUNK):
            yield [
                Dangling(Row(kind, file, line, _values(kind, body)), tuple(json.loads(parent)))
                for file, line, body, parent in some
            ]

    def other_currencies(self) -> Iterator[tuple[Row, str]]:
        """Yield the charges whose currency is not that of their order in the files, and the order's."""
        found = self._db.cursor().execute(
            "SELECT c.file, c.line, c.body, o.currency FROM rows c "
            "JOIN rows o ON o.kind = ? AND o.key = c.parent "
            "WHERE c.kind = ? AND c.currency IS NOT NULL AND o.currency IS NOT NULL AND c.currency <> o.currency "
            "ORDER BY c.id",
            (Kind.ORDERS, Kind.CHARGES),
        )
        for file, line, body, currency in found:
            yield Row(Kind.CHARGES, file, line, _values(Kind.CHARGES, body)), currency

    def get(self, kind: Kind, keys: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], Row]:
        """Return the records of these keys that the files have, those too that could not be read whole."""
        found = {}
        for key in keys:
            wanted = "SELECT file, line, body, good FROM rows WHERE kind = ? AND key = ?"
            one = self._db.execute(wanted, (kind, _encode(key))).fetchone()
            if one is not None:
                file, line, body, good = one
                found[key] = Row(kind, file, line, _values(kind, body), bool(good))
        return found

    def lines(self) -> Iterator[list[Lines]]:
        """Yield the orders that have lines in the files, `CHUNK` at a time."""
        last = ""
        wanted = (
            "SELECT parent, file, line, number, minor, currency FROM lines WHERE parent > ? ORDER BY parent LIMIT ?"
        )
        while some := self._db.execute(wanted, (last, CHUNK)).fetchall():
            last = some[-1][0]
            yield [
                Lines(tuple(json.loads(parent)), Place(file, line), number, minor, currency)
                for parent, file, line, number, minor, currency in some
            ]

    def has_lines(self, order: tuple[str, str]) -> bool:
        """Return whether the files have lines of this order."""
        return self._db.execute("SELECT 1 FROM lines WHERE parent = ?", (_encode(order),)).fetchone() is not None

    def mark(self, waiting: Iterable[Waiting], standing: RowChange) -> None:
        """Note how rows stand to the store."""
        self._db.executemany("UPDATE rows SET standing = ? WHERE id = ?", [(standing, found.id) for found in waiting])


def _as_text(value: object) -> str:
    assert isinstance(value, datetime), value
    return value.isoformat()


_encode = json.JSONEncoder(default=_as_text).encode


def _values(kind: Kind, body: str) -> dict[str, Value]:
    values: dict[str, Value] = json.loads(body)
    for name in _TIMES[kind]:
        if isinstance(at := values.get(name), str):
            values[name] = datetime.fromisoformat(at)
    return values
