"""Answered questions in a Redis that all processes share: 6.2 or newer, or Valkey; no module is needed.

    {prefix}:cache:{scope}:e:{entry}     HASH    what is kept of one, and its vector; until it is over
    {prefix}:cache:{scope}:log           STREAM  ids in order; each process follows it and holds the vectors
    {prefix}:cache:{scope}:s:{answer}    STRING  how an answer stands; 30 days
    {prefix}:cache:{scope}:f:{question}  STRING  who asks it now, and for some seconds what came of it
    {prefix}:cache:tenant:{tenant}       SET     scopes of a tenant

A scope stands there as its digest. What is found in this process's memory counts only if Redis has it still: after a
flush, a loss or a drop there is nothing but misses.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError
from redis.exceptions import ConnectionError, RedisError, WatchError  # noqa: A004 - its own

from adapters.cache.matrix import ScopeMatrix
from adapters.cache.redis_flights import RedisFlights
from adapters.cache.redis_server import CacheServer, why
from domain.cache.admission import is_of_article
from domain.cache.neighbours import AnsweredQuestion, NearQuestion
from domain.cache.scope import CacheScope
from domain.cache.standing import OBSERVED_S, AnswerStanding, checked
from domain.errors import TransientError
from domain.model_steps import CACHE_WINDOW_S
from ports.models.cache import MOST_ENTRIES, Flight

if TYPE_CHECKING:
    from redis.asyncio import Redis

LOADED_WITHIN_S = 20.0  # a process that begins reads what others learnt; until then it misses
_CHUNK = 500
_ROUNDS = 3
_TRIES = 10
_MANY_SCOPES = 64


@dataclass
class _Followed:
    """A scope as this process knows it."""

    matrix: ScopeMatrix
    seen: bytes = b"0-0"  # the last of its log
    at_work: asyncio.Lock = field(default_factory=asyncio.Lock)
    loaded: bool = False


class CacheInRedis:
    """A `CacheStore` for all processes.

    Args:
        client: of Redis.
        prefix: of its keys.
        most: entries of a scope.
        server: asks it.
    """

    def __init__(
        self, client: "Redis", prefix: str, most: int = MOST_ENTRIES, server: CacheServer | None = None
    ) -> None:
        self._redis: Any = client  # its answers are bytes here, its types know more kinds
        self._prefix = f"{prefix}:cache"
        self._most = most
        self._server = server or CacheServer()
        self._scopes: dict[CacheScope, _Followed] = {}
        self._flights = RedisFlights(client, self._server)

    async def nearest(
        self, scope: CacheScope, vector: Sequence[float], now_s: float, *, top: int
    ) -> list[NearQuestion]:
        """Return the nearest ones that Redis has; none while it is away, or before all was read once."""
        followed = self._known(scope, now_s)
        if not followed.loaded and followed.at_work.locked():
            return []
        if (
            not followed.loaded
            and await self._server.ask(partial(self._follow, scope, followed), LOADED_WITHIN_S) is None
        ):
            return []
        for again in range(_ROUNDS):
            near = followed.matrix.nearest(vector, now_s, top=top)
            entry_ids = [n.question.entry_id for n in near]
            said = await self._server.ask(partial(self._looked_up, scope, followed.seen, entry_ids))
            if said is None:
                return []
            more, there = said
            gone = [entry_id for entry_id, known in zip(entry_ids, there, strict=True) if not known]
            for entry_id in gone:
                followed.matrix.remove(entry_id)
            more = more and not again  # what comes while this one is asked is for the next
            if more and await self._server.ask(partial(self._follow, scope, followed)) is None:
                return []
            if not gone and not more:
                return near
        return []

    async def add(self, scope: CacheScope, question: AnsweredQuestion, vector: Sequence[float]) -> None:
        """Keep one, if Redis answers."""

        async def work() -> bool:
            ends_ms, log = int(question.expires_s * 1000), self._key(scope, "log")
            entry, tenant = self._key(scope, "e", question.entry_id), self._tenant(scope.tenant)
            kept = {"q": question.model_dump_json(), "v": np.asarray(vector, "<f4").tobytes()}
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hset(entry, mapping=kept)
                pipe.pexpireat(entry, ends_ms)
                pipe.xadd(log, {"e": question.entry_id}, maxlen=self._most, approximate=False)
                pipe.pexpire(log, int(CACHE_WINDOW_S * 1000))
                pipe.sadd(tenant, scope.key)
                pipe.pexpire(tenant, int(CACHE_WINDOW_S * 1000))
                await pipe.execute()
            return True

        await self._server.ask(work)

    async def standing(self, scope: CacheScope, answer: str) -> AnswerStanding:
        """Return how an answer stands; where nobody can say, it serves nobody."""

        async def work() -> AnswerStanding:
            return _standing(await self._redis.get(self._key(scope, "s", answer)))

        said = await self._server.ask(work)
        return AnswerStanding(quarantined=True) if said is None else said

    async def checked(self, scope: CacheScope, answer: str, *, right: bool, max_false_hit: float) -> AnswerStanding:
        """Note a check; one that Redis does not hear is lost."""
        key = self._key(scope, "s", answer)

        async def work() -> AnswerStanding | None:
            async with self._redis.pipeline(transaction=True) as pipe:
                for _ in range(_TRIES):
                    try:
                        await pipe.watch(key)
                        now = checked(_standing(await pipe.get(key)), right=right, max_false_hit=max_false_hit)
                        pipe.multi()
                        pipe.set(key, now.model_dump_json(), px=int(OBSERVED_S * 1000))
                        await pipe.execute()
                    except WatchError:
                        continue
                    return now
            return None

        said = await self._server.ask(work)
        return AnswerStanding(quarantined=True) if said is None else said

    async def drop(self, tenant: str, article: str = "") -> int:
        """Forget a tenant's questions; those who hold them in memory find nothing of it in Redis any more.

        Scopes stay on the tenant's list until they are over, so that a drop that is cut off can be done again.

        Raises:
            TransientError: Redis does not answer.
        """
        try:
            async with asyncio.timeout(LOADED_WITHIN_S):
                scopes = await self._redis.smembers(self._tenant(tenant))
                return sum([await self._dropped(scope.decode("utf-8", "replace"), article) for scope in scopes])
        except (TimeoutError, RedisError, OSError) as error:
            raise TransientError(f"the answers kept for {tenant!r} may be there still: {why(error)}") from error

    async def _dropped(self, scope: str, article: str) -> int:
        """Forget a scope's questions, or those that an article answered; what of them cannot be read goes, too."""
        ids = dict.fromkeys(_ids(await self._redis.xrange(f"{self._prefix}:{scope}:log")))
        keys, dropped = [f"{self._prefix}:{scope}:e:{entry_id}" for entry_id in ids], 0
        for start in range(0, len(keys), _CHUNK):
            some = keys[start : start + _CHUNK]
            if article:
                async with self._redis.pipeline(transaction=False) as pipe:
                    for key in some:
                        pipe.hget(key, "q")
                    said: list[Any] = await pipe.execute(raise_on_error=False)
                some = [key for key, found in zip(some, said, strict=True) if _is_of(found, article)]
            dropped += await self._redis.unlink(*some) if some else 0
        return dropped

    async def board(self, scope: CacheScope, question: str) -> Flight:
        """Lead among all processes, or wait for whoever does; while Redis is away, among those of this process."""
        return await self._flights.board(self._key(scope, "f", question), question)

    async def land(self, scope: CacheScope, question: str, answer: str | None) -> None:
        """Tell those who wait, here and elsewhere."""
        await self._flights.land(self._key(scope, "f", question), question, answer)

    def _known(self, scope: CacheScope, now_s: float) -> _Followed:
        if scope not in self._scopes and len(self._scopes) >= _MANY_SCOPES:
            self._scopes = {s: known for s, known in self._scopes.items() if known.matrix.ends_s > now_s}
        return self._scopes.setdefault(scope, _Followed(ScopeMatrix(self._most)))

    async def _follow(self, scope: CacheScope, followed: _Followed) -> bool:
        """Read what was added since."""
        async with followed.at_work:
            while True:
                found = await self._redis.xread({self._key(scope, "log"): followed.seen}, count=_CHUNK)
                added = found[0][1] if found else []
                await self._read(scope, followed.matrix, _ids(added))
                if added:
                    followed.seen = added[-1][0]
                if len(added) < _CHUNK:
                    followed.loaded = True
                    return True

    async def _read(self, scope: CacheScope, matrix: ScopeMatrix, entry_ids: Sequence[str]) -> None:
        if not entry_ids:
            return
        async with self._redis.pipeline(transaction=False) as pipe:
            for entry_id in entry_ids:
                pipe.hmget(self._key(scope, "e", entry_id), "q", "v")
            kept: list[Any] = await pipe.execute(raise_on_error=False)
        gone: list[str] = []
        for found in kept:
            match found:
                case [bytes(question), bytes(vector)]:
                    with contextlib.suppress(ValueError):  # whatever stands there is none of ours
                        gone += matrix.add(AnsweredQuestion.model_validate_json(question), np.frombuffer(vector, "<f4"))
                case ConnectionError():
                    raise found
                case _:  # over or dropped, or no hash
                    pass
        if gone:
            await self._redis.unlink(*(self._key(scope, "e", entry_id) for entry_id in gone))

    async def _looked_up(self, scope: CacheScope, seen: bytes, entry_ids: Sequence[str]) -> tuple[bool, list[bool]]:
        """Return in one round trip whether more was added since, and which of these are there."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.xread({self._key(scope, "log"): seen}, count=1)
            for entry_id in entry_ids:
                pipe.exists(self._key(scope, "e", entry_id))
            added, *there = await pipe.execute()
        return bool(added), [bool(one) for one in there]

    def _key(self, scope: CacheScope, *parts: str) -> str:
        return ":".join((self._prefix, scope.key, *parts))

    def _tenant(self, tenant: str) -> str:
        return f"{self._prefix}:tenant:{hashlib.sha256(tenant.encode()).hexdigest()}"


def _ids(entries: Sequence[tuple[bytes, Mapping[bytes, bytes]]]) -> list[str]:
    """Return the ids that a log names; what else stands in it is none of ours."""
    return [fields[b"e"].decode("utf-8", "replace") for _, fields in entries if fields and b"e" in fields]


def _is_of(said: object, article: str) -> bool:
    """Return whether a question is one that an article answered, or none that anybody can read."""
    if said is None:  # it is over
        return False
    try:
        return not isinstance(said, bytes) or is_of_article(AnsweredQuestion.model_validate_json(said).answer, article)
    except ValidationError:
        return True


def _standing(said: bytes | None) -> AnswerStanding:
    try:
        return AnswerStanding() if said is None else AnswerStanding.model_validate_json(said)
    except ValidationError:  # whatever stands there is none of ours
        return AnswerStanding(quarantined=True)
