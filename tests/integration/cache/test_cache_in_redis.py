"""Answered questions in a real Redis: the same, for several processes, and nothing but misses when it is not there."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
import redis.asyncio

from adapters.cache.redis import CacheInRedis
from adapters.cache.redis_flights import RedisFlights
from adapters.cache.redis_server import ASK_AGAIN_S, CacheServer
from domain.errors import TransientError
from tests.contracts.spending.answer_cache import MOST, SCOPE, CacheContract, question, towards
from tests.redis_server import RedisServer, running_redis


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


class Processes:
    """Makes stores as processes have them."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._clients: list[redis.asyncio.Redis] = []

    def one(self, most: int = MOST) -> CacheInRedis:
        client = redis.asyncio.Redis(port=self._port)
        self._clients.append(client)
        return CacheInRedis(client, "test", most, CacheServer(within_s=10.0))  # not a busy machine's pace is tested

    async def aclose(self) -> None:
        for client in self._clients:
            await client.aclose()


@pytest_asyncio.fixture
async def processes(server: RedisServer) -> AsyncIterator[Processes]:
    with server.client() as client:
        client.flushall()
    made = Processes(server.port)
    yield made
    await made.aclose()


@pytest.fixture
def now_s() -> float:
    return time.time()


class TestInRedis(CacheContract):
    @pytest.fixture
    def cache(self, processes: Processes) -> CacheInRedis:
        return processes.one()


async def ids(cache: CacheInRedis, now_s: float) -> set[str]:
    return {n.question.entry_id for n in await cache.nearest(SCOPE, towards(0.0), now_s, top=2 * MOST)}


async def test_what_one_process_learns_all_others_know_and_those_that_begin_later(
    processes: Processes, now_s: float
) -> None:
    one, other = processes.one(), processes.one()
    assert await ids(other, now_s) == set()
    for n in range(3):
        await one.add(SCOPE, question(n, now_s=now_s), towards(0.0))
    assert await ids(other, now_s) == {"e0", "e1", "e2"}
    assert await ids(processes.one(), now_s) == {"e0", "e1", "e2"}
    await other.drop("acme")
    assert await ids(one, now_s) == set()


async def test_equal_questions_of_two_processes_are_asked_once(processes: Processes) -> None:
    one, other = processes.one(), processes.one()
    asked = 0

    async def ask(cache: CacheInRedis) -> str | None:
        nonlocal asked
        flight = await cache.board(SCOPE, "q")
        if not flight.leads:
            return flight.answer
        asked += 1
        await asyncio.sleep(0.3)
        await cache.land(SCOPE, "q", "vpn@1")
        return "vpn@1"

    assert set(await asyncio.gather(*(ask(c) for c in (one, other) for _ in range(40)))) == {"vpn@1"}
    assert asked == 1


async def test_a_late_answer_ends_nobody_else_s_question(processes: Processes, server: RedisServer) -> None:
    one, other = processes.one(), processes.one()
    assert (await one.board(SCOPE, "q")).leads
    with server.client() as client:  # its time ran out
        client.delete(f"test:cache:{SCOPE.key}:f:q")
    assert (await other.board(SCOPE, "q")).leads
    await one.land(SCOPE, "q", "mail@1")
    await other.land(SCOPE, "q", "vpn@1")
    assert await processes.one().board(SCOPE, "q") == (False, "vpn@1")


async def test_flushed_in_mid_run_there_are_misses_and_then_it_learns_anew(
    processes: Processes, server: RedisServer, now_s: float
) -> None:
    cache = processes.one()
    for n in range(5):
        await cache.add(SCOPE, question(n, now_s=now_s), towards(0.0))
    assert len(await ids(cache, now_s)) == 5
    with server.client() as client:
        client.flushall()
    assert await ids(cache, now_s) == set()
    await cache.add(SCOPE, question(9, now_s=now_s), towards(0.0))
    assert await ids(cache, now_s) == {"e9"}


async def test_killed_in_mid_run_there_are_misses_nobody_waits_and_no_answer_is_trusted(now_s: float) -> None:
    with running_redis() as server:
        processes = Processes(server.port)
        cache = processes.one()
        try:
            for n in range(5):
                await cache.add(SCOPE, question(n, now_s=now_s), towards(0.0))
            assert len(await ids(cache, now_s)) == 5
            server.kill()
            assert await ids(cache, now_s) == set()
            await cache.add(SCOPE, question(7, now_s=now_s), towards(0.0))
            assert (await cache.standing(SCOPE, "vpn@1")).quarantined
            assert (await cache.checked(SCOPE, "vpn@1", right=True, max_false_hit=0.1)).quarantined
            assert (await cache.board(SCOPE, "q")).leads
            await cache.land(SCOPE, "q", None)
            with pytest.raises(TransientError, match="acme"):
                await cache.drop("acme")
            server.start()
            await asyncio.sleep(ASK_AGAIN_S)
            assert (
                await ids(cache, now_s) == set()
            )  # it kept nothing on disk, and this process knows better than to trust
            await cache.add(SCOPE, question(8, now_s=now_s), towards(0.0))
            assert await ids(cache, now_s) == {"e8"}
        finally:
            await processes.aclose()


async def test_rubbish_in_redis_is_no_answer(processes: Processes, server: RedisServer, now_s: float) -> None:
    cache = processes.one()
    await cache.add(SCOPE, question(1, now_s=now_s), towards(0.0))
    with server.client() as client:
        client.hset(f"test:cache:{SCOPE.key}:e:e1", mapping={"q": "{}", "v": b"123"})
        client.set(f"test:cache:{SCOPE.key}:s:vpn@1", "no json")
    assert await ids(cache, now_s) == set()
    assert (await cache.standing(SCOPE, "vpn@1")).quarantined


async def test_everything_in_redis_ends_by_itself_and_holds_no_question(
    processes: Processes, server: RedisServer, now_s: float
) -> None:
    cache = processes.one()
    await cache.add(SCOPE, question(1, now_s=now_s), towards(0.0))
    await cache.checked(SCOPE, "vpn@1", right=True, max_false_hit=0.1)
    await cache.board(SCOPE, "q")
    with server.client() as client:
        left_ms = {key.decode(): client.pttl(key) for key in client.keys("*")}
    assert len(left_ms) == 5
    assert all(0 < ms <= 30 * 86_400_000 for ms in left_ms.values())
    assert 0 < left_ms[f"test:cache:{SCOPE.key}:e:e1"] <= 3600_000


BAD_QUESTIONS = [
    b"", b"null", b"[]", b"\xff", b"{}", b"9" * 10_000, b"[" * 10_000,
    b'{"entry_id":"x","answer":"vpn@1","customer":"","created_s":NaN,"expires_s":1e999,"marks":{}}',
]  # fmt: skip


async def test_whatever_stands_in_redis_that_is_none_of_ours_is_a_miss(
    processes: Processes, server: RedisServer, now_s: float
) -> None:
    await processes.one().add(SCOPE, question(0, now_s=now_s), towards(0.0))
    log, entry = f"test:cache:{SCOPE.key}:log", f"test:cache:{SCOPE.key}:e:bad"
    with server.client() as client:
        client.xadd(log, {"other": "e1"})
        client.xadd(log, {"e": b"\xff\xfe"})
        for n, bad in enumerate(BAD_QUESTIONS):
            client.hset(f"{entry}{n}", mapping={"q": bad, "v": b"123"})
            client.xadd(log, {"e": f"bad{n}"})
        client.set(f"{entry}-text", "a text")
        client.xadd(log, {"e": "bad-text"})
        huge = question(7, now_s=now_s).model_dump_json().replace('"tokens":0', '"tokens":' + "9" * 40)
        client.hset(f"{entry}-huge", mapping={"q": huge, "v": bytes(32)})
        client.xadd(log, {"e": "bad-huge"})
    await processes.one().add(SCOPE, question(1, now_s=now_s), towards(0.0))
    assert await ids(processes.one(), now_s) == {"e0", "e1"}
    assert await processes.one().drop("acme", "vpn@1") >= 2, "what nobody can read goes, too"
    assert await ids(processes.one(), now_s) == set()


async def test_of_many_those_of_one_article_are_dropped_for_all_processes(processes: Processes, now_s: float) -> None:
    one, other = processes.one(most=2_000), processes.one(most=2_000)
    for n in range(1_200):
        answer = "vpn@1" if n % 2 else "mail@1"
        await one.add(SCOPE, question(n, answer, now_s=now_s), towards(0.0))
    assert await ids(other, now_s), "it holds them in memory"
    assert await other.drop("acme", "vpn") == 600
    left = await one.nearest(SCOPE, towards(0.0), now_s, top=10)
    assert {near.question.answer for near in left} == {"mail@1"}


@pytest.mark.parametrize("said", [b"=", b"=\xff", b"=a b c", b"?", b"none of ours"])
async def test_what_nobody_can_read_of_a_question_under_way_is_asked(
    processes: Processes, server: RedisServer, said: bytes
) -> None:
    cache = CacheInRedis(processes.one()._redis, "test", MOST, CacheServer(within_s=10.0))
    cache._flights = RedisFlights(cache._redis, cache._server, wait_s=0.3)
    with server.client() as client:
        client.set(f"test:cache:{SCOPE.key}:f:q", said)
    flight = await cache.board(SCOPE, "q")
    assert not flight.leads, "somebody else holds it"
    await cache.land(SCOPE, "q", None)


@pytest.mark.parametrize("wrong", ["9" * 30, "1000000000", "-1", "null", '"x"'])
async def test_a_standing_that_cannot_be_serves_nobody_and_takes_no_time(
    processes: Processes, server: RedisServer, wrong: str
) -> None:
    cache = processes.one()
    with server.client() as client:
        client.set(f"test:cache:{SCOPE.key}:s:vpn@1", f'{{"checks": {"9" * 15}, "wrong": {wrong}}}')
    assert (await cache.standing(SCOPE, "vpn@1")).quarantined
    assert (await cache.checked(SCOPE, "vpn@1", right=False, max_false_hit=0.1)).quarantined
