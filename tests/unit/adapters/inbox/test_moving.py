"""Moving from pen to pen loses nothing, doubles nothing, and remembers what was done."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from adapters.inbox.accepted_log import SqlAcceptedLog
from adapters.inbox.broker_inbox import BrokerInbox
from adapters.inbox.moving import Pen, move
from adapters.inbox.sqlite import SqliteInbox
from adapters.store import open_store
from domain.errors import TransientError, UsageError
from ports.incoming.inbox import PutOutcome
from tests.contracts.pens.pen import event, stays_empty, take
from tests.fakes.broker import FakeBroker, FakeBrokerServer

Open = Callable[[str], Pen]


@pytest.fixture
async def servers() -> dict[str, FakeBrokerServer]:
    return {"rabbit": FakeBrokerServer(), "redis": FakeBrokerServer()}


@pytest.fixture
async def open_pen(tmp_path: Path, servers: dict[str, FakeBrokerServer]) -> AsyncIterator[Open]:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    opened: list[Pen] = []

    def build(name: str) -> Pen:
        if name in servers:
            opened.append(BrokerInbox(FakeBroker(servers[name]), lambda: SqlAcceptedLog(store.database)))
        else:
            opened.append(SqliteInbox(tmp_path / f"{name}.db"))
        return opened[-1]

    yield build
    for pen in opened:
        with suppress(RuntimeError):  # closed by its test
            await pen.close()
    store.close()


PAIRS = [("file", "rabbit"), ("rabbit", "file"), ("rabbit", "redis"), ("file", "other-file")]


async def filled(pen: Pen) -> None:
    await asyncio.gather(*(pen.put(event(n, tenant=f"t{n % 3}")) for n in range(250)))
    done = await take(pen, 30)
    await pen.ack([item.case_id for item in done])


@pytest.mark.parametrize(("before", "after"), PAIRS)
async def test_what_waits_goes_over_and_what_was_done_is_remembered(before: str, after: str, open_pen: Open) -> None:
    source, target = open_pen(before), open_pen(after)
    await filled(source)
    report = await move(source, target)
    assert (report.moved, report.left, report.conflicts) == (220, 0, [])
    assert await stays_empty(source)
    items = await take(target, 220, limit=300)
    assert len({item.case_id for item in items}) == 220
    assert await asyncio.gather(*(target.put(event(n, tenant=f"t{n % 3}")) for n in range(250))) == (
        [PutOutcome.DUPLICATE] * 250
    )
    assert await stays_empty(target)
    assert len(await target.accepted()) == 250


@pytest.mark.parametrize(("before", "after"), PAIRS)
async def test_there_and_back_again(before: str, after: str, open_pen: Open) -> None:
    source, target = open_pen(before), open_pen(after)
    await filled(source)
    await move(source, target)
    assert (await move(target, source)).left == 0
    assert len({item.case_id for item in await take(source, 220, limit=300)}) == 220
    assert await stays_empty(target)


async def test_on_to_a_third_pen_nothing_that_waits_counts_as_done(open_pen: Open) -> None:
    first, second, third = open_pen("file"), open_pen("other-file"), open_pen("rabbit")
    await filled(first)
    await move(first, second)
    await move(first, third)  # again, to another one: only what is remembered goes there
    assert (await move(second, third)).moved == 220
    assert len({item.case_id for item in await take(third, 220, limit=300)}) == 220


async def test_a_pen_that_cannot_be_reached_gets_nothing(open_pen: Open, servers: dict[str, FakeBrokerServer]) -> None:
    source, target = open_pen("file"), open_pen("rabbit")
    await filled(source)
    servers["rabbit"].away = True
    with pytest.raises(TransientError, match="away"):
        await move(source, target)
    assert len(await source.remembered("", 1000)) == 30
    assert await target.accepted() == []
    servers["rabbit"].away = False


@pytest.mark.parametrize(("before", "after"), PAIRS)
async def test_moving_again_after_a_crash_in_the_middle(
    before: str, after: str, open_pen: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second pen has the payloads, and the first one does not know it yet."""
    source, target = open_pen(before), open_pen(after)
    await filled(source)

    async def die(*_: object) -> None:
        raise TransientError("killed")

    with monkeypatch.context() as broken:
        broken.setattr(SqliteInbox, "hand_over", die)
        broken.setattr(BrokerInbox, "hand_over", die)
        broken.setattr(FakeBroker, "settle", die)
        with pytest.raises(TransientError, match="killed"):
            await move(source, target)
    await source.close()
    source = open_pen(before)
    if isinstance(source, SqliteInbox):
        with source._open() as db:  # the lease of the dead process has ended
            db.execute("UPDATE inbox SET leased_until = 0")
    assert (await move(source, target)).left == 0
    items = await take(target, 220, limit=500)
    assert len(items) == len({item.case_id for item in items}) == 220
    await target.ack([item.case_id for item in items])
    assert await stays_empty(target)


async def test_another_body_under_the_same_id_stays_where_it_is(open_pen: Open) -> None:
    source, target = open_pen("file"), open_pen("rabbit")
    await source.put(event(1))
    await source.put(event(2))
    await target.put(event(1, b'{"text": "other"}'))
    report = await move(source, target)
    assert (report.moved, report.left, report.conflicts) == (1, 1, [event(1).case_id])
    assert [item.body for item in await take(source, 1)] == [event(1).body]


async def test_a_pen_is_not_moved_into_itself(open_pen: Open) -> None:
    with pytest.raises(UsageError, match="the pen itself"):
        await move(open_pen("file"), open_pen("file"))
    source = open_pen("rabbit")
    await filled(source)
    assert (await move(source, open_pen("rabbit"))).moved == 220
    assert len(await take(source, 220, limit=300)) == 220


async def test_a_body_too_large_for_the_other_broker_goes_to_the_store(
    open_pen: Open, servers: dict[str, FakeBrokerServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = open_pen("rabbit"), open_pen("redis")
    large = event(1, b"x" * 300_000)
    await source.put(large)
    monkeypatch.setattr(FakeBroker, "max_bytes", 100_000)
    await move(source, target)
    assert [item.body for item in await take(target, 1)] == [large.body]
