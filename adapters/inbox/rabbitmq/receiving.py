"""Taking messages out of queues: as many as were wanted, held until they are settled or given back.

A consumer with exactly that many to fetch, cancelled as soon as they came: a hundred messages take a tenth of the time
of a hundred `basic.get`, each of which a quorum queue writes to its log. How many there are is asked first, so that an
empty queue costs one question, and nobody waits for what will not come. What comes more slowly than a call may take is
taken as far as it came, and less is asked for the next time: what is handed out and does not arrive counts as in vain.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.exceptions import ChannelNotFoundEntity

from adapters.inbox.rabbitmq.channels import SpareChannels, transient_faults, within
from domain.errors import TransientError

# So long after the last message others must have been quicker to take the rest, seconds.
_QUIET_S = 0.1
_MOST_AT_ONCE = 2000  # more to fetch than that makes a quorum queue slow
_AT_ONCE = 16  # queues that are looked at, at the same time
_STOP_S = 0.5  # before its end a call stops waiting for more: the broker is to hear of that,
_HEARD_S = 0.1  # and so long before its end it must have said that it did


@dataclass(eq=False, slots=True)
class _Hold:
    """A channel and what came over it and is not settled yet."""

    channel: AbstractChannel
    tags: set[int] = field(default_factory=set)
    stopping: "asyncio.Task[object] | None" = None
    """Set where the broker did not say in time that it sends no more over this channel."""


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
        self._most = _MOST_AT_ONCE

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
            TransientError: the broker is away or nothing came by `until` of the loop's clock; nothing was taken.
        """
        async with within(until), self._turns:
            hold = _Hold(await self._channels.take())
            try:
                came = await _consume(hold, queue, min(wanted, self._most), until)
            except BaseException as e:
                self._discard(hold)
                if isinstance(e, ChannelNotFoundEntity):
                    return []
                raise
        self._most = max(1, len(came)) if hold.stopping else min(_MOST_AT_ONCE, self._most * 2)
        if not came:
            self._put_back(hold)
            if hold.stopping:
                raise TransientError("RabbitMQ: no answer in time")
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
            self._discard(hold)
            return
        hold.tags -= tags
        if not hold.tags:
            self._put_back(hold)

    def abandon(self, held: HeldMessage) -> None:
        """Give back all that came with this one, without waiting."""
        held.hold.tags.clear()
        self._discard(held.hold)

    def _put_back(self, hold: _Hold) -> None:
        if hold.stopping is None:
            self._channels.put_back(hold.channel)
        else:
            self._discard(hold)

    def _discard(self, hold: _Hold) -> None:
        if hold.stopping is not None:
            hold.stopping.cancel()  # the channel cannot be closed before
        self._channels.discard(hold.channel)


def _by_hold(held: Iterable[HeldMessage]) -> dict[_Hold, set[int]]:
    """Return what is still held: neither settled before nor lost with its channel."""
    found: dict[_Hold, set[int]] = {}
    for one in held:
        if one.tag in one.hold.tags and not one.hold.channel.is_closed:
            found.setdefault(one.hold, set()).add(one.tag)
    return found


async def _consume(hold: _Hold, queue: str, wanted: int, until: float) -> list[DeliveredMessage]:
    channel = hold.channel
    declared = await channel.queue_declare(queue, passive=True)
    expected = min(wanted, declared.message_count or 0)
    came: list[DeliveredMessage] = []
    if expected <= 0:
        return came
    loop = asyncio.get_running_loop()
    if loop.time() >= until - _STOP_S:
        raise TimeoutError  # before anything is handed out: it would count as in vain
    news = asyncio.Event()
    over = False

    async def keep(message: DeliveredMessage) -> None:
        if over:
            with suppress(TransientError), transient_faults():
                await channel.basic_reject(message.delivery_tag or 0, requeue=True, wait=False)
            return
        came.append(message)
        news.set()

    await channel.basic_qos(prefetch_count=expected)
    consuming = await channel.basic_consume(queue, keep)
    try:
        while len(came) < expected:
            news.clear()
            async with asyncio.timeout_at(min(loop.time() + _QUIET_S, until - _STOP_S)):
                await news.wait()
    except TimeoutError:
        pass
    # By a task of its own: where a call is cancelled, the client library closes its channel, with all that it holds.
    hold.stopping = asyncio.ensure_future(channel.basic_cancel(consuming.consumer_tag or ""))
    done, _ = await asyncio.wait({hold.stopping}, timeout=until - _HEARD_S - loop.time())
    if done:
        hold.stopping.result()
        hold.stopping = None
    over = True
    return came
