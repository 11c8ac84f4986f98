"""Taking messages out of queues: as many as were wanted, held until they are settled or given back.

A consumer with exactly that many to fetch, cancelled as soon as they came: a hundred messages take a tenth of the time
of a hundred `basic.get`, each of which a quorum queue writes to its log. How many there are is asked first, so that an
empty queue costs one question, and nobody waits for what will not come.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.exceptions import ChannelNotFoundEntity

from adapters.inbox.rabbitmq.channels import SpareChannels, within
from domain.errors import TransientError

# So long after the last message others must have been quicker to take the rest, seconds.
_QUIET_S = 0.1
_MOST_AT_ONCE = 2000  # more to fetch than that makes a quorum queue slow
_AT_ONCE = 16  # queues that are looked at, at the same time


@dataclass(eq=False, slots=True)
class _Hold:
    """A channel and what came over it and is not settled yet."""

    channel: AbstractChannel
    tags: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class HeldMessage:
    """The handle of a delivery: where its settling goes."""

    hold: _Hold
    tag: int


class QueueReceiver:
    """Counts and takes messages over the channels it is given."""

    def __init__(self, channels: SpareChannels) -> None:
        self._channels = channels
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def count(self, queue: str, *, until: float) -> int | None:
        """Return how many messages wait in a queue; None if there is no such queue.

        Raises:
            TransientError: the broker is away or did not answer by `until` of the loop's clock.
        """
        async with within(until), self._turns:
            channel = await self._channels.take()
            try:
                declared = await channel.queue_declare(queue, passive=True)
            except BaseException as e:
                self._channels.discard(channel)
                if isinstance(e, ChannelNotFoundEntity):
                    return None
                raise
            self._channels.put_back(channel)
            return declared.message_count or 0

    async def take(self, queue: str, wanted: int, *, until: float) -> list[tuple[DeliveredMessage, HeldMessage]]:
        """Take up to so many messages, oldest first; none from a queue that does not exist.

        Raises:
            TransientError: the broker is away or did not answer by `until` of the loop's clock; nothing was taken.
        """
        async with within(until), self._turns:
            channel = await self._channels.take()
            try:
                came = await _consume(channel, queue, wanted)
            except BaseException as e:
                self._channels.discard(channel)
                if isinstance(e, ChannelNotFoundEntity):
                    return []
                raise
        if not came:
            self._channels.put_back(channel)
        hold = _Hold(channel)
        held = [(message, HeldMessage(hold, message.delivery_tag or 0)) for message in came]
        hold.tags = {one.tag for _, one in held}
        return held

    async def settle(self, held: Iterable[HeldMessage], *, until: float) -> None:
        """Acknowledge what is still held. What the broker has taken away, or takes meanwhile, comes again."""
        for hold, tags in _by_hold(held).items():
            async with self._ending(hold, tags, until):
                if tags == hold.tags:
                    await hold.channel.basic_ack(max(tags), multiple=True, wait=False)
                else:
                    for tag in tags:
                        await hold.channel.basic_ack(tag, wait=False)

    async def give_back(self, held: Iterable[HeldMessage], *, until: float) -> None:
        """Put what is still held back to the head of its queue."""
        for hold, tags in _by_hold(held).items():
            async with self._ending(hold, tags, until):
                for tag in sorted(tags):
                    # Not nack, which from RabbitMQ 4.3 on does not count: nothing would ever be given up.
                    await hold.channel.basic_reject(tag, requeue=True, wait=False)

    @asynccontextmanager
    async def _ending(self, hold: _Hold, tags: set[int], until: float) -> AsyncIterator[None]:
        try:
            async with within(until):
                yield
        except TransientError:
            # Its channel or connection is lost: all it held is the broker's again.
            self._channels.discard(hold.channel)
            return
        hold.tags -= tags
        if not hold.tags:
            self._channels.put_back(hold.channel)

    def abandon(self, held: HeldMessage) -> None:
        """Give back all that came with this one, without waiting."""
        held.hold.tags.clear()
        self._channels.discard(held.hold.channel)


def _by_hold(held: Iterable[HeldMessage]) -> dict[_Hold, set[int]]:
    """Return what is still held: neither settled before nor lost with its channel."""
    found: dict[_Hold, set[int]] = {}
    for one in held:
        if one.tag in one.hold.tags and not one.hold.channel.is_closed:
            found.setdefault(one.hold, set()).add(one.tag)
    return found


async def _consume(channel: AbstractChannel, queue: str, wanted: int) -> list[DeliveredMessage]:
    declared = await channel.queue_declare(queue, passive=True)
    expected = min(wanted, declared.message_count or 0, _MOST_AT_ONCE)
    came: list[DeliveredMessage] = []
    if expected <= 0:
        return came
    news = asyncio.Event()

    async def keep(message: DeliveredMessage) -> None:
        came.append(message)
        news.set()

    await channel.basic_qos(prefetch_count=expected)
    consuming = await channel.basic_consume(queue, keep)
    try:
        while len(came) < expected:
            news.clear()
            async with asyncio.timeout(_QUIET_S):
                await news.wait()
    except TimeoutError:
        pass
    await channel.basic_cancel(consuming.consumer_tag or "")
    return came
