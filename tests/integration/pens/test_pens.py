"""The contract of all pens on real brokers, with the log of accepted events in a store of its own."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from adapters.inbox.accepted_log import SqlAcceptedLog
from adapters.inbox.broker_inbox import BrokerInbox
from adapters.inbox.brokers.redis_streams import RedisBroker
from adapters.inbox.brokers.sqs import SqsBroker
from adapters.inbox.rabbitmq import RabbitBroker
from adapters.store import open_store
from domain.errors import TransientError
from ports.incoming.broker import Broker
from ports.incoming.inbox import Inbox
from tests.contracts.pens.pen import Another, PenContract, event, take
from tests.rabbitmq import RabbitMQ, running_rabbitmq
from tests.redis_server import SAFE, RedisServer, running_redis
from tests.sqs_server import SqsServer, running_sqs

NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def rabbitmq() -> Iterator[RabbitMQ]:
    with running_rabbitmq() as server:
        yield server


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis(*SAFE) as server:
        yield server


@pytest.fixture(scope="module")
def sqs() -> Iterator[SqsServer]:
    with running_sqs() as server:
        yield server


class OnABroker(PenContract):
    """The pen on the broker that `connect` returns, for each test with names of its own; a new one is a new process."""

    @pytest.fixture
    async def another(self, tmp_path: Path, connect: Callable[[], Broker]) -> AsyncIterator[Another]:
        store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
        opened: list[BrokerInbox] = []

        async def build() -> BrokerInbox:
            opened.append(BrokerInbox(connect(), lambda: SqlAcceptedLog(store.database)))
            return opened[-1]

        yield build
        for pen in opened:
            await pen.close()
        store.close()

    @pytest.fixture
    async def pen(self, another: Another) -> Inbox:
        return await another()

    async def test_a_crowd_that_sends_again_where_it_is_told_to(self, pen: Inbox, another: Another) -> None:
        pens = pen, await another()

        async def send(n: int) -> None:
            for _ in range(20):
                with suppress(TransientError):  # a machine under load is too slow for its 4 seconds now and then
                    await pens[n % 2].put(event(n, tenant=f"t{n % 5}"))
                    return
            raise AssertionError(f"{n} was never taken")

        await asyncio.gather(*map(send, range(400)))
        seen = set()
        while len(seen) < 400:
            items = await take(pen, 1, limit=100)
            assert seen.isdisjoint(item.case_id for item in items)
            seen.update(item.case_id for item in items)
            await pen.ack([item.case_id for item in items])
        depth = await pens[1].depth()
        assert (depth.leased, depth.total) == (0, 400)


class TestOnRabbitMQ(OnABroker):
    @pytest.fixture
    def connect(self, rabbitmq: RabbitMQ) -> Callable[[], Broker]:
        url = f"{rabbitmq.url}?prefix=pen{next(NUMBERS)}"
        return lambda: RabbitBroker.from_url(url)


class TestOnRedisStreams(OnABroker):
    @pytest.fixture
    def connect(self, redis: RedisServer) -> Callable[[], Broker]:
        url = redis.url(f"pen{next(NUMBERS)}")
        return lambda: RedisBroker.from_url(url, held_s=2.0)


class TestOnSQS(OnABroker):
    @pytest.fixture
    def connect(self, sqs: SqsServer, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Broker]:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        url = sqs.url(f"pen{next(NUMBERS)}")
        return lambda: SqsBroker.from_url(url, held_s=3)
