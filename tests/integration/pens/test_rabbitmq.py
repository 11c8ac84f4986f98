"""RabbitMQ under the pen, on a real server."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from adapters.inbox.rabbitmq import RabbitBroker
from tests.contracts.pens.broker import BrokerContract, NewBroker, RestartContract
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


@pytest.mark.slow
class TestRabbitMQKilled(RestartContract):
    pass
