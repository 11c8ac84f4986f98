"""One thread that writes payloads in batches: each batch is one statement, one commit, one sync to disk.

One statement, and not one per row, because every statement lets go of Python's interpreter lock and has to win it back
from the event loop, which is busy reading the next requests; row by row that costs more than the disk.
"""

import asyncio
import logging
import queue
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from domain.errors import TransientError
from ports.incoming.inbox import InboxItem, PutOutcome

_LOG = logging.getLogger("headgate.inbox")

MAX_BATCH = 128
_MAX_BATCH_BYTES = 16 * 1024 * 1024
_MAX_PENDING, _MAX_PENDING_BYTES = 10_000, 256 * 1024 * 1024  # in memory; beyond, the disk is hopelessly behind
# A little waiting makes batches several times larger, and each commit costs as much as twenty rows; with 2 ms it was
# the senders who waited, and a sixth fewer webhooks were taken.
_LINGER_S = 0.0005
_RECOUNT_S = 1.0  # how old the count of waiting payloads may be, seconds
_COLUMNS = "case_id, source, event_id, content_type, body, digest, received_us, put_mark, reading, lane, fault"
_ROW = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class _Put(NamedTuple):
    item: InboxItem
    confirmed: "asyncio.Future[PutOutcome]"
    loop: asyncio.AbstractEventLoop
    mark: int  # tells a row of this put from the same row of an earlier one


class GroupCommitWriter:
    """Takes puts from event loops and resolves their futures once they are on disk, or refused with `TransientError`.

    The thread starts with the first put. After an error the file is opened anew for the next batch, so it recovers when
    the disk does.
    """

    def __init__(self, open_file: Callable[[], sqlite3.Connection], *, max_waiting: int) -> None:
        self._open_file = open_file
        self._max_waiting = max_waiting
        self._puts: queue.SimpleQueue[_Put | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._db: sqlite3.Connection | None = None
        self._marks = secrets.randbits(62)
        self._waiting = 0
        self._counting, self._pending_bytes = threading.Lock(), 0
        self._busy = False  # more than one put came at once: the next commit is worth waiting for others
        self._counted_at = float("-inf")
        self.commits = 0

    def submit(self, item: InboxItem, confirmed: "asyncio.Future[PutOutcome]", loop: asyncio.AbstractEventLoop) -> None:
        """Hand over a payload; call it from the loop that the future belongs to.

        Raises:
            TransientError: too many puts wait for the disk.
        """
        if self._puts.qsize() >= _MAX_PENDING or self._pending_bytes > _MAX_PENDING_BYTES:
            raise TransientError(f"inbox: {self._puts.qsize()} payloads wait for the disk, send again later")
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="inbox-writer", daemon=True)
            self._thread.start()
        with self._counting:
            self._pending_bytes += len(item.body)
        self._marks = (self._marks + 1) & (2**62 - 1)
        self._puts.put(_Put(item, confirmed, loop, self._marks))

    def close(self) -> None:
        """Write what is pending, then stop."""
        if self._thread is not None:
            self._puts.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        going = True
        while going:
            batch, going = self._gather()
            self._busy = len(batch) > 1
            if batch:
                _resolve(batch, self._write_or_refuse(batch))
        self._drop()

    def _gather(self) -> tuple[list[_Put], bool]:
        """Wait for a put, then take all others that are there; False once the writer is to stop."""
        batch: list[_Put] = []
        size = 0
        put = self._puts.get()
        if self._busy and put is not None:
            time.sleep(_LINGER_S)
        while put is not None:
            with self._counting:
                self._pending_bytes -= len(put.item.body)
            # Who was told to send again is not written: the future is done.
            if not put.confirmed.done():
                batch.append(put)
                size += len(put.item.body)
            if len(batch) >= MAX_BATCH or size >= _MAX_BATCH_BYTES:
                return batch, True
            try:
                put = self._puts.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _write_or_refuse(self, batch: Sequence[_Put]) -> list[PutOutcome] | TransientError:
        try:
            if self._db is None:
                self._db = self._open_file()
            if self._is_full(self._db, len(batch)):
                return TransientError(f"inbox: {self._max_waiting} payloads wait already, send again later")
            return self._write(self._db, batch)
        except (sqlite3.Error, OSError) as e:
            self._drop()
            _LOG.error("inbox refuses %d payloads: %s", len(batch), e)
            return TransientError(f"inbox: {e}")
        except Exception as e:  # noqa: BLE001 - a bug must not kill the thread that all puts wait for
            self._drop()
            _LOG.exception("inbox writer failed")
            return TransientError(f"inbox: {type(e).__name__}")

    def _is_full(self, db: sqlite3.Connection, more: int) -> bool:
        now = time.monotonic()
        if now - self._counted_at > _RECOUNT_S or self._waiting + more > self._max_waiting:
            self._waiting = db.execute("SELECT count(*) FROM inbox WHERE acked_at IS NULL").fetchone()[0]
            self._counted_at = now
        return self._waiting + more > self._max_waiting

    def _write(self, db: sqlite3.Connection, batch: Sequence[_Put]) -> list[PutOutcome]:
        values: list[object] = []
        for item, _, _, mark in batch:
            values += (
                item.case_id,
                item.source,
                item.event_id,
                item.content_type,
                item.body,
                bytes.fromhex(item.digest),
                int(item.received_at.timestamp() * 1e6),
                mark,
                item.reading,
                item.lane.name,
                item.fault,
            )
        rows = ", ".join([_ROW] * len(batch))
        # The constant parts only are put together; every value is bound.
        inserted = db.execute(f"INSERT INTO inbox ({_COLUMNS}) VALUES {rows} ON CONFLICT DO NOTHING", values).rowcount  # noqa: S608
        self.commits += 1
        self._waiting += inserted
        if inserted == len(batch):
            return [PutOutcome.ACCEPTED] * inserted
        return [self._outcome(db, put) for put in batch]

    def _outcome(self, db: sqlite3.Connection, put: _Put) -> PutOutcome:
        """Find out which put a row came from: its digest never changes."""
        query = "SELECT digest, put_mark FROM inbox WHERE case_id = ?"
        row = db.execute(query, (put.item.case_id,)).fetchone()
        if row is None:
            raise sqlite3.OperationalError("an id was forgotten in the very moment in which it came again")
        digest, mark = row
        if mark == put.mark:
            return PutOutcome.ACCEPTED
        return PutOutcome.DUPLICATE if digest.hex() == put.item.digest else PutOutcome.CONFLICT

    def _drop(self) -> None:
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
            self._db = None


def _resolve(batch: Sequence[_Put], result: list[PutOutcome] | TransientError) -> None:
    """Resolve the futures in their own loops, one wake-up for each loop."""
    for loop in {put.loop for put in batch}:
        mine = [(put, i) for i, put in enumerate(batch) if put.loop is loop]
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_set_results, mine, result)


def _set_results(mine: list[tuple[_Put, int]], result: list[PutOutcome] | TransientError) -> None:
    for put, i in mine:
        if put.confirmed.done():
            continue
        if isinstance(result, TransientError):
            put.confirmed.set_exception(TransientError(str(result)))
        else:
            put.confirmed.set_result(result[i])
