"""RabbitMQ under the pen, on a real server."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import aiormq
import pytest

from adapters.inbox.rabbitmq import RabbitBroker
from domain.errors import ConfigurationError
from tests.contracts.broker import BrokerContract, NewBroker, RestartContract
from tests.rabbitmq import RabbitMQ, running_rabbitmq

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
