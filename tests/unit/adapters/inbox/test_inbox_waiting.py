"""An empty pen is waited for: what comes is taken at once, and nothing is taken for who has gone."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.inbox.sqlite import SqliteInbox
from ports.incoming.inbox import Inbox
from tests.fakes.inbox import FakeInbox
from tests.unit.adapters.inbox.test_inbox_sqlite import Clock, item


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["fake", "sqlite"])
async def inbox(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[Inbox]:
    made = FakeInbox(clock=clock) if request.param == "fake" else SqliteInbox(tmp_path / "inbox.db", clock=clock)
    yield made
    await made.close()


async def test_an_empty_pen_is_waited_for_and_no_longer(inbox: Inbox) -> None:
    began = time.monotonic()
    assert await inbox.lease(10, 60, wait_s=0.15) == []
    assert time.monotonic() - began >= 0.15


async def test_what_comes_while_the_pen_is_waited_for_is_taken_at_once(inbox: Inbox) -> None:
    waiting = asyncio.create_task(inbox.lease(10, 60, wait_s=60))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await inbox.put(item(1))
    assert [i.event_id for i in await asyncio.wait_for(waiting, 20)] == ["evt_1"]


async def test_nothing_is_leased_for_who_was_cancelled_while_waiting(inbox: Inbox) -> None:
    waiting = asyncio.create_task(inbox.lease(10, 60, wait_s=60))
    await asyncio.sleep(0.05)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await inbox.put(item(1))
    assert [i.deliveries for i in await inbox.lease(10, 60)] == [1]


async def test_what_was_leased_while_its_taker_was_cancelled_is_given_back(inbox: Inbox) -> None:
    too_late = 0
    for n in range(20):
        waiting = asyncio.create_task(inbox.lease(10, 60, wait_s=60))
        await asyncio.sleep(0.001)
        await inbox.put(item(n))
        waiting.cancel()
        (taken,) = await asyncio.gather(waiting, return_exceptions=True)
        if isinstance(taken, asyncio.CancelledError):
            too_late += 1
            assert [i.deliveries for i in await inbox.lease(10, 60)] == [1]
        await inbox.ack([f"case/shop/evt_{n}"])
    assert too_late > 0


async def test_a_lease_that_ends_while_the_pen_is_waited_for_is_seen(inbox: Inbox, clock: Clock) -> None:
    """Nothing is committed when a lease ends."""
    await inbox.put(item(1))
    await inbox.lease(1, 60)
    waiting = asyncio.create_task(inbox.lease(1, 60, wait_s=60))
    await asyncio.sleep(0.05)
    clock.now += 61
    assert [i.deliveries for i in await asyncio.wait_for(waiting, 20)] == [2]
