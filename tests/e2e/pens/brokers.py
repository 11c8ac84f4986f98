"""Each broker as a test of the whole product wants it: its URL, an outage, and a foreigner who writes into it."""

import asyncio
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import aiormq

from adapters.inbox.brokers.sqs_address import sqs_address
from adapters.inbox.rabbitmq.lanes import LaneNames
from tests.rabbitmq import RabbitMQ, running_rabbitmq
from tests.redis_server import SAFE, RedisServer, running_redis
from tests.sqs_server import SqsServer, running_sqs

LANE = "default/normal"
AWAY_S = 4.0
AWS = MappingProxyType({"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"})


class RabbitUnderTest:
    """RabbitMQ."""

    env: Mapping[str, str] = MappingProxyType({})

    def __init__(self, server: RabbitMQ) -> None:
        self._server = server
        self.url = f"{server.url}?prefix=live"

    async def outage(self) -> None:
        """kill -9, and start it again on its disk."""
        await self._server.kill_and_restart()

    async def put(self, content: bytes) -> None:
        """Write into a lane's queue as anybody could."""
        connection = await aiormq.connect(self._server.url)
        channel = await connection.channel()
        await channel.basic_publish(content, routing_key=LaneNames("live").queue(LANE))
        await connection.close()


class RedisUnderTest:
    """Redis that writes each command to its disk."""

    env: Mapping[str, str] = MappingProxyType({})

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self.url = server.url("live")

    async def outage(self) -> None:
        """kill -9, and start it again on its disk."""
        await asyncio.to_thread(self._server.kill)
        await asyncio.sleep(AWAY_S)
        await asyncio.to_thread(self._server.start)

    async def put(self, content: bytes) -> None:
        """Write into a lane's stream as anybody could."""
        client = self._server.client()
        client.xadd(f"live:lane:{LANE}", {"content": content})
        client.close()


class SqsUnderTest:
    """A speaker of SQS. It keeps its queues in memory, which AWS does not: it is stopped for a while, not killed."""

    env: Mapping[str, str] = AWS

    def __init__(self, server: SqsServer) -> None:
        self._server = server
        self.url = server.url("live")

    async def outage(self) -> None:
        """SIGSTOP: it hangs, and goes on."""
        assert self._server.process is not None
        os.kill(self._server.process.pid, signal.SIGSTOP)
        await asyncio.sleep(AWAY_S)
        os.kill(self._server.process.pid, signal.SIGCONT)

    async def put(self, content: bytes) -> None:
        """Write into a lane's queue as anybody could."""
        name = sqs_address(self.url).queue(LANE)
        url = self._server.ask("GetQueueUrl", QueueName=name)["QueueUrl"]
        self._server.ask("SendMessage", QueueUrl=url, MessageBody=content.decode())


UnderTest = RabbitUnderTest | RedisUnderTest | SqsUnderTest


@contextmanager
def broker_under_test(kind: str) -> Iterator[UnderTest]:
    """Run `rabbitmq`, `redis` or `sqs`."""
    if kind == "rabbitmq":
        with running_rabbitmq() as rabbit:
            yield RabbitUnderTest(rabbit)
    elif kind == "redis":
        with running_redis(*SAFE) as redis:
            yield RedisUnderTest(redis)
    else:
        with running_sqs() as sqs:
            yield SqsUnderTest(sqs)
