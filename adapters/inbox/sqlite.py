"""The embedded holding pen: one SQLite file, written by the gateway and emptied by the intake worker.

Many puts share one commit: while a batch is being synced to disk, the next one gathers. WAL with `synchronous=FULL`
means that a put which returned survives the loss of power. An acknowledged payload keeps its id, its digest and
the digest of what it said, so that the same event is known again after days. Its body stays for a day: a store that is
put back from a backup of the last day lacks no case for good. After thirty days its row goes as well.
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
from functools import partial
from pathlib import Path
from typing import TypeVar

from adapters.inbox import sqlite_rows as rows
from adapters.inbox.group_commit import GroupCommitWriter
from domain.errors import TransientError
from domain.intake import REMEMBERED_S
from domain.turns import Turns
from ports.incoming.accepted_log import AcceptedEvent
from ports.incoming.inbox import InboxDepth, InboxItem, KeptPayload, PutOutcome

KEEP_S = 86_400.0
"""For so long the body of an acknowledged payload is kept, seconds."""
_LOOK_S = 0.01  # how often a waiting worker looks whether something was committed: one percent of a core
_LOOK_AGAIN_S = 0.5  # so long it believes that: leases end without a commit
_PROBE_S = 5.0  # how long it is believed that the disk takes what is written
LEAST_FREE_BYTES = 64 * 1024 * 1024  # below it a disk counts as full: a few webhooks of the largest size

_LOG = logging.getLogger("headgate.inbox")

_T = TypeVar("_T")


class SqliteInbox:
    """An `Inbox` in a SQLite file.

    `max_waiting` payloads may wait unacknowledged, then puts are refused until some are done; `max_file_bytes` caps the
    file. A put is confirmed or refused within `put_timeout_s` seconds, whatever the disk does. A disk with less than
    `least_free_bytes` counts as full when it is asked beforehand. Bodies are dropped `keep_s` seconds after they were
    acknowledged, and ids are forgotten after `remembered_s`: the file grows no further then.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_waiting: int = 200_000,
        max_file_bytes: int | None = None,
        put_timeout_s: float = 4.0,
        keep_s: float = KEEP_S,
        remembered_s: float = REMEMBERED_S,
        turns: Turns | None = None,
        least_free_bytes: int = LEAST_FREE_BYTES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._max_file_bytes = max_file_bytes
        self._clock = clock
        self._put_timeout_s = put_timeout_s
        self._keep_s = keep_s
        self._remembered_s = remembered_s
        self._turns = turns or Turns()
        self._max_waiting = max_waiting
        self._least_free_bytes = least_free_bytes
        self._probed_at = float("-inf")
        self._writer = GroupCommitWriter(self._open, max_waiting=max_waiting)
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="inbox-reader")
        self._connection: sqlite3.Connection | None = None

    @property
    def file(self) -> Path:
        """Return where it is."""
        return self._path.resolve()

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
            await self._read(lambda db: rows.take_back_lease(db, case_ids))

    def _lease_until(
        self, db: sqlite3.Connection, *, limit: int, lease_s: float, until: float, unwanted: threading.Event
    ) -> list[InboxItem]:
        # Asking for the version takes three microseconds, no lock and no query.
        while True:
            seen = rows.version(db)
            if items := rows.lease(db, self._turns, limit, lease_s, self._clock()):
                return items
            while rows.version(db) == seen:
                if unwanted.is_set() or time.monotonic() >= until:
                    return []
                time.sleep(_LOOK_S)

    async def release(self, case_ids: Sequence[str]) -> None:
        """Give back what was leased and not worked, for no reason of its own: this time is excused."""
        await self._read(lambda db: rows.release(db, list(case_ids)))

    async def ack(self, case_ids: Sequence[str]) -> None:
        """Say that these are done: their bodies are dropped later, ids, digests and what they said (a digest) stay."""
        await self._read(lambda db: rows.ack(db, list(case_ids), self._clock(), self._keep_s, self._remembered_s))

    async def acknowledged(self, case_ids: Sequence[str]) -> dict[str, bool]:
        """Return those that are done, and of each whether its body is there still."""
        return await self._read(lambda db: rows.acknowledged(db, case_ids))

    async def put_back(self, case_ids: Sequence[str]) -> int:
        """Let payloads be taken once more that are done, where their body is there still; return how many."""
        return await self._read(lambda db: rows.put_back(db, case_ids))

    async def kept(self, case_id: str) -> KeptPayload | None:
        """Return what is known of a payload by its case, None if it never came."""
        query = "SELECT content_type, body, reading, meaning FROM inbox WHERE case_id = ?"
        row = await self._read(lambda db: db.execute(query, (case_id,)).fetchone())
        return KeptPayload(*row) if row is not None else None

    async def depth(self) -> InboxDepth:
        """Count what waits."""
        return await self._read(lambda db: rows.depth(db, self._clock()))

    async def check_writable(self) -> None:
        """Return if a payload could be stored now: there is room, and what is written arrives on the disk.

        Something is really written for it, at most every few seconds while it succeeds; a refusal is not remembered.

        Raises:
            TransientError: it could not be stored; the message says why.
        """
        waiting = await self._read(rows.waiting)
        if waiting >= self._max_waiting:
            raise TransientError(f"inbox: {waiting} payloads wait already, send again later")
        free = (await asyncio.to_thread(shutil.disk_usage, self._path.parent)).free
        if free < self._least_free_bytes:
            raise TransientError(
                f"inbox: the disk has {free} bytes left, {self._least_free_bytes} are wanted: make room"
            )
        if time.monotonic() - self._probed_at > _PROBE_S:
            await self._read(lambda db: rows.probe(db, self._clock()))
            self._probed_at = time.monotonic()

    async def accepted(self, after: str = "", limit: int = 1000) -> list[str]:
        """Return case ids that were accepted and are remembered, in order of id, after the given one."""
        query = "SELECT case_id FROM inbox WHERE case_id > ? ORDER BY case_id LIMIT ?"
        return await self._read(lambda db: [row[0] for row in db.execute(query, (after, limit))])

    async def remembered(self, after: str, limit: int) -> list[AcceptedEvent]:
        """Return what is done and remembered, in order of id, after the given one."""
        return await self._read(lambda db: rows.remembered(db, after, limit))

    async def remember(self, events: Sequence[AcceptedEvent]) -> None:
        """Remember what was done in another pen."""
        await self._read(lambda db: rows.remember(db, events))

    async def hand_over(self, case_ids: Sequence[str]) -> None:
        """Forget leased payloads that another pen has now. As done they would be lost on the way back."""
        await self._read(lambda db: rows.forget(db, case_ids))

    async def close(self) -> None:
        """Write what is pending and let go of the file."""
        await asyncio.to_thread(self._writer.close)
        await asyncio.get_running_loop().run_in_executor(self._reader, self._drop_connection)
        self._reader.shutdown()

    def _open(self) -> sqlite3.Connection:
        return rows.connect(self._path, max_file_bytes=self._max_file_bytes)

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
