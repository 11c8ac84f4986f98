"""Messages of calls that come at the same time, sent to a broker together: it confirms a hundred as fast as one."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

from domain.errors import ConfigurationError, HeadgateError, TransientError

_Message = TypeVar("_Message")
Results = Sequence[HeadgateError | None]
"""Of each message None once the broker has it, or why not."""


class _Call:
    """One call of `put`, and what became of its messages; None for those that are confirmed."""

    def __init__(self, count: int, unheard: HeadgateError) -> None:
        self.results: list[HeadgateError | None] = [unheard] * count
        self.open = count
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def heard(self, position: int, result: HeadgateError | None) -> None:
        self.results[position] = result
        self.open -= 1
        if not self.open and not self.ended.done():
            self.ended.set_result(None)


class _Waiting(NamedTuple, Generic[_Message]):
    message: _Message
    size: int
    call: _Call
    position: int


class Gathering(Generic[_Message]):
    """Sends by `send`, in the order of coming: at most `most` messages and `most_bytes` at once, `at_once` such batches
    at the same time. `send` returns for each message None or why it was not taken; what it raises holds for all.
    """

    def __init__(
        self, send: Callable[[list[_Message]], Awaitable[Results]], *, most: int, most_bytes: int, at_once: int
    ) -> None:
        self._send = send
        self._most = most
        self._most_bytes = most_bytes
        self._at_once = at_once
        self._waiting: deque[_Waiting[_Message]] = deque()
        self._senders: set[asyncio.Task[None]] = set()

    async def put(self, messages: Sequence[tuple[_Message, int]], within_s: float) -> Results:
        """Send messages, each with its size in bytes; return for each None once it is confirmed, or why it is not.
        What is not sent by then, or when the caller is cancelled, is not sent any more.
        """
        if not messages:
            return []
        call = _Call(len(messages), TransientError(f"the broker has not confirmed within {within_s:g} seconds"))
        self._waiting.extend(_Waiting(message, size, call, n) for n, (message, size) in enumerate(messages))
        if len(self._senders) < self._at_once:
            sender = asyncio.create_task(self._send_all())
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)
        try:
            async with asyncio.timeout(within_s):
                await call.ended
        except TimeoutError:
            pass
        return tuple(call.results)

    def stop(self) -> None:
        """Send no more; whoever waits is told so."""
        for sender in self._senders:
            sender.cancel()
        _tell(self._waiting, _stopped())
        self._waiting.clear()

    async def _send_all(self) -> None:
        while batch := self._batch():
            try:
                results = await self._send([waiting.message for waiting in batch])
            except asyncio.CancelledError:
                _tell(batch, _stopped())
                raise
            except HeadgateError as e:
                _tell(batch, e)
            except Exception as e:  # noqa: BLE001 - a bug: raised where the messages came from
                for waiting in batch:
                    if not waiting.call.ended.done():
                        waiting.call.ended.set_exception(e)
            else:
                for waiting, result in zip(batch, results, strict=True):
                    waiting.call.heard(waiting.position, result)

    def _batch(self) -> list[_Waiting[_Message]]:
        batch: list[_Waiting[_Message]] = []
        size = 0
        while self._waiting and len(batch) < self._most:
            first = self._waiting[0]
            if batch and size + first.size > self._most_bytes:
                break
            self._waiting.popleft()
            if not first.call.ended.done():  # its caller waits still
                batch.append(first)
                size += first.size
        return batch


def outcome(results: Results) -> list[TransientError | None]:
    """Return what a broker's `publish` says of its messages.

    Raises:
        ConfigurationError, TransientError: none of them was taken.
    """
    refused = [result for result in results if result is not None]
    if refused and len(refused) == len(results):
        raise next((result for result in refused if isinstance(result, ConfigurationError)), refused[0])
    return [
        result if result is None or isinstance(result, TransientError) else TransientError(str(result))
        for result in results
    ]


def _tell(batch: Iterable[_Waiting[_Message]], why: HeadgateError) -> None:
    for waiting in batch:
        waiting.call.heard(waiting.position, why)


def _stopped() -> TransientError:
    return TransientError("the connection to the broker was closed before it had confirmed")
