"""The pen on a broker: the contract on a broker in memory, and what happens when one of its two halves fails."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.inbox.accepted_log import SqlAcceptedLog
from adapters.inbox.broker_inbox import BrokerInbox
from adapters.inbox.envelope import FOREIGN_SOURCE, seal
from adapters.store import Store, open_store
from domain.errors import TransientError
from domain.intake import REMEMBERED_S
from domain.turns import OWN_LANES
from ports.incoming.accepted_log import AcceptedEvent
from ports.incoming.inbox import PutOutcome
from tests.contracts.pens.pen import Another, PenContract, event, stays_empty, take
from tests.fakes.broker import LIMIT, FakeBroker, FakeBrokerServer


@pytest.fixture
def server() -> FakeBrokerServer:
    return FakeBrokerServer()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"sqlite:///{tmp_path / 'store.db'}")


@pytest.fixture
async def another(server: FakeBrokerServer, store: Store) -> AsyncIterator[Another]:
    opened: list[BrokerInbox] = []

    async def build(**more: object) -> BrokerInbox:
        opened.append(BrokerInbox(FakeBroker(server), lambda: SqlAcceptedLog(store.database), **more))  # type: ignore[arg-type]
        return opened[-1]

    yield build
    server.away = False
    for pen in opened:
        await pen.close()
    store.close()


@pytest.fixture
async def pen(another: Callable[..., object]) -> BrokerInbox:
    return await another()  # type: ignore[misc, no-any-return]


@pytest.fixture
def log(store: Store) -> SqlAcceptedLog:
    return SqlAcceptedLog(store.database)


class TestPenOnABroker(PenContract):
    pass


# --- a half that fails ---


async def test_a_broker_that_is_away_takes_nothing_and_leaves_nothing(
    pen: BrokerInbox, server: FakeBrokerServer
) -> None:
    server.away = True
    with pytest.raises(TransientError, match="away"):
        await pen.put(event(1))
    assert await pen.accepted() == []
    server.away = False
    assert await pen.put(event(1)) is PutOutcome.ACCEPTED


async def test_one_refused_message_does_not_take_its_batch_along(pen: BrokerInbox, server: FakeBrokerServer) -> None:
    server.refuses.add("bad/normal")
    answers = await asyncio.gather(
        pen.put(event(1)), pen.put(event(2, tenant="bad")), pen.put(event(3)), return_exceptions=True
    )
    assert [str(answer) for answer in answers] == ["accepted", "refused", "accepted"]
    assert await pen.accepted() == [event(1).case_id, event(3).case_id]


async def test_a_store_that_fails_after_publishing_is_no_promise_and_no_second_case(
    pen: BrokerInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise TransientError("the store is away")

    await pen.put(event(0))
    with monkeypatch.context() as broken:
        broken.setattr(SqlAcceptedLog, "record", refuse)
        with pytest.raises(TransientError, match="store is away"):
            await pen.put(event(1))
    assert await pen.put(event(1)) in (PutOutcome.ACCEPTED, PutOutcome.DUPLICATE)  # published twice now
    assert sorted(item.event_id for item in await take(pen, 2, limit=10)) == ["evt_0", "evt_1"]
    await pen.ack([event(0).case_id, event(1).case_id])
    assert await stays_empty(pen)


async def test_what_a_dying_gateway_published_is_worked_though_nobody_was_promised_it(
    pen: BrokerInbox, server: FakeBrokerServer, log: SqlAcceptedLog
) -> None:
    server.lanes["default/normal"].append((seal(event(1), log.key()), 0))
    log.add_lane("default/normal")
    assert [item.event_id for item in await take(pen, 1)] == ["evt_1"]
    assert await pen.accepted() == [event(1).case_id]
    assert await pen.put(event(1)) is PutOutcome.DUPLICATE
    assert await pen.put(event(1, b"other")) is PutOutcome.CONFLICT


async def test_the_body_that_came_second_is_never_worked(
    pen: BrokerInbox, server: FakeBrokerServer, log: SqlAcceptedLog
) -> None:
    """A gateway that lost the race had published its body already."""
    await pen.put(event(1))
    loser = seal(event(1, b'{"text": "pay me"}'), log.key())
    server.lanes["default/normal"].appendleft((loser, 0))
    assert [item.body for item in await take(pen, 1, limit=10)] == [event(1).body]
    await pen.ack([event(1).case_id])
    assert not server.lanes["default/normal"]


async def test_a_broker_that_does_not_hear_of_the_end_delivers_again_in_vain(
    pen: BrokerInbox, another: Another, server: FakeBrokerServer
) -> None:
    await pen.put(event(1))
    await take(pen, 1)
    server.away = True
    await pen.ack([event(1).case_id])  # the log has it
    server.away = False
    await pen.close()
    assert await stays_empty(await another())


async def test_a_lease_that_ran_out_goes_back_to_the_broker(pen: BrokerInbox, another: Another) -> None:
    second = await another()
    await pen.put(event(1))
    assert len(await pen.lease(1, 0.05, wait_s=5)) == 1
    await asyncio.sleep(0.1)
    await pen.lease(0, 60)
    assert [item.deliveries for item in await take(second, 1)] == [2]


async def test_a_full_pen_refuses(another: Callable[..., object]) -> None:
    small: BrokerInbox = await another(max_waiting=3)  # type: ignore[misc]
    for n in range(3):
        await small.put(event(n))
    with pytest.raises(TransientError, match="3 payloads wait already"):
        await small.put(event(3))
    with pytest.raises(TransientError, match="wait already"):
        await small.check_writable()
    await small.ack([item.case_id for item in await take(small, 2)])
    assert await small.put(event(3)) is PutOutcome.ACCEPTED


async def test_a_put_that_nobody_confirms_ends_in_time(
    another: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    pen: BrokerInbox = await another(put_timeout_s=0.2)  # type: ignore[misc]

    async def hang(*_: object) -> list[TransientError | None]:
        await asyncio.sleep(1.0)
        return [None]

    with monkeypatch.context() as slow:
        slow.setattr(FakeBroker, "publish", hang)
        with pytest.raises(TransientError, match=r"did not confirm within 0\.2 s"):
            await pen.put(event(1))


# --- what does not belong there ---


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff not ours",
        b'{"text": "refund me 5000"}',
        b"headgate/1 " + b"0" * 64 + b"\n{}\nbody",
        b"headgate/1 " + b"0" * 64,
    ],
)
async def test_poison_in_the_broker_comes_out_with_its_bytes_and_what_is_wrong(
    pen: BrokerInbox, server: FakeBrokerServer, content: bytes
) -> None:
    await pen.put(event(1))
    server.lanes["default/normal"].appendleft((content, 0))
    poison, good = await take(pen, 2)
    assert (poison.source, poison.body, good.event_id) == (FOREIGN_SOURCE, content, "evt_1")
    assert "somebody else" in poison.fault
    await pen.ack([poison.case_id, good.case_id])
    assert await stays_empty(pen)


@pytest.mark.parametrize("change", [b"evt_1", b"shop", b"hi"])
async def test_a_message_that_was_changed_on_the_way_is_poison(
    pen: BrokerInbox, server: FakeBrokerServer, change: bytes
) -> None:
    await pen.put(event(1))
    content, _ = server.lanes["default/normal"].pop()
    assert change in content
    server.lanes["default/normal"].append((content.replace(change, b"x" + change[1:]), 0))
    (item,) = await take(pen, 1)
    assert "was changed" in item.fault


async def test_a_message_of_another_store_is_poison(pen: BrokerInbox, server: FakeBrokerServer) -> None:
    await pen.put(event(1))
    server.lanes["default/normal"][0] = (seal(event(1), b"k" * 32), 0)
    (item,) = await take(pen, 1)
    assert "another store" in item.fault


async def test_what_the_broker_gave_up_comes_as_what_it_is(pen: BrokerInbox, server: FakeBrokerServer) -> None:
    await pen.put(event(1))
    content, _ = server.lanes["default/normal"].pop()
    server.dead.append(("default/normal", content, LIMIT))
    (item,) = await take(pen, 1)
    assert (item.case_id, item.body) == (event(1).case_id, event(1).body)
    assert "the broker gave it up" in item.fault


async def test_a_large_body_that_is_gone_from_the_store_is_told(
    pen: BrokerInbox, log: SqlAcceptedLog, server: FakeBrokerServer
) -> None:
    large = event(1, b"x" * 600_000)
    await pen.put(large)
    assert len(server.lanes["default/normal"][0][0]) < 2000
    log.finish({large.case_id: ""}, datetime.now(UTC))
    log.record([AcceptedEvent("case/shop/evt_9", "0" * 64, datetime.now(UTC))])
    moved = replace(large, case_id="case/shop/evt_9", event_id="evt_9", digest="0" * 64)
    server.lanes["default/normal"].append((seal(moved, log.key(), kept=True), 0))
    (item,) = await take(pen, 1)
    assert "not in the store any more" in item.fault


async def test_an_old_message_that_nobody_remembers_is_for_a_person(
    pen: BrokerInbox, server: FakeBrokerServer, log: SqlAcceptedLog
) -> None:
    old = event(1, received_at=datetime.now(UTC) - timedelta(seconds=REMEMBERED_S + 60))
    log.add_lane("default/normal")
    server.lanes["default/normal"].append((seal(old, log.key()), 0))
    (item,) = await take(pen, 1)
    assert "nobody remembers" in item.fault


# --- what is remembered ---


def test_ids_are_forgotten_after_their_time_and_not_before(store: Store, log: SqlAcceptedLog) -> None:
    now = datetime.now(UTC)
    days = [now - timedelta(days=n) for n in (40, 29)]
    log.record([AcceptedEvent(f"c{n}", "d", at) for n, at in enumerate(days)] + [AcceptedEvent("open", "d", days[0])])
    for n, at in enumerate(days):
        log.finish({f"c{n}": "said"}, at)
    log.finish({}, now)
    assert log.ids("", 10) == ["c1", "open"]
    assert log.known(["c1"])["c1"].meaning == "said"
    assert log.waiting() == (1, days[0])


def test_a_case_that_is_done_stays_as_it_was_done_first(log: SqlAcceptedLog) -> None:
    log.record([AcceptedEvent("c", "d", datetime.now(UTC))])
    log.finish({"c": "first"}, datetime.now(UTC))
    log.finish({"c": "second", "unknown": ""}, datetime.now(UTC))
    assert log.known(["c", "unknown"])["c"].meaning == "first"
    assert log.total() == 1


def test_the_key_is_one_for_all(store: Store, log: SqlAcceptedLog) -> None:
    assert log.key() == SqlAcceptedLog(store.database).key()
    assert len(log.key()) == 32


async def test_many_tenants_share_lanes_and_lose_nothing(pen: BrokerInbox, server: FakeBrokerServer) -> None:
    await asyncio.gather(*(pen.put(event(n, tenant=f"t{n}")) for n in range(OWN_LANES + 40)))
    assert OWN_LANES < len(server.lanes) <= OWN_LANES + 16
    items = await take(pen, OWN_LANES + 40)
    assert {item.tenant for item in items} == {f"t{n}" for n in range(OWN_LANES + 40)}


async def test_an_id_that_waits_in_other_bytes_is_not_judged_yet(pen: BrokerInbox) -> None:
    await pen.put(event(1))
    kept = await pen.kept(event(1).case_id)
    assert kept is not None
    assert kept.unread


def test_the_digest_of_the_contract_is_the_bodys() -> None:
    assert event(1).digest == hashlib.sha256(event(1).body).hexdigest()
