"""The queues: one for each lane, one for what the broker gave up. Made by us, and again when somebody removed them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from collections.abc import Set as AbstractSet
from functools import partial
from typing import TypeVar

from aiormq.exceptions import (
    ChannelAccessRefused,
    ChannelLockedResource,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
)
from pamqp.common import FieldTable

from adapters.inbox.rabbitmq.address import RabbitAddress
from adapters.inbox.rabbitmq.channels import SpareChannels, within
from adapters.inbox.rabbitmq.connecting import CALL_WITHIN_S
from adapters.inbox.rabbitmq.lanes import LaneNames
from domain.errors import ConfigurationError, TransientError

DELIVERY_LIMIT = 20
"""A message that was handed out so many times and one more without being settled is given up."""
# RabbitMQ 4 has a limit where none is set, and what meets it in the last queue would be dropped.
_NO_LIMIT = 1_000_000_000
WRITTEN_AFTER_S = 1.2
"""How long a new queue is left alone, seconds. A server that is killed in the second after it made a quorum queue
forgets the queue's data, with all that it has confirmed: it writes down whose the data is once half a second has passed
without new queues, and looks each half second (seen with 3.10; the code is the same in 4). A queue that is there when
it is first looked for counts as new: another process may have made it just now.
"""
_AT_ONCE = 16

_T = TypeVar("_T")
QueueFailure = TransientError | ConfigurationError | None


class LaneQueues:
    """Declares queues, each once, however many ask for it at the same time."""

    def __init__(self, address: RabbitAddress, names: LaneNames, channels: SpareChannels) -> None:
        self._address = address
        self._names = names
        self._channels = channels
        self._declared: set[str] = set()
        self._written: set[str] = set()
        self._declaring: dict[str, asyncio.Task[QueueFailure]] = {}
        self._new: dict[str, asyncio.Future[None]] = {}
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._making: asyncio.Task[None] | None = None

    def forget(self, queues: Iterable[str] | None = None) -> None:
        """Believe no longer that these are there, or any. Those that are named were removed: they will be new."""
        if queues is None:
            self._declared.clear()
        else:
            removed = set(queues)
            self._declared -= removed
            self._written -= removed

    def known(self, queues: AbstractSet[str]) -> bool:
        """Return if all of them were declared."""
        return queues <= self._declared

    async def ensure(self, queues: Iterable[str]) -> dict[str, TransientError | ConfigurationError]:
        """Declare those of the queues that are not known to be there; return which of them cannot be had, and why."""
        missing = set(queues) - self._declared
        if not missing:
            return {}
        for queue in missing - self._declaring.keys():
            task = self._declaring[queue] = asyncio.create_task(self._declare(queue))
            task.add_done_callback(partial(self._finished, queue))
        tasks = {queue: self._declaring[queue] for queue in missing}
        await asyncio.wait(tasks.values())
        results = {queue: task.result() for queue, task in tasks.items()}
        return {queue: failure for queue, failure in results.items() if failure is not None}

    def _finished(self, queue: str, task: "asyncio.Task[QueueFailure]") -> None:
        del self._declaring[queue]
        if not task.cancelled() and task.exception() is None and task.result() is None:
            self._declared.add(queue)

    async def _declare(self, queue: str) -> QueueFailure:
        try:
            written = queue in self._written and await self._in_turn(self._exists, queue)
            if written or queue == self._names.given_up:
                await self._in_turn(self._declare_now, queue)
            else:
                connection = self._channels.connection
                await self._make(queue)
                if connection is not None and connection is self._channels.connection:  # the server lived on meanwhile
                    self._written.add(queue)
        except (TransientError, ConfigurationError) as e:
            return e
        return None

    async def _in_turn(self, call: Callable[[str], Awaitable[_T]], queue: str) -> _T:
        async with self._turns, within(asyncio.get_running_loop().time() + CALL_WITHIN_S):
            return await call(queue)

    async def _make(self, queue: str) -> None:
        made = self._new[queue] = asyncio.get_running_loop().create_future()
        if self._making is None:
            self._making = asyncio.create_task(self._make_all())
        await made

    async def _make_all(self) -> None:
        """Make queues in rounds, so that there is a quiet time after each, and say so when it is over."""
        batch: dict[str, asyncio.Future[None]] = {}
        try:
            while self._new:
                batch, self._new = self._new, {}
                declaring = [self._in_turn(self._declare_now, queue) for queue in batch]
                results = await asyncio.gather(*declaring, return_exceptions=True)
                there = []
                for made, result in zip(batch.values(), results, strict=True):
                    if isinstance(result, BaseException):
                        made.set_exception(result)
                    else:
                        there.append(made)
                if there:
                    await asyncio.sleep(WRITTEN_AFTER_S)
                for made in there:
                    made.set_result(None)
        finally:
            self._making = None
            for made in (*batch.values(), *self._new.values()):
                made.cancel()

    async def _exists(self, queue: str) -> bool:
        channel = await self._channels.take()
        try:
            await channel.queue_declare(queue, passive=True)
        except BaseException as e:
            self._channels.discard(channel)
            if isinstance(e, ChannelNotFoundEntity):
                return False
            raise
        self._channels.put_back(channel)
        return True

    async def _declare_now(self, queue: str) -> None:
        channel = await self._channels.take()
        try:
            await channel.queue_declare(queue, durable=True, arguments=self._arguments(queue))
        except (ChannelPreconditionFailed, ChannelLockedResource) as e:
            remedy = "empty and delete that queue, or choose another prefix"
            raise self._address.mistake(f"queue {queue!r} exists and is another ({e})", remedy) from e
        except ChannelAccessRefused as e:
            remedy = "permit the user to configure, write and read what begins with the prefix"
            raise self._address.mistake(f"queue {queue!r} may not be made ({e})", remedy) from e
        except BaseException:
            self._channels.discard(channel)
            raise
        self._channels.put_back(channel)

    def _arguments(self, queue: str) -> FieldTable:
        if queue == self._names.given_up:
            return {"x-queue-type": "quorum", "x-delivery-limit": _NO_LIMIT}
        return {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": self._names.given_up,
            # What is given up leaves its queue only once it is safe in the other; that needs the second.
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }
