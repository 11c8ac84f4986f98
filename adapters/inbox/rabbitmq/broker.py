"""RabbitMQ as a broker under the holding pen."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from aiormq.abc import DeliveredMessage
from aiormq.exceptions import PublishError

from adapters.inbox.rabbitmq.address import RabbitAddress, read_address
from adapters.inbox.rabbitmq.channels import SpareChannels, within
from adapters.inbox.rabbitmq.connecting import CALL_WITHIN_S, RabbitLink
from adapters.inbox.rabbitmq.lanes import LaneNames
from adapters.inbox.rabbitmq.publishing import ConfirmedPublisher, PublishOutcome
from adapters.inbox.rabbitmq.receiving import HeldMessage, QueueReceiver
from adapters.inbox.rabbitmq.topology import LaneQueues
from domain.errors import ConfigurationError, TransientError
from ports.incoming.broker import Delivery


class RabbitBroker:
    """A `Broker` on RabbitMQ 3.10 or newer, for one event loop. Connects when it is needed, and again after a loss.

    Safe is what a majority of the queue's replicas have on disk. A message that was handed out 21 times without being
    settled is given up. What a process holds goes to others when it ends or its connection is lost.

    Nothing has to be extended while a message is held. But the server takes back what was held for longer than its own
    `consumer_timeout`, 30 minutes unless it is set otherwise, together with all that came for that lane in the same
    call of `receive`. They come again then, with a higher count; to settle the old ones is no error and no use.

    Every method that asks the broker raises `TransientError` where it is away or does not answer within three seconds,
    and `ConfigurationError` where `HEADGATE_INBOX` cannot lead to a usable one; the message says why and what to do.
    """

    max_bytes = 16 * 1024 * 1024  # what RabbitMQ 4 takes unless it is told otherwise
    look_s = 0.2

    def __init__(self, address: RabbitAddress) -> None:
        # Two connections: of the one that publishes the broker reads nothing while it is short of memory or disk.
        self._main = RabbitLink(address, "headgate receives")
        self._publishing = RabbitLink(address, "headgate publishes")
        self._names = LaneNames(address.prefix)
        self._queue = lru_cache(4096)(self._names.queue)
        channels = SpareChannels(self._main)
        self._receiver = QueueReceiver(channels)
        self._queues = LaneQueues(address, self._names, channels)
        self._publisher = ConfirmedPublisher(self._publishing)
        self._declared_for: object = None

    @classmethod
    def from_url(cls, url: str) -> "RabbitBroker":
        """Make one of `amqp[s]://user:password@host:port/vhost?prefix=headgate`; for TLS with `cafile`, `certfile`,
        `keyfile`.

        Raises:
            ConfigurationError: it is no such address.
        """
        return cls(read_address(url))

    async def open(self) -> None:
        """Connect, and declare the queue of what is given up: says at once what the first use would say."""
        until = _until()
        async with within(until):
            await self._prepare()
            await self._publishing.connection()

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> list[TransientError | None]:
        """Put messages into their lanes, all in one go; return for each None once it is confirmed, or why not.

        A lane whose queue cannot be made fails alone, as transient too: only where it is so for all, it is raised.
        """
        until = _until()
        results: list[PublishOutcome] = [self._too_large(content) for _, content in messages]
        left = {n: (self._queue(messages[n][0]), messages[n][1]) for n, result in enumerate(results) if result is None}
        if left:
            left = self._note(left, await self._send(left, until), results)
        if left:
            # These queues were removed since they were declared: once more.
            self._queues.forget(queue for queue, _ in left.values())
            try:
                self._note(left, await self._send(left, until), results)
            except TransientError as e:
                self._note(left, dict.fromkeys(left, e), results)
        mistakes = [result for result in results if isinstance(result, ConfigurationError)]
        if mistakes and len(mistakes) == len(results):
            raise mistakes[0]
        return [_why_not(result) for result in results]

    def _too_large(self, content: bytes) -> TransientError | None:
        if len(content) <= self.max_bytes:
            return None
        return TransientError(f"a message of {len(content)} bytes: RabbitMQ takes {self.max_bytes} at most")

    @staticmethod
    def _note(
        sent: Mapping[int, tuple[str, bytes]], outcomes: Mapping[int, PublishOutcome], results: list[PublishOutcome]
    ) -> dict[int, tuple[str, bytes]]:
        """Note what became of each; return those whose queue was not there."""
        for number, outcome in outcomes.items():
            results[number] = outcome
        return {number: sent[number] for number, outcome in outcomes.items() if isinstance(outcome, PublishError)}

    async def _send(self, messages: Mapping[int, tuple[str, bytes]], until: float) -> dict[int, PublishOutcome]:
        queues = {queue for queue, _ in messages.values()}
        failures: dict[str, TransientError | ConfigurationError] = {}
        if not (self._queues.known(queues) and self._main.current is self._declared_for):
            async with within(until):
                await self._prepare()
                failures = await self._queues.ensure(queues)
        outcomes: dict[int, PublishOutcome] = {
            number: failures[queue] for number, (queue, _) in messages.items() if queue in failures
        }
        numbers = [number for number in messages if number not in outcomes]
        if numbers:
            sent = await self._publisher.publish([messages[number] for number in numbers], until=until)
            outcomes.update(zip(numbers, sent, strict=True))
        return outcomes

    async def waiting(self, lanes: Sequence[str]) -> dict[str, int]:
        """Return how many messages of each lane nobody holds; a lane that was never used has none."""
        until = _until()
        counting = [self._receiver.count(self._queue(lane), until=until) for lane in lanes]
        counts = await asyncio.gather(*counting)
        return {lane: count or 0 for lane, count in zip(lanes, counts, strict=True)}

    async def receive(self, wanted: Mapping[str, int]) -> list[Delivery]:
        """Take up to so many messages of each lane, oldest first; returns what there is, without waiting for more.

        A lane that fails is left out where another one has something.
        """
        until = _until()
        lanes = [lane for lane, number in wanted.items() if number > 0]
        taking = [
            asyncio.ensure_future(self._receiver.take(self._queue(lane), wanted[lane], until=until)) for lane in lanes
        ]
        try:
            taken = await asyncio.gather(*taking, return_exceptions=True)
        except asyncio.CancelledError:
            for one in taking:
                one.add_done_callback(self._abandon)
            raise
        deliveries = [
            _delivery(lane, message, handle)
            for lane, came in zip(lanes, taken, strict=True)
            if isinstance(came, list)
            for message, handle in came
        ]
        if not deliveries:
            _raise_first(taken)
        return deliveries

    def _abandon(self, taking: "asyncio.Task[list[tuple[DeliveredMessage, HeldMessage]]]") -> None:
        """Give back what came after its receiver was cancelled."""
        if not taking.cancelled() and taking.exception() is None and (came := taking.result()):
            self._receiver.abandon(came[0][1])

    async def given_up(self, lanes: Sequence[str], limit: int) -> list[Delivery]:
        """Take what the broker itself has dead-lettered, of any lane; the lane is "" where nobody knows it any more."""
        del lanes  # one queue has those of all
        until = _until()
        async with within(until):
            await self._prepare()
        if limit <= 0:
            return []
        came = await self._receiver.take(self._names.given_up, limit, until=until)
        return [_delivery(self._lane_before(message), message, handle) for message, handle in came]

    def _lane_before(self, message: DeliveredMessage) -> str:
        queue = (message.header.properties.headers or {}).get("x-first-death-queue")
        return self._names.lane(str(queue)) or ""

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Say that these are done. Those that the broker has taken away meanwhile are no error: they come again."""
        await self._receiver.settle(_handles(deliveries), until=_until())

    async def give_back(self, deliveries: Sequence[Delivery]) -> None:
        """Let others take these; it counts as a delivery in vain."""
        await self._receiver.give_back(_handles(deliveries), until=_until())

    async def check(self, lanes: Sequence[str] = ()) -> None:
        """Return if a message could be published now, and what is given up has a place to go to."""
        until = _until()
        async with within(until):
            await self._prepare()
            if await self._receiver.count(self._names.given_up, until=until) is None:
                self._queues.forget()
                self._declared_for = None
                await self._prepare()
            failures = await self._queues.ensure(map(self._queue, lanes))
        _raise_first(failure for failure in failures.values() if isinstance(failure, ConfigurationError))
        # Nobody has a queue of this name: a broker that takes messages sends it back.
        [outcome] = await self._publisher.publish([(self._names.nobody, b"")], until=until)
        if not isinstance(outcome, PublishError):
            raise outcome or TransientError(f"RabbitMQ: there is a queue {self._names.nobody!r}, which must not be")

    async def close(self) -> None:
        """Let go of the connections; what was not settled is handed out again."""
        await asyncio.gather(self._main.close(), self._publishing.close())

    async def _prepare(self) -> None:
        """Connect, and after a connect declare anew: who restarted the broker may have lost its queues."""
        connection = await self._main.connection()
        if connection is self._declared_for:
            return
        self._queues.forget()
        failures = await self._queues.ensure([self._names.given_up])
        for failure in failures.values():
            raise failure
        self._declared_for = connection


def _until() -> float:
    return asyncio.get_running_loop().time() + CALL_WITHIN_S


def _why_not(result: PublishOutcome) -> TransientError | None:
    if isinstance(result, PublishError):
        return TransientError("RabbitMQ: the lane's queue is not there, although it was just made")
    return TransientError(*result.args) if isinstance(result, ConfigurationError) else result


def _raise_first(results: Iterable[object]) -> None:
    for result in results:
        if isinstance(result, BaseException):
            raise result


def _handles(deliveries: Sequence[Delivery]) -> list[HeldMessage]:
    return [delivery.handle for delivery in deliveries if isinstance(delivery.handle, HeldMessage)]


def _delivery(lane: str, message: DeliveredMessage, handle: HeldMessage) -> Delivery:
    before = (message.header.properties.headers or {}).get("x-delivery-count")
    return Delivery(lane, message.body, 1 + (before if isinstance(before, int) else 0), handle)
