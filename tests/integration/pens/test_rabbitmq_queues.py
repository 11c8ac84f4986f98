"""RabbitMQ under the pen, on a real server: queues that are new, and messages that come slowly."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import aiormq
import pytest

from adapters.inbox.rabbitmq import RabbitBroker
from domain.errors import TransientError
from ports.incoming.broker import Broker, Delivery
from tests.contracts.pens.broker import LANE, SOON_S, NewBroker, contents, publish, take
from tests.rabbitmq import RabbitMQ, running_rabbitmq
from tests.slow_line import slow_line

PREFIXES = (f"queues{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def server() -> Iterator[RabbitMQ]:
    with running_rabbitmq() as running:
        yield running


@pytest.fixture
def prefix() -> str:
    """Of lanes of this test's own."""
    return next(PREFIXES)


@pytest.fixture
async def new_broker(server: RabbitMQ, prefix: str) -> AsyncIterator[NewBroker]:
    opened: list[RabbitBroker] = []

    async def open_one() -> RabbitBroker:
        broker = RabbitBroker.from_url(f"{server.url}?prefix={prefix}")
        opened.append(broker)
        await broker.open()
        return broker

    yield open_one
    await asyncio.gather(*(broker.close() for broker in opened))


async def works_again(broker: Broker) -> None:
    give_up_at = time.monotonic() + SOON_S
    while True:
        try:
            return await broker.check()
        except TransientError:
            assert time.monotonic() < give_up_at
            await asyncio.sleep(0.1)


async def queue_is_there(server: RabbitMQ, queue: str) -> None:
    give_up_at = time.monotonic() + SOON_S
    async with aiormq.connect(server.url) as connection:
        while True:
            try:
                await (await connection.channel()).queue_declare(queue, passive=True)
                return
            except aiormq.exceptions.ChannelNotFoundEntity:
                assert time.monotonic() < give_up_at
                await asyncio.sleep(0.02)


async def test_who_sees_a_queue_that_another_one_is_making_waits_until_it_is_written(
    server: RabbitMQ, new_broker: NewBroker, prefix: str
) -> None:
    making, seeing = await new_broker(), await new_broker()
    first = asyncio.ensure_future(making.publish([(LANE, b"first")]))
    await queue_is_there(server, f"{prefix}.acme.normal")
    await asyncio.sleep(0.2)  # its maker, too, has heard by now that it is there
    second = asyncio.ensure_future(seeing.publish([(LANE, b"second")]))
    done, _ = await asyncio.wait({first, second}, return_when=asyncio.FIRST_COMPLETED)
    assert second not in done
    assert [await first, await second] == [[None], [None]]


@pytest.mark.slow
async def test_what_was_confirmed_for_a_queue_of_another_ones_is_there_after_the_broker_was_killed(
    server: RabbitMQ, new_broker: NewBroker, prefix: str
) -> None:
    making, seeing = await new_broker(), await new_broker()
    first = asyncio.ensure_future(making.publish([(LANE, b"first")]))
    await queue_is_there(server, f"{prefix}.acme.normal")
    assert await seeing.publish([(LANE, b"second")]) == [None]
    await server.kill_and_restart()
    await asyncio.gather(first, return_exceptions=True)
    await works_again(seeing)
    assert b"second" in contents(await take(seeing, LANE, 2, within_s=3.0))


async def test_only_the_first_sight_of_a_queue_costs_time(
    server: RabbitMQ, new_broker: NewBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    lanes = [f"tenant-{number}/normal" for number in range(20)]
    await (await new_broker()).check(lanes)
    broker = await new_broker()
    await broker.check(lanes)
    monkeypatch.setattr("adapters.inbox.rabbitmq.topology.WRITTEN_AFTER_S", 60.0)
    assert await broker.publish([(lane, b"x") for lane in lanes]) == [None] * 20
    await asyncio.to_thread(server.control, "close_all_connections", "maintenance")
    await works_again(broker)
    assert await broker.publish([(lane, b"x") for lane in lanes]) == [None] * 20
    # It was not there for long enough for this one.
    with pytest.raises(TransientError, match="in time"):
        await (await new_broker()).publish([(lanes[0], b"x")])


async def test_what_comes_more_slowly_than_a_call_may_take_comes_in_parts(
    server: RabbitMQ, new_broker: NewBroker, prefix: str
) -> None:
    sent = [b"%03d" % n + bytes(20_000) for n in range(70)]
    await publish(await new_broker(), LANE, sent)
    async with slow_line(server.port, 400_000) as port:
        slow = RabbitBroker.from_url(f"amqp://guest:guest@127.0.0.1:{port}/?prefix={prefix}")
        came: list[Delivery] = []
        parts = 0
        give_up_at = time.monotonic() + 3 * SOON_S
        while len(came) < 70 and time.monotonic() < give_up_at:
            with suppress(TransientError):  # the line is full with what came too late
                part = await slow.receive({LANE: 70})
                await slow.settle(part)
                came += part
                parts += bool(part)
        assert sorted(contents(came)) == sent
        assert parts > 1
        assert max(delivery.deliveries for delivery in came) < 10
        await slow.close()
