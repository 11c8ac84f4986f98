"""The embedded pen's file: its tables, and what is done with their rows."""

import logging
import sqlite3
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from adapters.wal import switch_to_wal
from domain.inbound.webhook import meaning_of
from domain.turns import PenLane, Turns, lane_named
from ports.incoming.accepted_log import AcceptedEvent
from ports.incoming.inbox import InboxDepth, InboxItem

_LOG = logging.getLogger("headgate.inbox")

BUSY_TIMEOUT_S = 3.0
_EMPTIED_AT_ONCE = 500
_FORGOTTEN_AT_ONCE = 500
_PROBE_BYTES = 64 * 1024
_CLOCK_SLACK_S = 5.0  # a lease taken further in the future than this was taken by a wrong clock
_NORMAL = PenLane("default").name

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
    meaning TEXT NOT NULL DEFAULT '',
    lane TEXT NOT NULL DEFAULT 'default/normal',
    excused INTEGER NOT NULL DEFAULT 0,
    fault TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS probe (one INTEGER PRIMARY KEY, at REAL NOT NULL, filling BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS inbox_kept ON inbox (acked_at) WHERE acked_at IS NOT NULL AND body <> x'';
CREATE INDEX IF NOT EXISTS inbox_done ON inbox (acked_at) WHERE acked_at IS NOT NULL;
"""
_INDEX = "CREATE INDEX IF NOT EXISTS inbox_lanes ON inbox (lane, seq) WHERE acked_at IS NULL"
_INDEX_BEFORE = "DROP INDEX IF EXISTS inbox_open"  # of an earlier version: the other one does its work

_ADDED_LATER = {  # columns that a file of an earlier version has not
    "reading": "TEXT NOT NULL DEFAULT ''",
    "meaning": "TEXT NOT NULL DEFAULT ''",
    "lane": f"TEXT NOT NULL DEFAULT '{_NORMAL}'",
    "excused": "INTEGER NOT NULL DEFAULT 0",
    "fault": "TEXT NOT NULL DEFAULT ''",
}
_LANES = """
WITH RECURSIVE lanes (lane) AS (
    SELECT min(lane) FROM inbox WHERE acked_at IS NULL
    UNION ALL
    SELECT (SELECT min(lane) FROM inbox WHERE acked_at IS NULL AND lane > lanes.lane) FROM lanes
    WHERE lanes.lane IS NOT NULL
) SELECT lane FROM lanes WHERE lane IS NOT NULL
"""
_LEASED_COLUMNS = (
    "seq, case_id, source, event_id, content_type, body, digest, received_us, deliveries, reading, excused, fault"
)
_FREE = (
    "SELECT {columns} FROM inbox WHERE acked_at IS NULL AND lane = ? AND (leased_until <= ? OR leased_at > ?) "
    "ORDER BY seq LIMIT ?"
)


def connect(path: Path, *, max_file_bytes: int | None = None) -> sqlite3.Connection:
    """Open the file for one thread, making it and its tables if need be; `max_file_bytes` is when it counts as full.

    Raises:
        sqlite3.Error: it cannot be opened, or is no database.
    """
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        switch_to_wal(connection, BUSY_TIMEOUT_S)
        connection.execute("PRAGMA synchronous=FULL")
        # Pages of the index are written again and again: copied into the file less often, each copy serves more rows.
        connection.execute("PRAGMA wal_autocheckpoint=4000")
        if max_file_bytes is not None:
            page = connection.execute("PRAGMA page_size").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count={max(1, max_file_bytes // page)}")
        connection.executescript(_SCHEMA)
        _add_columns(connection)
        connection.execute(_INDEX)
        connection.execute(_INDEX_BEFORE)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _add_columns(db: sqlite3.Connection) -> None:
    """Bring the table of an earlier version up to date; another process may do so at the same time."""
    if len(_columns(db).intersection(_ADDED_LATER)) == len(_ADDED_LATER):
        return
    with _transaction(db):
        known = _columns(db)
        for name, kind in _ADDED_LATER.items():
            if name not in known:
                db.execute(f"ALTER TABLE inbox ADD COLUMN {name} {kind}")


def _columns(db: sqlite3.Connection) -> set[str]:
    return {row[1] for row in db.execute("PRAGMA table_info(inbox)")}


def version(db: sqlite3.Connection) -> int:
    """Return a number that changes with every commit of another connection."""
    return int(db.execute("PRAGMA data_version").fetchone()[0])


def lease(db: sqlite3.Connection, turns: Turns, limit: int, lease_s: float, now: float) -> list[InboxItem]:
    """Take up to `limit` payloads by turns, in each lane the oldest first."""
    # Whoever polls an empty pen must not take the write lock from those who fill it.
    order = turns.take(_free(db, limit, now), limit)
    if not order:
        return []
    taken: dict[PenLane, deque[InboxItem]] = defaultdict(deque)
    with _transaction(db):
        for lane, count in Counter(order).items():
            query = _FREE.format(columns=_LEASED_COLUMNS)
            found = db.execute(query, (lane.name, now, now + _CLOCK_SLACK_S, count)).fetchall()
            db.executemany(
                "UPDATE inbox SET leased_at = ?, leased_until = ?, deliveries = deliveries + 1 WHERE seq = ?",
                [(now, now + lease_s, row[0]) for row in found],
            )
            taken[lane].extend(_item(lane, row) for row in found)
    # Another process may have been faster with some of them.
    return [taken[lane].popleft() for lane in order if taken[lane]]


def _free(db: sqlite3.Connection, limit: int, now: float) -> dict[PenLane, int]:
    """Count what may be leased, by lane; no further than `limit` in each."""
    query = f"SELECT count(*) FROM ({_FREE.format(columns='seq')})"  # noqa: S608 - constant parts
    lanes = [row[0] for row in db.execute(_LANES)]
    counts = {lane: db.execute(query, (lane, now, now + _CLOCK_SLACK_S, limit)).fetchone()[0] for lane in lanes}
    return {lane_named(lane): count for lane, count in counts.items()}


def _item(lane: PenLane, row: tuple) -> InboxItem:  # type: ignore[type-arg]  # of `_LEASED_COLUMNS`
    _, case_id, source, event_id, content_type, body, digest, received_us, deliveries, reading, excused, fault = row
    return InboxItem(
        case_id=case_id,
        source=source,
        event_id=event_id,
        content_type=content_type,
        body=body,
        digest=digest.hex(),
        received_at=datetime.fromtimestamp(received_us / 1e6, UTC),
        deliveries=deliveries + 1,
        reading=reading,
        tenant=lane.tenant,
        priority=lane.priority,
        excused=excused,
        fault=fault,
    )


def release(db: sqlite3.Connection, case_ids: list[str]) -> None:
    """Let go of what was leased and not worked, for no reason of its own."""
    with _transaction(db):
        db.executemany(
            "UPDATE inbox SET leased_at = 0, leased_until = 0, excused = excused + 1 "
            "WHERE case_id = ? AND acked_at IS NULL AND leased_until > 0",
            [(case_id,) for case_id in case_ids],
        )


def take_back_lease(db: sqlite3.Connection, case_ids: list[str]) -> None:
    """Let go of what was leased for somebody who never saw it."""
    with _transaction(db):
        db.executemany(
            "UPDATE inbox SET leased_at = 0, leased_until = 0, deliveries = deliveries - 1 "
            "WHERE case_id = ? AND acked_at IS NULL",
            [(case_id,) for case_id in case_ids],
        )


def ack(db: sqlite3.Connection, case_ids: list[str], now: float, keep_s: float, remembered_s: float) -> None:
    """Say that these are done, drop bodies that are kept long enough, forget ids that are remembered long enough."""
    # Read before the write lock is taken: senders wait for that one.
    done = [(now, _meaning(db, case_id), case_id) for case_id in case_ids]
    with _transaction(db):
        db.executemany("UPDATE inbox SET acked_at = ?, meaning = ? WHERE case_id = ? AND acked_at IS NULL", done)
        db.execute(
            "UPDATE inbox SET body = x'' WHERE seq IN (SELECT seq FROM inbox "
            "WHERE acked_at IS NOT NULL AND body <> x'' AND acked_at <= ? ORDER BY acked_at LIMIT ?)",
            (now - keep_s, _EMPTIED_AT_ONCE),
        )
        # Never the last one: its number is the count of all that ever came.
        db.execute(
            "DELETE FROM inbox WHERE seq IN (SELECT seq FROM inbox WHERE acked_at IS NOT NULL AND acked_at <= ? "
            "AND seq < (SELECT max(seq) FROM inbox) ORDER BY acked_at LIMIT ?)",
            (now - remembered_s, _FORGOTTEN_AT_ONCE),
        )


def acknowledged(db: sqlite3.Connection, case_ids: Sequence[str]) -> dict[str, bool]:
    """Return those that are done, and of each whether its body is there still."""
    query = "SELECT length(body) > 0 FROM inbox WHERE case_id = ? AND acked_at IS NOT NULL"
    found = ((case_id, db.execute(query, (case_id,)).fetchone()) for case_id in case_ids)
    return {case_id: bool(row[0]) for case_id, row in found if row is not None}


def put_back(db: sqlite3.Connection, case_ids: Sequence[str]) -> int:
    """Let payloads be taken once more; return how many."""
    statement = (
        "UPDATE inbox SET acked_at = NULL, leased_at = 0, leased_until = 0, deliveries = 0, excused = 0 "
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


def remembered(db: sqlite3.Connection, after: str, limit: int) -> list[AcceptedEvent]:
    """Return what is done and remembered, in order of id, after the given one."""
    query = (
        "SELECT case_id, digest, received_us, content_type, reading, meaning, acked_at FROM inbox "
        "WHERE acked_at IS NOT NULL AND case_id > ? ORDER BY case_id LIMIT ?"
    )
    return [
        AcceptedEvent(
            case_id=case_id,
            digest=digest.hex(),
            received_at=datetime.fromtimestamp(received_us / 1e6, UTC),
            content_type=content_type,
            reading=reading,
            meaning=meaning,
            done_at=datetime.fromtimestamp(acked_at, UTC),
        )
        for case_id, digest, received_us, content_type, reading, meaning, acked_at in db.execute(query, (after, limit))
    ]


def remember(db: sqlite3.Connection, events: Sequence[AcceptedEvent]) -> None:
    """Remember what was done in another pen; its body stays there."""
    done = [
        (
            event.case_id,
            *event.case_id.split("/", 2)[1:],
            event.content_type,
            bytes.fromhex(event.digest),
            int(event.received_at.timestamp() * 1e6),
            (event.done_at or event.received_at).timestamp(),
            event.reading,
            event.meaning,
        )
        for event in events
    ]
    with _transaction(db):
        db.executemany(
            "INSERT INTO inbox (case_id, source, event_id, content_type, body, digest, received_us, put_mark, "
            "acked_at, reading, meaning) VALUES (?, ?, ?, ?, x'', ?, ?, 0, ?, ?, ?) ON CONFLICT DO NOTHING",
            done,
        )


def forget(db: sqlite3.Connection, case_ids: Sequence[str]) -> None:
    """Forget what is not done: another pen has it now."""
    with _transaction(db):
        db.executemany("DELETE FROM inbox WHERE case_id = ? AND acked_at IS NULL", [(one,) for one in case_ids])


def waiting(db: sqlite3.Connection) -> int:
    """Count what is not done."""
    return int(db.execute("SELECT count(*) FROM inbox WHERE acked_at IS NULL").fetchone()[0])


def probe(db: sqlite3.Connection, now: float) -> None:
    """Write as much as a large payload takes, and keep the time only."""
    with _transaction(db):
        db.execute("INSERT OR REPLACE INTO probe VALUES (1, ?, zeroblob(?))", (now, _PROBE_BYTES))
        db.execute("UPDATE probe SET filling = x''")


def depth(db: sqlite3.Connection, now: float) -> InboxDepth:
    """Count what waits."""
    rows = db.execute(
        "SELECT lane, sum(leased_until > ? AND leased_at <= ?), count(*), min(received_us) "
        "FROM inbox WHERE acked_at IS NULL GROUP BY lane ORDER BY lane",
        (now, now + _CLOCK_SLACK_S),
    ).fetchall()
    lanes = {lane: unfinished - leased for lane, leased, unfinished, _ in rows if unfinished > leased}
    oldest_us = min((row[3] for row in rows), default=None)
    # Age never takes the last row, so the highest number is the count; less what went to another pen.
    total = db.execute("SELECT coalesce(max(seq), 0) FROM inbox").fetchone()[0]
    oldest_s = max(0.0, now - oldest_us / 1e6) if oldest_us is not None else 0.0
    leased = sum(row[1] for row in rows)
    return InboxDepth(ready=sum(lanes.values()), leased=leased, total=total, oldest_s=oldest_s, lanes=lanes)


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
