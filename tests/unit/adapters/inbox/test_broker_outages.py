"""Outages around the pen on a broker: nothing is lost, nothing piles up, no payload is to blame."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.inbox import batching, holding
from adapters.inbox.accepted_log import SqlAcceptedLog
from adapters.inbox.broker_inbox import BrokerInbox
from adapters.inbox.moving import move
from adapters.inbox.sqlite import SqliteInbox
from adapters.store import open_store
from domain.errors import TransientError
from ports.incoming.inbox import PutOutcome
from tests.contracts.pens.pen import event, stays_empty, take
from tests.fakes.broker import FakeBroker, FakeBrokerServer

Open = Callable[[FakeBrokerServer], BrokerInbox]


@pytest.fixture
def server() -> FakeBrokerServer:
    return FakeBrokerServer()


@pytest.fixture
async def open_pen(tmp_path: Path) -> AsyncIterator[Open]:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    opened: list[BrokerInbox] = []

    def build(server: FakeBrokerServer, **more: object) -> BrokerInbox:
        opened.append(BrokerInbox(FakeBroker(server), lambda: SqlAcceptedLog(store.database), **more))  # type: ignore[arg-type]
        return opened[-1]

    yield build
    for pen in opened:
        await pen.close()
    store.close()


@pytest.fixture
def pen(open_pen: Open, server: FakeBrokerServer) -> BrokerInbox:
    return open_pen(server)


def away(*_: object) -> None:
    raise TransientError("the store refuses to write")


async def test_a_store_that_refuses_to_write_does_not_fill_the_broker(
    pen: BrokerInbox, server: FakeBrokerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pen.put(event(0))
    with monkeypatch.context() as broken:
        broken.setattr(SqlAcceptedLog, "record", away)
        for n in range(1, 30):
            with pytest.raises(TransientError, match="refuses to write"):
                await pen.put(event(n))
    assert server.published == 2
    assert await pen.put(event(1)) is PutOutcome.DUPLICATE  # it is there all the same
    assert await pen.accepted() == [event(0).case_id, event(1).case_id]


async def test_a_worker_whose_store_refuses_to_write_uses_up_no_deliveries(
    pen: BrokerInbox, open_pen: Open, server: FakeBrokerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pen.put(event(1))
    worker = open_pen(server)
    with monkeypatch.context() as broken:
        broken.setattr(SqlAcceptedLog, "known", away)
        for _ in range(25):
            with pytest.raises(TransientError):
                await worker.lease(10, 60)
    (item,) = await take(worker, 1)
    assert item.deliveries == 1


async def test_what_was_given_up_is_told_though_the_next_call_fails(
    pen: BrokerInbox, server: FakeBrokerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pen.put(event(1))
    content, _ = server.lanes["default/normal"].pop()
    server.dead.append(("default/normal", content, 20))

    async def fails(*_: object) -> dict[str, int]:
        raise TransientError("once")

    with monkeypatch.context() as broken:
        broken.setattr(FakeBroker, "waiting", fails)
        with pytest.raises(TransientError, match="once"):
            await pen.lease(10, 60)
    (item,) = await take(pen, 1)
    assert "gave it up" in item.fault


async def test_an_excuse_holds_beyond_the_broker(
    pen: BrokerInbox, open_pen: Open, server: FakeBrokerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "_RELEASED_S", 0.05)
    await pen.put(event(1))
    for _ in range(8):
        (item,) = await take(pen, 1)
        assert item.deliveries - item.excused == 1
        await pen.release([item.case_id])
        await asyncio.sleep(0.2)  # it has gone back to the broker by itself
        assert len(server.lanes["default/normal"]) == 1


async def test_a_lease_ends_by_itself_though_nobody_leases_again(
    pen: BrokerInbox, open_pen: Open, server: FakeBrokerServer
) -> None:
    await pen.put(event(1))
    assert len(await pen.lease(1, 0.1, wait_s=5)) == 1
    second = open_pen(server)
    assert await second.lease(1, 60) == []
    assert [item.event_id for item in await take(second, 1)] == ["evt_1"]


async def test_what_the_broker_lost_comes_in_again_with_its_sender(pen: BrokerInbox, server: FakeBrokerServer) -> None:
    old = event(1, received_at=datetime.now(UTC) - timedelta(minutes=11))
    await pen.put(old)
    await pen.put(event(2))
    server.lanes["default/normal"].clear()
    assert await pen.put(event(2)) is PutOutcome.DUPLICATE  # so young that it may be on its way
    assert not server.lanes["default/normal"]
    for _ in range(5):
        assert await pen.put(replace(old, received_at=datetime.now(UTC))) is PutOutcome.DUPLICATE
    assert len(server.lanes["default/normal"]) == 1
    assert [item.event_id for item in await take(pen, 1)] == ["evt_1"]


async def test_a_head_that_is_longer_than_usual_goes_with_a_body_in_the_store(
    pen: BrokerInbox, server: FakeBrokerServer
) -> None:
    item = event(1, b"x" * (FakeBroker.max_bytes - 3000), content_type="application/json; a=" + "y" * 8000)
    assert await pen.put(item) is PutOutcome.ACCEPTED
    assert [one.body for one in await take(pen, 1)] == [item.body]


async def test_too_many_bytes_in_memory_are_refused(pen: BrokerInbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "_MAX_PENDING_BYTES", 1000)
    answers = await asyncio.gather(*(pen.put(event(n, b"x" * 600)) for n in range(5)), return_exceptions=True)
    assert sum(answer is PutOutcome.ACCEPTED for answer in answers) == 2
    assert await pen.put(event(9, b"x" * 600)) is PutOutcome.ACCEPTED


async def test_a_broker_that_was_never_there_has_no_depth(pen: BrokerInbox, server: FakeBrokerServer) -> None:
    """Zeros would say that nothing waits."""
    server.away = True
    with pytest.raises(TransientError, match="away"):
        await pen.depth()
    server.away = False
    assert (await pen.depth()).ready == 0


# --- moving ---


async def test_what_a_worker_holds_is_told_as_left(open_pen: Open, server: FakeBrokerServer) -> None:
    source, worker, target = open_pen(server), open_pen(server), open_pen(FakeBrokerServer())
    await asyncio.gather(*(source.put(event(n)) for n in range(5)))
    assert len(await take(worker, 5)) == 5
    report = await move(source, target)
    assert (report.moved, report.left) == (0, 5)


async def test_all_that_was_given_up_is_moved(open_pen: Open, server: FakeBrokerServer) -> None:
    source, target = open_pen(server), open_pen(FakeBrokerServer())
    await asyncio.gather(*(source.put(event(n)) for n in range(250)))
    while server.lanes["default/normal"]:
        content, _ = server.lanes["default/normal"].popleft()
        server.dead.append(("default/normal", content, 20))
    assert (await move(source, target)).moved == 250
    assert not server.dead


async def test_a_drain_that_fails_blames_no_payload(open_pen: Open, server: FakeBrokerServer, tmp_path: Path) -> None:
    source, target = SqliteInbox(tmp_path / "pen.db"), open_pen(server)
    await asyncio.gather(*(source.put(event(n)) for n in range(5)))
    server.away = True
    for _ in range(8):
        with pytest.raises(TransientError):
            await move(source, target)
    assert {item.deliveries - item.excused for item in await take(source, 5)} == {1}
    server.away = False
    await source.close()


async def test_what_is_wrong_with_a_payload_goes_along_into_a_file(
    open_pen: Open, server: FakeBrokerServer, tmp_path: Path
) -> None:
    source, target = open_pen(server), SqliteInbox(tmp_path / "pen.db")
    await source.put(event(1))
    server.lanes["default/normal"].append((b"foreign", 0))
    await move(source, target)
    faults = {item.source: item.fault for item in await take(target, 2)}
    assert faults["shop"] == ""
    assert "somebody else" in faults["holding-pen"]
    assert await stays_empty(source)
    await target.close()
