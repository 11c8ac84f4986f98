"""A process as a consumer of Redis streams: stays alive, gives back what it does not know of, and buries the dead."""

import asyncio
import logging
import time
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from redis.asyncio import Redis

from adapters.inbox.brokers import redis_scripts as scripts
from adapters.inbox.brokers.redis_server import RedisConnection
from domain.errors import HeadgateError

_LOG = logging.getLogger("headgate.inbox")

_DOUBT_S = 10.0  # a command that nobody heard of may be carried out this much later
_LANES_AT_ONCE = 500  # of which Redis tells the consumers in one step, in which it does nothing else


class RedisHandle(NamedTuple):
    """Where a message is, and the how manieth delivery this one was."""

    stream: str
    id: bytes
    times: int


class RedisConsumer:
    """This process among those that take messages. `held` is what it knows that it holds; `taking` is locked while it
    takes some, since what it is just being given would look like something that it does not know of.
    """

    def __init__(self, connection: RedisConnection, held_s: float) -> None:
        self.name = uuid.uuid4().hex
        self.alive_key = f"{connection.prefix}:alive:{self.name}"
        self.alive_ms = int(held_s * 500)
        self.held: set[RedisHandle] = set()
        self.taking = asyncio.Lock()
        self._connection = connection
        self._held_s = held_s
        self._disown_script = connection.redis.register_script(scripts.DISOWN)
        self._streams: set[str] = set()
        self._doubtful: dict[str, float] = {}
        self._silent: dict[bytes, float] = {}
        self._closing = asyncio.Event()
        self._beat: asyncio.Task[None] | None = None

    def takes_from(self, streams: Iterable[str]) -> None:
        """From now on look after these streams too."""
        self._streams.update(streams)
        if self._beat is None:
            self._closing.clear()
            self._beat = asyncio.create_task(self._keep())

    def doubt(self, streams: Iterable[str]) -> None:
        """Something was asked of these of which nobody knows whether it was done."""
        self._doubtful.update(dict.fromkeys(streams, time.monotonic() + _DOUBT_S))

    async def stop(self) -> None:
        """Stay alive no more; others notice after a while."""
        if self._beat is not None:
            self._closing.set()  # redis-py now and then swallows a cancellation
            await self._beat
        self._beat = None

    async def leave(self) -> None:
        """Stop, and let others take at once what is held."""
        await self.stop()
        if self._streams:
            with suppress(HeadgateError):  # others notice after a while
                async with self._connection.used() as redis:
                    await self._disown(sorted(self._streams), self.name.encode(), "own", "delete")
                    await redis.delete(self.alive_key)
        self.held.clear()
        self._streams.clear()

    async def return_unknown(self) -> None:
        """Let others take what is ours by what nobody heard of."""
        if not self._doubtful:
            return
        async with self.taking:
            started = time.monotonic()
            await self._disown(list(self._doubtful), self.name.encode(), "own", "keep")
            self._doubtful = {stream: until for stream, until in self._doubtful.items() if until > started}

    async def _keep(self) -> None:
        """Stay alive, give back what nobody here knows of, and bury the dead, for as long as the process lives."""
        trouble = False
        while not self._closing.is_set():
            pause = min(1.0, self._held_s / 10) if trouble or self._doubtful else self._held_s / 10
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), pause)
            try:
                async with self._connection.used() as redis:
                    await redis.register_script(scripts.ALIVE)([self.alive_key], [self.alive_ms])
                    await self.return_unknown()
                    await self._bury(redis)
                trouble = False
            except HeadgateError as e:
                if not trouble:
                    _LOG.warning("what is held at the broker is not looked after, trying again: %s", e)
                trouble = True

    async def _bury(self, redis: Redis) -> None:
        script = redis.register_script(scripts.SILENT)
        streams = sorted(self._streams)
        silent: set[bytes] = set()
        for n in range(0, len(streams), _LANES_AT_ONCE):
            arguments = [scripts.GROUP, scripts.RETURNED, f"{self._connection.prefix}:alive:"]
            silent.update(await script(streams[n : n + _LANES_AT_ONCE], arguments))
        now = time.monotonic()
        # After a pause of Redis all keys have run out: everybody gets the time to come back.
        self._silent = {name: self._silent.get(name, now) for name in silent - {self.name.encode()}}
        for name, since in self._silent.items():
            if now - since >= self._held_s / 5:
                await self._disown(streams, name, "dead", "delete")

    async def _disown(self, streams: Sequence[str], consumer: bytes, whose: str, then: str) -> None:
        """Let others take what a consumer holds, but for what this process knows that it holds itself."""
        numbers = {stream: n for n, stream in enumerate(streams, 1)}
        holds: list[bytes] = []
        if then == "keep":
            holds = [b"%d:%s" % (numbers[h.stream], h.id) for h in self.held if h.stream in numbers]
        keys: list[str | bytes] = [f"{self._connection.prefix}:alive:".encode() + consumer, *streams]
        await self._disown_script(keys, [scripts.GROUP, consumer, scripts.RETURNED, whose, then, *holds])
