"""Equal questions at once, across processes: one asks, all others wait for what comes of it."""

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

from adapters.cache.flights import LocalFlights
from adapters.cache.redis_server import CacheServer
from ports.models.cache import FLIGHT_S, Flight

if TYPE_CHECKING:
    from redis.asyncio import Redis

SHARED_S = 5.0  # so long what came of a question is there for those who asked at the same time
_LOOK_S = 0.1
_ASKED, _ANSWERED = b"?", b"="
_LAND = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then return redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""


class RedisFlights:
    """Those of all processes; of each process one waits at Redis for all its own.

    Args:
        client: of Redis.
        server: asks it.
        wait_s: how long a question is held by whoever asks it, seconds.
    """

    def __init__(self, client: "Redis", server: CacheServer, wait_s: float = FLIGHT_S) -> None:
        self._redis: Any = client  # its answers are bytes here, its types know more kinds
        self._server = server
        self._wait_s = wait_s
        self._local = LocalFlights(wait_s)
        self._tokens: dict[str, str] = {}  # of the questions that this process asks, by their keys
        self._land: Any = client.register_script(_LAND)

    async def board(self, key: str, question: str) -> Flight:
        """Lead among all processes, or wait; while Redis is away, among those of this process.

        Args:
            key: of the question in Redis.
            question: its digest.
        """
        here = await self._local.board(key, question)
        if not here.leads:
            return here
        token = uuid.uuid4().hex
        try:
            elsewhere = await self._board(key, token)
        except BaseException:  # cancelled: the next one here leads
            self._local.land(key, question, None)
            raise
        if elsewhere.leads:
            self._tokens[key] = token
        else:
            self._local.land(key, question, elsewhere.answer)
        return elsewhere

    async def land(self, key: str, question: str, answer: str | None) -> None:
        """Tell those who wait, here and elsewhere."""
        self._local.land(key, question, answer)
        token = self._tokens.pop(key, None)
        if token is not None:
            said = "" if answer is None else _ANSWERED.decode() + answer
            arguments = [_ASKED.decode() + token, said, int(SHARED_S * 1000)]
            await self._server.ask(lambda: self._land(keys=[key], args=arguments))

    async def _board(self, key: str, token: str) -> Flight:
        gives_up_at = self._server.clock() + self._wait_s
        while self._server.clock() < gives_up_at:
            said = await self._server.ask(lambda: self._claimed(key, token))
            if said is None or said == _ASKED + token.encode():
                return Flight(leads=True)
            if said.startswith(_ANSWERED):
                return Flight(leads=False, answer=said.removeprefix(_ANSWERED).decode("utf-8", "replace"))
            await asyncio.sleep(_LOOK_S)
        return Flight(leads=False, answer="")

    async def _claimed(self, key: str, token: str) -> bytes:
        """Return what stands at a question: ours if nothing did."""
        ours = _ASKED + token.encode()
        if await self._redis.set(key, ours, nx=True, px=int(self._wait_s * 1000)):
            return ours
        found: bytes | None = await self._redis.get(key)
        return found or _ASKED  # None: it ended this moment, it is looked at again
