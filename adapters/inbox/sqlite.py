"""The embedded holding pen: one SQLite file, written by the gateway and emptied by the intake worker.

Many puts share one commit: while a batch is being synced to disk, the next one gathers. WAL with `synchronous=FULL`
means that a put which returned survives the loss of power. An acknowledged payload keeps its id, its digest and
the digest of what it said, so that the same event is known again after days. Its body stays for a day: a store that is
put back from a backup of the last day lacks no case for good.
"""

import asyncio
import logging
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from adapters.inbox.group_commit import GroupCommitWriter
from domain.errors import TransientError
from domain.inbound.webhook import meaning_of
from ports.inbox import InboxDepth, InboxItem, KeptPayload, PutOutcome

BUSY_TIMEOUT_S = 3.0
KEEP_S = 86_400.0
"""For so long the body of an acknowledged payload is kept, seconds."""
_EMPTIED_AT_ONCE = 500
_LOOK_S = 0.01  # how often a waiting worker looks whether something was committed: one percent of a core
_LOOK_AGAIN_S = 0.5  # so long it believes that: leases end without a commit
_PROBE_S = 5.0  # how long it is believed that the disk takes what is written
_PROBE_BYTES = 64 * 1024
LEAST_FREE_BYTES = 64 * 1024 * 1024  # below it a disk counts as full: a few webhooks of the largest size
_CLOCK_SLACK_S = 5.0  # a lease taken further in the future than this was taken by a wrong clock

_LOG = logging.getLogger("headgate.inbox")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS inbox (
    seq INTEGER PRIMARY KEY,
    case_id TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    event_id TEXT NOT NULL,
    content_type TEXT NOT NULL,
    body BLOB NOT NULL,
    digest BLOB NOT NULL,
    received_us INTEGER NOT NULL,
    put_mark INTEGER NOT NULL,
    leased_at REAL NOT NULL DEFAULT 0,
    leased_until REAL NOT NULL DEFAULT 0,
    deliveries INTEGER NOT NULL DEFAULT 0,
    acked_at REAL,
    reading TEXT NOT NULL DEFAULT '',
    meaning TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS probe (one INTEGER PRIMARY KEY, at REAL NOT NULL, filling BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS inbox_open ON inbox (seq) WHERE acked_at IS NULL;
CREATE INDEX IF NOT EXISTS inbox_kept ON inbox (acked_at) WHERE acked_at IS NOT NULL AND body <> x'';
"""

_ADDED_LATER = ("reading", "meaning")  # columns that a file of an earlier version has not
_LEASED_COLUMNS = "seq, case_id, source, event_id, content_type, body, digest, received_us, deliveries, reading"
_FREE = (
    "SELECT {columns} FROM inbox WHERE acked_at IS NULL AND (leased_until <= ? OR leased_at > ?) ORDER BY seq LIMIT ?"
)

_T = TypeVar("_T")


def connect(path: Path, *, max_file_bytes: int | None = None) -> sqlite3.Connection:
    """Open the file for one thread, making it and its tables if need be; `max_file_bytes` is when it counts as full.

    Raises:
        sqlite3.Error: it cannot be opened, or is no database.
    """
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        # Pages of the index are written again and again: copied into the file less often, each copy serves more rows.
        connection.execute("PRAGMA wal_autocheckpoint=4000")
        if max_file_bytes is not None:
            page = connection.execute("PRAGMA page_size").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count={max(1, max_file_bytes // page)}")
        connection.executescript(_SCHEMA)
        _add_columns(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


class SqliteInbox:
    """An `Inbox` in a SQLite file.

    `max_waiting` payloads may wait unacknowledged, then puts are refused until some are done; `max_file_bytes` caps the
    file. A put is confirmed or refused within `put_timeout_s` seconds, whatever the disk does. A disk with less than
    `least_free_bytes` counts as full when it is asked beforehand. Bodies are dropped `keep_s` seconds after they were
    acknowledged.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_waiting: int = 200_000,
        max_file_bytes: int | None = None,
        put_timeout_s: float = 4.0,
        keep_s: float = KEEP_S,
        least_free_bytes: int = LEAST_FREE_BYTES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._max_file_bytes = max_file_bytes
        self._clock = clock
        self._put_timeout_s = put_timeout_s
        self._keep_s = keep_s
        self._max_waiting = max_waiting
        self._least_free_bytes = least_free_bytes
        self._probed_at = float("-inf")
        self._writer = GroupCommitWriter(self._open, max_waiting=max_waiting)
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="inbox-reader")
        self._connection: sqlite3.Connection | None = None

    @property
    def commits(self) -> int:
        """Return how many commits the puts of this object took: each is one sync to disk."""
        return self._writer.commits

    async def put(self, item: InboxItem) -> PutOutcome:
        """Store a payload; returns once it is on disk.

        Raises:
            TransientError: the pen is full, the disk refuses, or it did not confirm in time. Put it again later.
        """
        loop = asyncio.get_running_loop()
        confirmed: asyncio.Future[PutOutcome] = loop.create_future()
        self._writer.submit(item, confirmed, loop)
        timer = loop.call_later(self._put_timeout_s, self._expire, confirmed)
        try:
            return await confirmed
        finally:
            timer.cancel()

    def _expire(self, confirmed: "asyncio.Future[PutOutcome]") -> None:
        if not confirmed.done():
            why = f"inbox {self._path.name!r}: the disk did not confirm within {self._put_timeout_s:g} s, send again"
            confirmed.set_exception(TransientError(why))

    async def lease(self, limit: int, lease_s: float, *, wait_s: float = 0.0) -> list[InboxItem]:
        """Take up to `limit` payloads, oldest first, for `lease_s` seconds; wait up to `wait_s` seconds for the first.

        Within a hundredth of a second of its commit it is seen.
        """
        ends_at = time.monotonic() + wait_s
        unwanted = threading.Event()
        while True:
            until = min(ends_at, time.monotonic() + _LOOK_AGAIN_S)
            work = partial(self._lease_until, limit=limit, lease_s=lease_s, until=until, unwanted=unwanted)
            leasing = asyncio.ensure_future(self._read(work))
            try:
                items = await asyncio.shield(leasing)
            except asyncio.CancelledError:
                unwanted.set()
                await self._give_back(leasing)
                raise
            if items or time.monotonic() >= ends_at:
                return items

    async def _give_back(self, leasing: "asyncio.Future[list[InboxItem]]") -> None:
        """Let go of what was leased for somebody who was cancelled meanwhile."""
        with suppress(TransientError):  # then it comes back when its lease ends
            case_ids = [item.case_id for item in await leasing]
            await self._read(lambda db: _release(db, case_ids))

    def _lease_until(
        self, db: sqlite3.Connection, *, limit: int, lease_s: float, until: float, unwanted: threading.Event
    ) -> list[InboxItem]:
        # Asking for the version takes three microseconds, no lock and no query.
        while True:
            seen = _version(db)
            if items := _lease(db, limit, lease_s, self._clock()):
                return items
            while _version(db) == seen:
                if unwanted.is_set() or time.monotonic() >= until:
                    return []
                time.sleep(_LOOK_S)

    async def ack(self, case_ids: Sequence[str]) -> None:
        """Say that these are done: their bodies are dropped later, ids, digests and what they said (a digest) stay."""
        await self._read(lambda db: _ack(db, list(case_ids), self._clock(), self._keep_s))

    async def acknowledged(self, case_ids: Sequence[str]) -> dict[str, bool]:
        """Return those that are done, and of each whether its body is there still."""
        return await self._read(lambda db: _acknowledged(db, case_ids))

    async def put_back(self, case_ids: Sequence[str]) -> int:
        """Let payloads be taken once more that are done, where their body is there still; return how many."""
        return await self._read(lambda db: _put_back(db, case_ids))

    async def kept(self, case_id: str) -> KeptPayload | None:
        """Return what is known of a payload by its case, None if it never came."""
        query = "SELECT content_type, body, reading, meaning FROM inbox WHERE case_id = ?"
        row = await self._read(lambda db: db.execute(query, (case_id,)).fetchone())
        return KeptPayload(*row) if row is not None else None

    async def depth(self) -> InboxDepth:
        """Count what waits."""
        return await self._read(lambda db: _depth(db, self._clock()))

    async def check_writable(self) -> None:
        """Return if a payload could be stored now: there is room, and what is written arrives on the disk.

        Something is really written for it, at most every few seconds while it succeeds; a refusal is not remembered.

        Raises:
            TransientError: it could not be stored; the message says why.
        """
        waiting = await self._read(_waiting)
        if waiting >= self._max_waiting:
            raise TransientError(f"inbox: {waiting} payloads wait already, send again later")
        free = (await asyncio.to_thread(shutil.disk_usage, self._path.parent)).free
        if free < self._least_free_bytes:
            raise TransientError(
                f"inbox: the disk has {free} bytes left, {self._least_free_bytes} are wanted: make room"
            )
        if time.monotonic() - self._probed_at > _PROBE_S:
            await self._read(lambda db: _probe(db, self._clock()))
            self._probed_at = time.monotonic()

    async def accepted(self, after: str = "", limit: int = 1000) -> list[str]:
        """Return case ids ever accepted, in order of id, after the given one."""
        query = "SELECT case_id FROM inbox WHERE case_id > ? ORDER BY case_id LIMIT ?"
        return await self._read(lambda db: [row[0] for row in db.execute(query, (after, limit))])

    async def close(self) -> None:
        """Write what is pending and let go of the file."""
        await asyncio.to_thread(self._writer.close)
        await asyncio.get_running_loop().run_in_executor(self._reader, self._drop_connection)
        self._reader.shutdown()

    def _open(self) -> sqlite3.Connection:
        return connect(self._path, max_file_bytes=self._max_file_bytes)

    async def _read(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._run, work)

    def _run(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        try:
            if self._connection is None:
                self._connection = self._open()
            return work(self._connection)
        except sqlite3.Error as e:
            # A connection that met a disk error is not trusted again.
            self._drop_connection()
            raise TransientError(f"inbox {self._path.name!r}: {e}") from e

    def _drop_connection(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


def _add_columns(db: sqlite3.Connection) -> None:
    """Bring the table of an earlier version up to date; another process may do so at the same time."""
    if len(_columns(db).intersection(_ADDED_LATER)) == len(_ADDED_LATER):
        return
    with _transaction(db):
        known = _columns(db)
        for name in _ADDED_LATER:
            if name not in known:
                db.execute(f"ALTER TABLE inbox ADD COLUMN {name} TEXT NOT NULL DEFAULT ''")


def _columns(db: sqlite3.Connection) -> set[str]:
    return {row[1] for row in db.execute("PRAGMA table_info(inbox)")}


def _version(db: sqlite3.Connection) -> int:
    """Return a number that changes with every commit of another connection."""
    return int(db.execute("PRAGMA data_version").fetchone()[0])


def _lease(db: sqlite3.Connection, limit: int, lease_s: float, now: float) -> list[InboxItem]:
    # Whoever polls an empty pen must not take the write lock from those who fill it.
    if not db.execute(_FREE.format(columns="seq"), (now, now + _CLOCK_SLACK_S, 1)).fetchone():
        return []
    with _transaction(db):
        rows = db.execute(_FREE.format(columns=_LEASED_COLUMNS), (now, now + _CLOCK_SLACK_S, limit)).fetchall()
        db.executemany(
            "UPDATE inbox SET leased_at = ?, leased_until = ?, deliveries = deliveries + 1 WHERE seq = ?",
            [(now, now + lease_s, row[0]) for row in rows],
        )
    return [
        InboxItem(
            case_id=case_id,
            source=source,
            event_id=event_id,
            content_type=content_type,
            body=body,
            digest=digest.hex(),
            received_at=datetime.fromtimestamp(received_us / 1e6, UTC),
            deliveries=deliveries + 1,
            reading=reading,
        )
        for _, case_id, source, event_id, content_type, body, digest, received_us, deliveries, reading in rows
    ]


def _release(db: sqlite3.Connection, case_ids: list[str]) -> None:
    with _transaction(db):
        db.executemany(
            "UPDATE inbox SET leased_at = 0, leased_until = 0, deliveries = deliveries - 1 "
            "WHERE case_id = ? AND acked_at IS NULL",
            [(case_id,) for case_id in case_ids],
        )


def _ack(db: sqlite3.Connection, case_ids: list[str], now: float, keep_s: float) -> None:
    # Read before the write lock is taken: senders wait for that one.
    done = [(now, _meaning(db, case_id), case_id) for case_id in case_ids]
    with _transaction(db):
        db.executemany("UPDATE inbox SET acked_at = ?, meaning = ? WHERE case_id = ? AND acked_at IS NULL", done)
        db.execute(
            "UPDATE inbox SET body = x'' WHERE seq IN (SELECT seq FROM inbox "
            "WHERE acked_at IS NOT NULL AND body <> x'' AND acked_at <= ? ORDER BY acked_at LIMIT ?)",
            (now - keep_s, _EMPTIED_AT_ONCE),
        )


def _acknowledged(db: sqlite3.Connection, case_ids: Sequence[str]) -> dict[str, bool]:
    query = "SELECT length(body) > 0 FROM inbox WHERE case_id = ? AND acked_at IS NOT NULL"
    found = ((case_id, db.execute(query, (case_id,)).fetchone()) for case_id in case_ids)
    return {case_id: bool(row[0]) for case_id, row in found if row is not None}


def _put_back(db: sqlite3.Connection, case_ids: Sequence[str]) -> int:
    statement = (
        "UPDATE inbox SET acked_at = NULL, leased_at = 0, leased_until = 0, deliveries = 0 "
        "WHERE case_id = ? AND acked_at IS NOT NULL AND body <> x''"
    )
    with _transaction(db):
        return sum(db.execute(statement, (case_id,)).rowcount for case_id in case_ids)


def _meaning(db: sqlite3.Connection, case_id: str) -> str:
    query = "SELECT content_type, body, reading FROM inbox WHERE case_id = ? AND acked_at IS NULL"
    row = db.execute(query, (case_id,)).fetchone()
    try:
        return meaning_of(*row) or "" if row is not None else ""
    except Exception as e:  # noqa: BLE001 - a payload that meets a bug is a dead letter by now, and must not come back
        _LOG.error("what %s said cannot be remembered: %s", case_id, type(e).__name__)
        return ""


def _waiting(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT count(*) FROM inbox WHERE acked_at IS NULL").fetchone()[0])


def _probe(db: sqlite3.Connection, now: float) -> None:
    """Write as much as a large payload takes, and keep the time only."""
    with _transaction(db):
        db.execute("INSERT OR REPLACE INTO probe VALUES (1, ?, zeroblob(?))", (now, _PROBE_BYTES))
        db.execute("UPDATE probe SET filling = x''")


def _depth(db: sqlite3.Connection, now: float) -> InboxDepth:
    leased, waiting, oldest_us = db.execute(
        "SELECT coalesce(sum(leased_until > ? AND leased_at <= ?), 0), count(*), min(received_us) "
        "FROM inbox WHERE acked_at IS NULL",
        (now, now + _CLOCK_SLACK_S),
    ).fetchone()
    # Rows are never deleted, so the highest number is the count.
    total = db.execute("SELECT coalesce(max(seq), 0) FROM inbox").fetchone()[0]
    oldest_s = max(0.0, now - oldest_us / 1e6) if oldest_us is not None else 0.0
    return InboxDepth(ready=waiting - leased, leased=leased, total=total, oldest_s=oldest_s)


class _transaction:  # noqa: N801 - reads as a word
    """BEGIN IMMEDIATE … COMMIT: waits for the other process's commit instead of failing in the middle."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._db.execute("COMMIT")
        elif self._db.in_transaction:  # a full disk has ended it by itself
            self._db.execute("ROLLBACK")
