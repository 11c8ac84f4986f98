"""A payment provider of its own for one machine: a SQLite file that is the truth about money, as a provider's log is.

It is as dumb as a provider may be: it keeps idempotency keys for ever and pays whatever it is told to pay. What must
not be paid is kept from it by the ledger.
"""

import asyncio
import hashlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, Field

from domain.audit.facts import RailEntry
from domain.errors import RefusedError, TransientError
from domain.money.action import Action
from domain.money.refund_action import RefundAction
from ports.rail import RailReceipt, WentBack, only_refund

BUSY_TIMEOUT_S = 10.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS refunds (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    reference TEXT NOT NULL UNIQUE,
    order_id TEXT NOT NULL,
    charge_id TEXT NOT NULL,
    payee TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    digest TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE TRIGGER IF NOT EXISTS refunds_no_update BEFORE UPDATE ON refunds
BEGIN SELECT RAISE(ABORT, 'the log is only added to'); END;
CREATE TRIGGER IF NOT EXISTS refunds_no_delete BEFORE DELETE ON refunds
BEGIN SELECT RAISE(ABORT, 'the log is only added to'); END;
CREATE TABLE IF NOT EXISTS faults (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    unavailable INTEGER NOT NULL,
    lose_answers INTEGER NOT NULL,
    delay_s REAL NOT NULL
);
INSERT OR IGNORE INTO faults VALUES (1, 0, 0, 0);
"""


class RailFaults(BaseModel):
    """How the provider misbehaves, for tests: kept in its file, so that any process can say so.

    The next `unavailable` calls fail before anything happens; the next `lose_answers` payments are made but their
    answer never comes; every call takes `delay_s` seconds longer.
    """

    unavailable: int = Field(default=0, ge=0)
    lose_answers: int = Field(default=0, ge=0)
    delay_s: float = Field(default=0.0, ge=0)


class EmbeddedRail:
    """`Rail` for refunds on a file of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._file() as connection:
            _prepare(connection)

    async def pay(self, action: Action) -> RailReceipt:
        """Pay a refund, once per key; the same key again returns the first receipt.

        Raises:
            TransientError: the provider does not answer; whether it paid is open.
            RefusedError: the key was used for another payment.
        """
        return await asyncio.to_thread(self._refund, only_refund(action))

    async def find(self, key: str, action: Action | None = None) -> RailReceipt | None:  # noqa: ARG002 - not needed
        """Return the receipt under a key, if there is one. Raises TransientError if there is no answer."""
        return await asyncio.to_thread(self._find, key)

    async def went_back(self, action: Action) -> WentBack:
        """Return what went back of a refund's charge. Raises TransientError if there is no answer."""
        return await asyncio.to_thread(self._went_back, only_refund(action))

    async def newest(self, limit: int) -> list[RailEntry]:
        """Return the newest payments, the newest first. Faults do not apply."""
        return await asyncio.to_thread(self._entries, "ORDER BY id DESC LIMIT ?", limit)

    async def log(self) -> list[RailEntry]:
        """Return every payment ever made, oldest first: the truth about money. Faults do not apply."""
        return await asyncio.to_thread(self._entries, "ORDER BY id")

    def set_faults(self, faults: RailFaults) -> None:
        """Misbehave from now on, in every process that uses this file."""
        with self._file() as connection:
            connection.execute(
                "UPDATE faults SET unavailable = ?, lose_answers = ?, delay_s = ? WHERE id = 1",
                (faults.unavailable, faults.lose_answers, faults.delay_s),
            )

    def _refund(self, action: RefundAction) -> RailReceipt:
        self._misbehave()
        bytes_sent = (action.order_id, action.charge_id, action.payee, action.money.minor, action.money.currency)
        reference = "er_" + hashlib.sha256(action.key.encode()).hexdigest()[:24]
        with self._file() as connection:
            connection.execute("BEGIN IMMEDIATE")
            known = connection.execute(
                "SELECT order_id, charge_id, payee, amount_minor, currency FROM refunds WHERE key = ?", (action.key,)
            ).fetchone()
            if known is not None and tuple(known) != bytes_sent:
                connection.execute("ROLLBACK")
                raise RefusedError(f"key {action.key!r} was used for another payment: expected the same bytes")
            if known is None:
                connection.execute(
                    "INSERT INTO refunds "
                    "(key, reference, order_id, charge_id, payee, amount_minor, currency, digest, at) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (action.key, reference, *bytes_sent, action.digest(), datetime.now(UTC).isoformat()),
                )
            lost = connection.execute(
                "UPDATE faults SET lose_answers = lose_answers - 1 WHERE id = 1 AND lose_answers > 0"
            ).rowcount
            connection.execute("COMMIT")
        if lost:
            raise TransientError(f"the payment provider's answer for {action.key!r} was lost on the way")
        return RailReceipt(
            key=action.key,
            reference=reference,
            amount_minor=action.money.minor,
            currency=action.money.currency,
            payee=action.payee,
        )

    def _find(self, key: str) -> RailReceipt | None:
        self._misbehave()
        with self._file() as connection:
            row = connection.execute(
                "SELECT key, reference, amount_minor, currency, payee FROM refunds WHERE key = ?", (key,)
            ).fetchone()
        return None if row is None else RailReceipt.model_validate(dict(row))

    def _went_back(self, action: RefundAction) -> WentBack:
        own = self._find(action.key)
        with self._file() as connection:
            others = connection.execute(
                "SELECT coalesce(sum(amount_minor), 0) FROM refunds WHERE charge_id = ? AND key <> ?",
                (action.charge_id, action.key),
            ).fetchone()[0]
        return WentBack(others_minor=others, own=own)

    def _entries(self, which: str, *values: int) -> list[RailEntry]:
        query = "SELECT key, reference, charge_id, payee, amount_minor, currency, digest, at FROM refunds "
        with self._file() as connection:
            rows = connection.execute(query + which, values).fetchall()
        return [RailEntry.model_validate(dict(row)) for row in rows]

    def _misbehave(self) -> None:
        with self._file() as connection:
            unavailable, delay_s = connection.execute("SELECT unavailable, delay_s FROM faults WHERE id = 1").fetchone()
            fails = (
                unavailable
                and connection.execute(
                    "UPDATE faults SET unavailable = unavailable - 1 WHERE id = 1 AND unavailable > 0"
                ).rowcount
            )
        if delay_s:
            time.sleep(delay_s)  # in a thread of its own
        if fails:
            raise TransientError("the payment provider is not available")

    @contextmanager
    def _file(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            try:
                connection.row_factory = sqlite3.Row
                connection.execute("PRAGMA synchronous=FULL")
                yield connection
            finally:
                connection.close()
        except sqlite3.OperationalError as error:
            raise TransientError(f"the embedded payment provider's file cannot be used now: {error}") from error


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the file; several processes may do so at once, and SQLite answers 'locked' at once while WAL is set."""
    give_up_at = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript("BEGIN IMMEDIATE;" + _SCHEMA + "COMMIT;")
        except sqlite3.OperationalError:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.02)
        else:
            return
