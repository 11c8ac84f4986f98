"""Redis streams under the pen: a stream of each lane, one consumer group, and every process a consumer of its own.

How safe a confirmed message is: with `appendfsync always` it is on the disk. With `everysec` Redis 7.2 and newer are
asked to say so (WAITAOF, up to a second for each batch); older ones may lose up to a second of confirmed messages in a
power cut, though not when Redis alone is killed. A replica that takes over may lack the last messages in any case.

Whose a message is: its consumer's, as long as the key of that process is alive, which the process refreshes. What a
dead process held is for others within `held_s`. All that belongs together is done inside of Redis in one step
(`redis_scripts.py`). An empty lane keeps its key, some hundred bytes.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from redis.asyncio import Redis

from adapters.inbox.brokers import redis_scripts as scripts
from adapters.inbox.brokers.gathered import Gathering, Results, outcome
from adapters.inbox.brokers.redis_server import CALL_S, RedisAddress, examine, redis_address, redis_fault, redis_faults
from domain.errors import HeadgateError, TransientError
from ports.broker import Delivery

_LOG = logging.getLogger("headgate.inbox")

MOST_DELIVERIES = 20
_MAX_BYTES = 1024 * 1024
_BATCH = 512
_BATCH_BYTES = 8 * 1024 * 1024
_BATCHES_AT_ONCE = 4  # while one waits for the disk others are sent
_DISK_MS = 2500
_DOUBT_S = 10.0  # a command that nobody heard of may be carried out this much later
_LANES_AT_ONCE = 500  # of which Redis tells the consumers in one step, in which it does nothing else


class RedisHandle(NamedTuple):
    """Where a message is, and the how manieth delivery this one was."""

    stream: str
    id: bytes
    times: int


class RedisBroker:
    """`Broker` on Redis 6.2 or newer, one server, with append-only file. What a dead process held is for others within
    `held_s` seconds.
    """

    max_bytes = _MAX_BYTES

    def __init__(self, address: RedisAddress, *, held_s: float = 60.0) -> None:
        self._redis = address.client
        self._prefix = address.prefix
        self._shown = address.shown
        self._held_s = held_s
        self._me = uuid.uuid4().hex
        self._alive = f"{self._prefix}:alive:{self._me}"
        self._alive_ms = int(held_s * 500)
        self._take_script = self._redis.register_script(scripts.TAKE)
        self._end_script = self._redis.register_script(scripts.END)
        self._disown_script = self._redis.register_script(scripts.DISOWN)
        self._examined = self._awaits_disk = False
        self._out = Gathering(self._send, most=_BATCH, most_bytes=_BATCH_BYTES, at_once=_BATCHES_AT_ONCE)
        # Held while messages are taken or compared with what is held here.
        self._taking = asyncio.Lock()
        self._held: set[RedisHandle] = set()
        self._taken_from: set[str] = set()
        self._doubtful: dict[str, float] = {}
        self._silent: dict[bytes, float] = {}
        self._closing = asyncio.Event()
        self._beat: asyncio.Task[None] | None = None

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
        async with self._server() as redis:
            script = redis.register_script(scripts.WAITING)
            counts = await script([self._lane(lane) for lane in lanes], [scripts.GROUP, scripts.RETURNED])
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
        self._examined = False
        async with self._server() as redis:
            await redis.set(f"{self._prefix}:probe", b"1", px=60_000)
            for lane in lanes:
                await redis.xlen(self._lane(lane))  # refused where the key is something else

    async def close(self) -> None:
        """Give back what is held, and let go of the connection."""
        if self._beat is not None:
            self._closing.set()  # redis-py now and then swallows a cancellation
            await self._beat
        self._beat = None
        self._out.stop()
        with suppress(HeadgateError):  # others notice by themselves, a little later
            if self._taken_from:
                async with self._server() as redis:
                    await self._disown(sorted(self._taken_from), self._me.encode(), "own", "delete")
                    await redis.delete(self._alive)
        self._held.clear()
        self._taken_from.clear()
        await self._redis.aclose()

    def _lane(self, lane: str) -> str:
        return f"{self._prefix}:lane:{lane}"

    def _given_up(self, lane: str) -> str:
        return f"{self._prefix}:given-up:{lane}"

    @asynccontextmanager
    async def _server(self) -> AsyncIterator[Redis]:
        try:
            async with redis_faults(self._shown):
                if not self._examined:
                    self._awaits_disk = await examine(self._redis, self._shown)
                    self._examined = True
                yield self._redis
        except HeadgateError:
            self._examined = False  # what answers next may be another server
            raise

    async def _send(self, batch: list[tuple[str, bytes]]) -> Results:
        async with self._server() as redis, redis.pipeline(transaction=False) as pipe:
            for stream, content in batch:
                pipe.execute_command("XADD", stream, "*", scripts.CONTENT, content)
            if self._awaits_disk:
                pipe.execute_command("WAITAOF", 1, 0, _DISK_MS)
            said = await pipe.execute(raise_on_error=False)
        if len(said) > len(batch):
            written = said.pop()
            if isinstance(written, Exception):
                raise redis_fault(written, self._shown)
            if not written[0]:
                raise TransientError(f"Redis at {self._shown!r} has not written to its disk within {_DISK_MS} ms")
        return [redis_fault(word, self._shown) if isinstance(word, Exception) else None for word in said]

    async def _take(
        self, lanes: list[tuple[str, str, str]], counts: list[int], limit: int, most: int
    ) -> list[Delivery]:
        if not lanes or limit <= 0:
            return []
        if self._beat is None:
            self._beat = asyncio.create_task(self._keep())
        streams = [stream for _, stream, _ in lanes]
        self._taken_from.update(streams)
        keys = [self._alive, *(key for _, stream, given_up in lanes for key in (stream, given_up))]
        arguments: list[str | int] = [scripts.GROUP, self._me, scripts.RETURNED, self._alive_ms, most, limit, *counts]
        try:
            async with self._server(), self._taking:
                found = await self._take_script(keys, arguments)
                return [
                    self._delivery(lane, stream, *message)
                    for (lane, stream, _), messages in zip(lanes, found, strict=True)
                    for message in messages
                ]
        except BaseException:  # cancelled, too: some may be ours without anybody knowing
            self._doubt(streams)
            raise

    def _delivery(self, lane: str, stream: str, entry: bytes, flat: list[bytes], times: int) -> Delivery:
        handle = RedisHandle(stream, entry, times)
        self._held.add(handle)
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
        arguments: list[str | bytes | int] = [scripts.GROUP, self._me, how, scripts.RETURNED]
        for handle in handles:
            arguments += [streams[handle.stream], handle.id, handle.times]
        try:
            async with self._server():
                await self._end_script(list(streams), arguments)
        except BaseException:
            self._doubt(streams)
            raise
        finally:
            self._held.difference_update(handles)

    def _doubt(self, streams: Sequence[str] | Mapping[str, int]) -> None:
        self._doubtful.update(dict.fromkeys(streams, time.monotonic() + _DOUBT_S))

    async def _keep(self) -> None:
        """Stay alive, give back what nobody here knows of, and bury the dead, for as long as the process lives."""
        trouble = False
        while not self._closing.is_set():
            pause = min(1.0, self._held_s / 10) if trouble or self._doubtful else self._held_s / 10
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), pause)
            try:
                async with self._server() as redis:
                    await redis.register_script(scripts.ALIVE)([self._alive], [self._alive_ms])
                    await self._return_unknown()
                    await self._bury(redis)
                trouble = False
            except HeadgateError as e:
                if not trouble:
                    _LOG.warning("what is held at the broker is not looked after, trying again: %s", e)
                trouble = True

    async def _return_unknown(self) -> None:
        if not self._doubtful:
            return
        async with self._taking:
            started = time.monotonic()
            await self._disown(list(self._doubtful), self._me.encode(), "own", "keep")
            self._doubtful = {stream: until for stream, until in self._doubtful.items() if until > started}

    async def _bury(self, redis: Redis) -> None:
        script = redis.register_script(scripts.SILENT)
        streams = sorted(self._taken_from)
        silent: set[bytes] = set()
        for n in range(0, len(streams), _LANES_AT_ONCE):
            arguments = [scripts.GROUP, scripts.RETURNED, f"{self._prefix}:alive:"]
            silent.update(await script(streams[n : n + _LANES_AT_ONCE], arguments))
        now = time.monotonic()
        # After a pause of Redis all keys have run out: everybody gets the time to come back.
        self._silent = {name: self._silent.get(name, now) for name in silent - {self._me.encode()}}
        for name, since in self._silent.items():
            if now - since >= self._held_s / 5:
                await self._disown(streams, name, "dead", "delete")

    async def _disown(self, streams: list[str], consumer: bytes, whose: str, then: str) -> None:
        """Let others take what a consumer holds, but for what this process knows that it holds itself."""
        numbers = {stream: n for n, stream in enumerate(streams, 1)}
        holds: list[bytes] = []
        if then == "keep":
            holds = [b"%d:%s" % (numbers[h.stream], h.id) for h in self._held if h.stream in numbers]
        keys: list[str | bytes] = [f"{self._prefix}:alive:".encode() + consumer, *streams]
        await self._disown_script(keys, [scripts.GROUP, consumer, scripts.RETURNED, whose, then, *holds])
