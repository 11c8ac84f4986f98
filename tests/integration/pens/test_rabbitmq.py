"""RabbitMQ under the pen, on a real server."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager

import aiormq
import pytest
from aiormq.abc import AbstractChannel

from adapters.inbox.rabbitmq import RabbitBroker
from domain.errors import ConfigurationError, TransientError, UsageError
from tests.contracts.pens.broker import (
    LANE,
    SOON_S,
    BrokerContract,
    NewBroker,
    RestartContract,
    contents,
    numbered,
    publish,
    take,
    wait_for_waiting,
)
from tests.rabbitmq import RabbitMQ, running_rabbitmq

# The memory of an alarm's server: whatever it uses is too much.
NOTHING, ENOUGH = "1MB", "2GB"

PREFIXES = (f"test{number}" for number in itertools.count())


@pytest.fixture(scope="session")
def server() -> Iterator[RabbitMQ]:
    with running_rabbitmq() as running:
        yield running


@pytest.fixture
def url(server: RabbitMQ) -> str:
    """Lanes of this test's own."""
    return f"{server.url}?prefix={next(PREFIXES)}"


@pytest.fixture
async def new_broker(url: str) -> AsyncIterator[NewBroker]:
    opened: list[RabbitBroker] = []

    async def open_one() -> RabbitBroker:
        broker = RabbitBroker.from_url(url)
        opened.append(broker)
        await broker.open()
        return broker

    yield open_one
    await asyncio.gather(*(broker.close() for broker in opened))


@pytest.fixture
def kill_and_restart(server: RabbitMQ) -> Callable[[], Awaitable[None]]:
    return server.kill_and_restart


class TestRabbitMQ(BrokerContract):
    pass


async def test_a_queue_of_another_kind_is_said_before_the_first_message(server: RabbitMQ, url: str) -> None:
    connection = await aiormq.connect(server.url)
    channel = await connection.channel()
    queue = f"{url.rpartition('=')[2]}.default.normal"
    await channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "classic"})
    broker = RabbitBroker.from_url(url)
    with pytest.raises(ConfigurationError, match=rf"HEADGATE_INBOX=.*{queue}.*delete that queue"):
        await broker.check(["default/normal"])
    await channel.queue_delete(queue)
    await broker.check(["default/normal"])
    await broker.close()
    await connection.close()


@pytest.mark.slow
class TestRabbitMQKilled(RestartContract):
    pass


def queue_of(url: str, lane: str = "acme.normal") -> str:
    return f"{url.partition('prefix=')[2]}.{lane}"


@asynccontextmanager
async def plain_channel(server: RabbitMQ) -> AsyncIterator[AbstractChannel]:
    """What somebody else does with the same server."""
    async with aiormq.connect(server.url) as connection:
        yield await connection.channel()


async def works_again(broker: RabbitBroker) -> None:
    give_up_at = time.monotonic() + SOON_S
    while True:
        try:
            return await broker.check()
        except TransientError:
            assert time.monotonic() < give_up_at
            await asyncio.sleep(0.1)


async def reasons(broker: RabbitBroker, messages: Sequence[tuple[str, bytes]]) -> list[str]:
    """Why each was not taken; nothing hangs."""
    async with asyncio.timeout(SOON_S):
        try:
            return [str(result) for result in await broker.publish(messages)]
        except TransientError as e:
            return [str(e)] * len(messages)


# --- alarms, and a server that hangs


async def test_nothing_is_taken_while_an_alarm_is_on_and_everything_after_it(
    server: RabbitMQ, new_broker: NewBroker
) -> None:
    broker = await new_broker()
    await publish(broker, LANE, numbered(3))
    held = await take(broker, LANE, 1)
    await asyncio.to_thread(server.control, "set_vm_memory_high_watermark", "absolute", NOTHING)
    try:
        # The first is what tells us; what is known then is said at once.
        for _ in range(2):
            [reason] = await reasons(broker, [(LANE, b"during")])
            assert "alarm" in reason
        with pytest.raises(TransientError, match="alarm"):
            await broker.check()
        # What is there can be worked meanwhile, by whoever.
        await broker.settle(held)
        held = await take(broker, LANE, 1)
        await broker.settle(held)
        await wait_for_waiting(await new_broker(), {LANE: 1})
    finally:
        await asyncio.to_thread(server.control, "set_vm_memory_high_watermark", "absolute", ENOUGH)
    await works_again(broker)
    await publish(broker, LANE, [b"after"])
    came = contents(await take(broker, LANE, 3, within_s=2.0))
    assert {b"message 2", b"after"} <= set(came) <= {b"message 2", b"after", b"during"}


async def test_a_server_that_hangs_holds_nobody_up(server: RabbitMQ, new_broker: NewBroker) -> None:
    broker = await new_broker()
    await publish(broker, LANE, numbered(2))
    held = await take(broker, LANE, 1)
    server.pause()
    try:
        assert "in time" in (await reasons(broker, [(LANE, b"during")]))[0]
        for call in (broker.receive({LANE: 1}), broker.waiting([LANE]), broker.given_up([LANE], 1), broker.check()):
            async with asyncio.timeout(SOON_S):
                with pytest.raises(TransientError):
                    await call
        async with asyncio.timeout(SOON_S):
            await broker.settle(held)
    finally:
        server.resume()
    await works_again(broker)
    await publish(broker, LANE, [b"after"])
    came = contents(await take(broker, LANE, 4, within_s=2.0))
    assert {b"message 1", b"after"} <= set(came)


# --- what others do with the same server


async def test_what_others_put_into_a_lane_arrives_as_it_is(server: RabbitMQ, new_broker: NewBroker, url: str) -> None:
    broker = await new_broker()
    await publish(broker, LANE, [b"ours"])
    foreign = bytes(range(256))
    async with plain_channel(server) as channel:
        headers = {"x-delivery-count": "many", "x-death": "nonsense", "x-first-death-queue": 7}
        properties = aiormq.spec.Basic.Properties(headers=headers, content_encoding="gzip")
        await channel.basic_publish(foreign, routing_key=queue_of(url), properties=properties)
        await channel.basic_publish(b"", routing_key=queue_of(url))
        await channel.basic_publish(foreign, routing_key=queue_of(url, "given-up"), properties=properties)
    came = await take(broker, LANE, 3)
    assert contents(came) == [b"ours", foreign, b""]
    assert [delivery.deliveries for delivery in came] == [1, 1, 1]
    [given_up] = await broker.given_up([LANE], 5)
    assert (given_up.lane, given_up.content, given_up.deliveries) == ("", foreign, 1)
    await broker.settle([*came, given_up])


async def test_a_lane_whose_queue_was_deleted_is_made_again(server: RabbitMQ, new_broker: NewBroker, url: str) -> None:
    broker = await new_broker()
    await publish(broker, LANE, numbered(3))
    held = await take(broker, LANE, 2)
    async with plain_channel(server) as channel:
        await channel.queue_delete(queue_of(url))
        await channel.queue_delete(queue_of(url, "given-up"))
    assert await broker.waiting([LANE]) == {LANE: 0}
    assert await broker.receive({LANE: 5}) == []
    assert await broker.given_up([LANE], 5) == []
    await broker.settle(held)
    # Others that go to a queue which is there are not told anything else.
    results = await broker.publish([(LANE, b"again"), ("acme/high", b"other"), (LANE, b"and again")])
    assert results == [None, None, None]
    assert contents(await take(broker, LANE, 2)) == [b"again", b"and again"]
    await broker.check()
    async with plain_channel(server) as channel:
        assert (await channel.queue_declare(queue_of(url, "given-up"), passive=True)).message_count == 0


async def test_a_broker_that_took_another_ones_connections_away_is_asked_again(
    server: RabbitMQ, new_broker: NewBroker
) -> None:
    broker = await new_broker()
    await publish(broker, LANE, numbered(3))
    held = await take(broker, LANE, 2)
    await asyncio.to_thread(server.control, "close_all_connections", "maintenance")
    await works_again(broker)
    await broker.settle(held)
    assert sorted(contents(await take(broker, LANE, 3))) == numbered(3)
    await publish(broker, LANE, [b"after"])


async def test_what_is_held_longer_than_the_server_allows_comes_again(server: RabbitMQ, new_broker: NewBroker) -> None:
    broker = await new_broker()
    await publish(broker, LANE, [b"slow"])
    await publish(broker, "acme/high", [b"quick"])
    [slow] = await take(broker, LANE, 1)
    await asyncio.to_thread(server.control, "eval", "application:set_env(rabbit, consumer_timeout, 1000).")
    try:
        # A server looks each minute: what closes the channel is the same, so it is done here.
        channel = slow.handle.hold.channel  # type: ignore[attr-defined]
        await channel.basic_ack(999_999)
        with pytest.raises(aiormq.exceptions.AMQPError):
            await channel.basic_qos(prefetch_count=1)
    finally:
        await asyncio.to_thread(server.control, "eval", "application:set_env(rabbit, consumer_timeout, 1800000).")
    await broker.settle([slow])
    [again] = await take(broker, LANE, 1)
    assert (again.content, again.deliveries) == (b"slow", 2)
    await broker.settle([again])
    assert contents(await take(broker, "acme/high", 1)) == [b"quick"]


# --- settings that cannot lead to a broker


async def refused(url: str) -> str:
    """What is said at the opening."""
    broker = RabbitBroker.from_url(url)
    try:
        async with asyncio.timeout(SOON_S):
            with pytest.raises(ConfigurationError) as caught:
                await broker.open()
    finally:
        await broker.close()
    return str(caught.value)


async def test_wrong_credentials_and_an_unknown_vhost_are_named(server: RabbitMQ) -> None:
    said = await refused(server.url.replace("guest:guest", "guest:s3cret-wrong"))
    assert "HEADGATE_INBOX=amqp://127.0.0.1" in said
    assert "user or password is not taken; correct them" in said
    assert "s3cret-wrong" not in said
    assert "vhost" in await refused(server.url + "nowhere")


async def test_a_queue_that_is_another_is_named(server: RabbitMQ, new_broker: NewBroker, url: str) -> None:
    async with plain_channel(server) as channel:
        await channel.queue_declare(queue_of(url), durable=True)
        broker = await new_broker()
        with pytest.raises(ConfigurationError, match=r"HEADGATE_INBOX=.*acme\.normal.*delete that queue"):
            await broker.publish([(LANE, b"one")])
        # It is that lane's matter only.
        refusal, accepted = await broker.publish([(LANE, b"one"), ("acme/high", b"two")])
        assert "delete that queue" in str(refusal)
        assert accepted is None
        await channel.queue_delete(queue_of(url))
    await publish(broker, LANE, [b"one"])
    await broker.close()
    async with plain_channel(server) as channel:
        await channel.queue_delete(queue_of(url, "given-up"))
        await channel.queue_declare(queue_of(url, "given-up"), durable=True)
        assert "given-up" in await refused(url)
        await channel.queue_delete(queue_of(url, "given-up"))


async def test_a_user_without_permission_is_told(server: RabbitMQ) -> None:
    await asyncio.to_thread(server.control, "add_user", "small", "small")
    other = server.url.replace("guest:guest", "small:small")
    assert "vhost" in await refused(other)
    await asyncio.to_thread(server.control, "set_permissions", "small", "^$", ".*", ".*")
    assert "may not be made" in await refused(other + "?prefix=small")
    # What docs/pens.md asks for is enough.
    await asyncio.to_thread(
        server.control, "set_permissions", "small", r"^small\.", r"^small\.|^amq\.default$", r"^small\."
    )
    broker = RabbitBroker.from_url(other + "?prefix=small")
    await broker.open()
    await broker.check()
    await publish(broker, LANE, [b"one"])
    await broker.settle(await take(broker, LANE, 1))
    await broker.close()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak AMQP"),
        (b"-ERR unknown command\r\n", "does not speak AMQP"),
        (b"AMQP\x00\x01\x00\x00", "does not speak AMQP 0-9-1"),
    ],
)
async def test_something_else_at_the_port_is_named(answer: bytes, said: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        writer.write(answer)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as stranger:
        port = stranger.sockets[0].getsockname()[1]
        assert said in await refused(f"amqp://guest:guest@127.0.0.1:{port}/")


async def test_tls_works_with_a_trusted_certificate_only(server: RabbitMQ) -> None:
    url = f"amqps://guest:guest@127.0.0.1:{server.tls_port}/"
    broker = RabbitBroker.from_url(f"{url}?prefix=tls&cafile={server.certificate}")
    await broker.open()
    large = bytes(range(256)) * 4096
    await publish(broker, LANE, [large])
    assert contents(await take(broker, LANE, 1)) == [large]
    await broker.close()
    assert "certificate is not trusted" in await refused(url)
    assert "no TLS there" in await refused(server.url.replace("amqp:", "amqps:"))
    for unusable in ("/nowhere.pem", __file__):
        assert "cafile, certfile or keyfile cannot be read" in await refused(f"{url}?cafile={unusable}")


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere.invalid:5672"])
async def test_a_broker_that_is_away_is_transient(address: str) -> None:
    broker = RabbitBroker.from_url(f"amqp://guest:s3cret@{address}/")
    for call in (broker.open(), broker.publish([(LANE, b"x")]), broker.receive({LANE: 1}), broker.check()):
        with pytest.raises(TransientError, match="is away") as caught:
            await call
        assert "s3cret" not in str(caught.value)
    await broker.close()


async def test_a_lane_that_is_none_is_refused(new_broker: NewBroker) -> None:
    broker = await new_broker()
    with pytest.raises(UsageError, match="lane"):
        await broker.publish([("n" * 91, b"x")])
