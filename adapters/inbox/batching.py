"""Puts that wait together: while some batches are on their way to the broker, the next one gathers."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from domain.errors import HeadgateError, TransientError
from ports.incoming.inbox import InboxItem, PutOutcome

_LOG = logging.getLogger("headgate.inbox")

MAX_BATCH = 64
_MAX_BATCH_BYTES = 4 * 1024 * 1024
_MAX_PENDING, _MAX_PENDING_BYTES = 10_000, 256 * 1024 * 1024  # in memory; beyond, the broker is hopelessly behind
_LINGER_S = 0.001  # for those who come just after: most of what a batch costs is the same for five as for fifty
_FLIGHTS = 2  # batches on their way at once: while one is published, the other is written down

Outcome = PutOutcome | TransientError
Write = Callable[[Sequence[InboxItem]], Awaitable[list[Outcome]]]
_Put = tuple[InboxItem, "asyncio.Future[PutOutcome]"]


class PutBatcher:
    """Hands puts in batches to `write`; each is confirmed or refused within `timeout_s` seconds."""

    def __init__(self, write: Write, *, timeout_s: float) -> None:
        self._write = write
        self._timeout_s = timeout_s
        self._pending: deque[_Put] = deque()
        self._pending_bytes = 0
        self._flights: set[asyncio.Task[None]] = set()

    async def put(self, item: InboxItem) -> PutOutcome:
        """Put a payload.

        Raises:
            TransientError: it was refused, or nobody confirmed it in time.
        """
        if len(self._pending) >= _MAX_PENDING or self._pending_bytes > _MAX_PENDING_BYTES:
            raise TransientError(f"inbox: {len(self._pending)} payloads wait for the broker, send again later")
        loop = asyncio.get_running_loop()
        confirmed: asyncio.Future[PutOutcome] = loop.create_future()
        self._pending.append((item, confirmed))
        self._pending_bytes += len(item.body)
        if len(self._flights) < _FLIGHTS:
            self._fly()
        timer = loop.call_later(self._timeout_s, self._expire, confirmed)
        try:
            return await confirmed
        finally:
            timer.cancel()

    async def close(self) -> None:
        """Wait for what is on its way."""
        while self._flights:
            await asyncio.wait(self._flights)

    def _expire(self, confirmed: "asyncio.Future[PutOutcome]") -> None:
        if not confirmed.done():
            why = f"inbox: the broker did not confirm within {self._timeout_s:g} s, send again"
            confirmed.set_exception(TransientError(why))

    def _fly(self) -> None:
        flight = asyncio.create_task(self._fly_until_empty())
        self._flights.add(flight)

    async def _fly_until_empty(self) -> None:
        try:
            await self._carry()
        finally:
            # In the same moment: a put that still saw this flight would wait for one that never comes.
            self._flights.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _carry(self) -> None:
        while self._pending:
            await asyncio.sleep(_LINGER_S)
            if not (batch := self._gather()):  # the other flight took them, or nobody waits for them any more
                continue
            items = [item for item, _ in batch]
            try:
                outcomes = await self._write(items)
            except HeadgateError as e:  # a wrong setting, too, may be mended while senders try again
                outcomes = [TransientError(str(e))] * len(batch)
            except Exception as e:  # noqa: BLE001 - a bug must not leave the senders waiting
                _LOG.exception("inbox writer failed")
                outcomes = [TransientError(f"inbox: {type(e).__name__}")] * len(batch)
            for (_, confirmed), outcome in zip(batch, outcomes, strict=True):
                _resolve(confirmed, outcome)

    def _gather(self) -> list[_Put]:
        batch: list[_Put] = []
        size = 0
        while self._pending and len(batch) < MAX_BATCH and size < _MAX_BATCH_BYTES:
            put = self._pending.popleft()
            self._pending_bytes -= len(put[0].body)
            # Who was told to send again is not written: the future is done.
            if not put[1].done():
                batch.append(put)
                size += len(put[0].body)
        return batch


def _resolve(confirmed: "asyncio.Future[PutOutcome]", outcome: Outcome) -> None:
    if confirmed.done():
        return
    if isinstance(outcome, TransientError):
        confirmed.set_exception(TransientError(str(outcome)))
    else:
        confirmed.set_result(outcome)
