"""Redis streams under the pen: a stream of each lane, one consumer group, and every process a consumer of its own.

How safe a confirmed message is: with `appendfsync always` it is on the disk. With `everysec` Redis 7.2 and newer are
asked to say so (WAITAOF, up to a second for each batch); older ones may lose up to a second of confirmed messages in a
power cut, though not when Redis alone is killed. A replica that takes over may lack the last messages in any case.

Whose a message is: its consumer's, as long as the key of that process is alive, which the process refreshes. What a
dead process held is for others within `held_s`. All that belongs together is done inside of Redis in one step
(`redis_scripts.py`). An empty lane keeps its key, some hundred bytes.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence

from adapters.inbox.brokers import redis_scripts as scripts
from adapters.inbox.brokers.gathered import Gathering, Results, outcome
from adapters.inbox.brokers.redis_consumer import RedisConsumer, RedisHandle
from adapters.inbox.brokers.redis_server import CALL_S, RedisAddress, RedisConnection, redis_address, redis_fault
from domain.errors import HeadgateError, TransientError
from ports.incoming.broker import Delivery

MOST_DELIVERIES = 20
_MAX_BYTES = 1024 * 1024
_BATCH = 512
_BATCH_BYTES = 8 * 1024 * 1024
_BATCHES_AT_ONCE = 4  # while one waits for the disk others are sent
_DISK_MS = 2500
_TAKEN_BYTES = 256 * 1024  # after so many no more are taken at once


class RedisBroker:
    """`Broker` on Redis 6.2 or newer, one server, with append-only file. What a dead process held is for others within
    `held_s` seconds.
    """

    max_bytes = _MAX_BYTES
    look_s = 0.2

    def __init__(self, address: RedisAddress, *, held_s: float = 60.0) -> None:
        self._connection = RedisConnection(address)
        self._consumer = RedisConsumer(self._connection, held_s)
        redis = address.client
        self._take_script = redis.register_script(scripts.TAKE)
        self._end_script = redis.register_script(scripts.END)
        self._waiting_script = redis.register_script(scripts.WAITING)
        self._out = Gathering(self._send, most=_BATCH, most_bytes=_BATCH_BYTES, at_once=_BATCHES_AT_ONCE)

    @classmethod
    def from_url(cls, url: str, *, held_s: float = 60.0) -> "RedisBroker":
        """Return the broker at `redis[s]://[user:password@]host[:6379]/0?prefix=headgate`; connected when first used.

        Raises:
            ConfigurationError: the URL says something else.
        """
        return cls(redis_address(url), held_s=held_s)

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> list[TransientError | None]:
        """Put messages into their lanes; return for each None once it is confirmed, or why not.

        Raises:
            TransientError: none of them was taken, or nobody knows.
            ConfigurationError: this Redis cannot keep payloads, or refuses us.
        """
        results: list[HeadgateError | None] = [
            TransientError(f"a message of {len(content)} bytes: at most {_MAX_BYTES} are taken")
            if len(content) > _MAX_BYTES
            else None
            for _, content in messages
        ]
        fit = [n for n, result in enumerate(results) if result is None]
        sent = [((self._lane(messages[n][0]), messages[n][1]), len(messages[n][1])) for n in fit]
        for n, result in zip(fit, await self._out.put(sent, CALL_S), strict=True):
            results[n] = result
        return outcome(results)

    async def waiting(self, lanes: Sequence[str]) -> dict[str, int]:
        """Return how many messages of each lane nobody holds; what a dead process held counts once it is noticed."""
        if not lanes:
            return {}
        async with self._connection.used():
            keys = [self._lane(lane) for lane in lanes]
            counts = await self._waiting_script(keys, [scripts.GROUP, scripts.RETURNED])
        return dict(zip(lanes, counts, strict=True))

    async def receive(self, wanted: Mapping[str, int]) -> list[Delivery]:
        """Take up to so many messages of each lane: first those that others gave back, then the oldest."""
        lanes = {lane: count for lane, count in wanted.items() if count > 0}
        streams = [(lane, self._lane(lane), self._given_up(lane)) for lane in lanes]
        return await self._take(streams, list(lanes.values()), sum(lanes.values()), MOST_DELIVERIES)

    async def given_up(self, lanes: Sequence[str], limit: int) -> list[Delivery]:
        """Take what came too often; `deliveries` goes on counting."""
        streams = [(lane, self._given_up(lane), self._given_up(lane)) for lane in lanes]
        return await self._take(streams, [limit] * len(lanes), limit, 0)

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Say that these are done. What is another one's by now stays as it is.

        Raises:
            TransientError: say it again, or they come again.
        """
        await self._end(deliveries, "settle")

    async def give_back(self, deliveries: Sequence[Delivery]) -> None:
        """Let others take these, at once.

        Raises:
            TransientError: Redis is away; they are given back later.
        """
        await self._end(deliveries, "return")

    async def check(self, lanes: Sequence[str] = ()) -> None:
        """Return if a message could be published now: something is written for it.

        Raises:
            TransientError: it could not; says why.
            ConfigurationError: this Redis cannot keep payloads, or refuses us.
        """
        async with self._connection.used(anew=True) as redis:
            await redis.set(f"{self._connection.prefix}:probe", b"1", px=60_000)
            for lane in lanes:
                await redis.xlen(self._lane(lane))  # refused where the key is something else

    async def close(self) -> None:
        """Give back what is held, and let go of the connection."""
        self._out.stop()
        await self._consumer.leave()
        await self._connection.redis.aclose()

    def _lane(self, lane: str) -> str:
        return f"{self._connection.prefix}:lane:{lane}"

    def _given_up(self, lane: str) -> str:
        return f"{self._connection.prefix}:given-up:{lane}"

    async def _send(self, batch: list[tuple[str, bytes]]) -> Results:
        async with self._connection.used() as redis, redis.pipeline(transaction=False) as pipe:
            for stream, content in batch:
                pipe.execute_command("XADD", stream, "*", scripts.CONTENT, content)
            if self._connection.awaits_disk:
                pipe.execute_command("WAITAOF", 1, 0, _DISK_MS)
            said = await pipe.execute(raise_on_error=False)
        if len(said) > len(batch):
            written = said.pop()
            if isinstance(written, Exception):
                raise redis_fault(written, self._connection.shown)
            if not written[0]:
                raise TransientError(
                    f"Redis at {self._connection.shown!r} has not written to its disk within {_DISK_MS} ms"
                )
        return [redis_fault(word, self._connection.shown) if isinstance(word, Exception) else None for word in said]

    async def _take(
        self, lanes: list[tuple[str, str, str]], counts: list[int], limit: int, most: int
    ) -> list[Delivery]:
        """Take messages, some at a time, for as long as a call may take: what was handed out and did not arrive would
        count as in vain.
        """
        if not lanes or limit <= 0:
            return []
        streams = [stream for _, stream, _ in lanes]
        self._consumer.takes_from(streams)
        taken: list[Delivery] = []
        no_more_at = time.monotonic() + CALL_S / 2
        try:
            async with self._connection.used(), self._consumer.taking:
                more = True
                while more and len(taken) < limit and (not taken or time.monotonic() < no_more_at):
                    held = Counter(delivery.lane for delivery in taken)
                    left = [count - held[lane] for (lane, _, _), count in zip(lanes, counts, strict=True)]
                    found, more = await self._take_some(lanes, left, limit - len(taken), most)
                    taken += found
        except TransientError:
            self._consumer.doubt(streams)
            if not taken:
                raise
        except BaseException:  # cancelled, too: some may be ours without anybody knowing
            self._consumer.held.difference_update(d.handle for d in taken if isinstance(d.handle, RedisHandle))
            self._consumer.doubt(streams)
            raise
        return taken

    async def _take_some(
        self, lanes: list[tuple[str, str, str]], counts: list[int], limit: int, most: int
    ) -> tuple[list[Delivery], bool]:
        """Take a few; return whether there may be more."""
        consumer = self._consumer
        keys = [consumer.alive_key, *(key for _, stream, given_up in lanes for key in (stream, given_up))]
        arguments: list[str | int] = [scripts.GROUP, consumer.name, scripts.RETURNED, consumer.alive_ms, most, limit]
        *found, more = await self._take_script(keys, [*arguments, _TAKEN_BYTES, *counts])
        deliveries = [
            self._delivery(lane, stream, *message)
            for (lane, stream, _), messages in zip(lanes, found, strict=True)
            for message in messages
        ]
        return deliveries, bool(more)

    def _delivery(self, lane: str, stream: str, entry: bytes, flat: list[bytes], times: int) -> Delivery:
        handle = RedisHandle(stream, entry, times)
        self._consumer.held.add(handle)
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        # Put there by somebody else, without a field of ours: all that it says.
        content = fields.get(scripts.CONTENT.encode(), b" ".join(flat))
        before = fields.get(scripts.COUNTED.encode(), b"0")
        return Delivery(lane, content, times + (int(before) if before.isdigit() else 0), handle)

    async def _end(self, deliveries: Sequence[Delivery], how: str) -> None:
        handles = [delivery.handle for delivery in deliveries if isinstance(delivery.handle, RedisHandle)]
        if not handles:
            return
        streams = {stream: n for n, stream in enumerate(dict.fromkeys(handle.stream for handle in handles), 1)}
        arguments: list[str | bytes | int] = [scripts.GROUP, self._consumer.name, how, scripts.RETURNED]
        for handle in handles:
            arguments += [streams[handle.stream], handle.id, handle.times]
        try:
            async with self._connection.used():
                await self._end_script(list(streams), arguments)
        except BaseException:
            self._consumer.doubt(streams)
            raise
        finally:
            self._consumer.held.difference_update(handles)
