"""Answered questions in one process."""

import asyncio

import pytest

from adapters.cache.flights import LocalFlights
from adapters.cache.memory import CacheInMemory
from tests.contracts.spending.answer_cache import MOST, SCOPE, CacheContract, question, towards

NOW = 1_800_000_000.0


class TestInMemory(CacheContract):
    @pytest.fixture
    def cache(self) -> CacheInMemory:
        return CacheInMemory(most=MOST)

    @pytest.fixture
    def now_s(self) -> float:
        return NOW


async def test_whoever_hangs_is_waited_for_so_long_and_not_longer() -> None:
    flights = LocalFlights(wait_s=0.01)
    assert (await flights.board("s", "q")).leads
    assert await flights.board("s", "q") == (False, "")


async def test_who_waits_and_is_cancelled_takes_nobody_along() -> None:
    flights = LocalFlights()
    assert (await flights.board("s", "q")).leads
    waiting = [asyncio.ensure_future(flights.board("s", "q")) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    flights.land("s", "q", "vpn@1")
    assert [await one for one in waiting[1:]] == [(False, "vpn@1")] * 2


async def test_scopes_that_are_over_take_no_room() -> None:
    from dataclasses import replace

    cache = CacheInMemory(most=MOST)
    for n in range(200):
        await cache.add(
            replace(SCOPE, blueprint=f"d@{n}"), question(1, now_s=NOW + 100 * n, lasts_s=50.0), towards(0.0)
        )
    assert len(cache._scopes) <= 64
