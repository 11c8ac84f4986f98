"""The connection to Amazon SQS, and the queues found or made by it.

`aiobotocore` comes with the extra `sqs` and is imported where it is used.
"""

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

from adapters.inbox.brokers.sqs_address import SqsAddress
from domain.errors import ConfigurationError

CALL_S = 3.4  # no call takes longer
MOST_BYTES = 256 * 1024  # of a message and of a batch, attributes included; queues made lately take more
MOST_DELIVERIES = 20
_KEEP_S = 14 * 24 * 3600  # the longest that SQS offers
_CONNECTIONS = 32
_REQUESTS_AT_ONCE = 24


def need_aiobotocore(shown: str) -> None:
    """Raise a ConfigurationError if the extra `sqs` is not installed."""
    try:
        # Whether it is there; and this takes a second, which no call has to spare.
        import aiobotocore.session  # type: ignore[import-untyped]  # noqa: F401
    except ImportError as e:
        raise ConfigurationError(
            f"HEADGATE_INBOX {shown!r} needs aiobotocore ({e}): install Headgate with its extra `sqs`"
        ) from None


class SqsQueues:
    """The connection, and the queues found or made by it."""

    def __init__(self, address: SqsAddress, call_s: float = CALL_S) -> None:
        self.address = address
        self.call_s = call_s
        self._open = AsyncExitStack()
        self._opening = asyncio.Lock()
        # Any: botocore makes the methods of its clients from a description of the service.
        self._client: Any = None
        self._found: dict[str, str] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._given_up_arn = ""
        self._requests = asyncio.Semaphore(_REQUESTS_AT_ONCE)

    async def ask(self, operation: str, **arguments: object) -> Any:  # noqa: ANN401 - see above
        """Return what SQS answers to an operation by its name in botocore."""
        client = await self.client()
        async with self._requests:
            return await getattr(client, operation)(**arguments)

    async def client(self) -> Any:  # noqa: ANN401 - see __init__
        """Return the client, connected when first used."""
        async with self._opening:
            if self._client is None:
                from aiobotocore.config import AioConfig  # type: ignore[import-untyped]
                from aiobotocore.session import get_session

                settings = AioConfig(
                    connect_timeout=self.call_s,
                    read_timeout=self.call_s,
                    max_pool_connections=_CONNECTIONS,
                    # Once more, since a connection that was idle may turn out to be closed.
                    retries={"total_max_attempts": 2, "mode": "standard"},
                )
                made = get_session().create_client(
                    "sqs", region_name=self.address.region, endpoint_url=self.address.endpoint, config=settings
                )
                self._client = await self._open.enter_async_context(made)
            return self._client

    async def url(self, lane: str, *, make: bool) -> str | None:
        """Return the URL of a lane's queue; None if there is none and none is to be made.

        Raises:
            ConfigurationError: the queue is not as we need it; with the remedy.
        """
        name = self.address.queue(lane)
        if name not in self._found:
            await self.given_up()
            redrive: dict[str, object] = {"deadLetterTargetArn": self._given_up_arn, "maxReceiveCount": MOST_DELIVERIES}
            await self._find(name, redrive, make)
        return self._found.get(name)

    async def given_up(self) -> str:
        """Return the URL of the queue of what came too often.

        Raises:
            ConfigurationError: the queue is not as we need it; with the remedy.
        """
        name = self.address.given_up
        if name not in self._found:
            await self._find(name, None, make=True)
        return self._found[name]

    def forget(self) -> None:
        """Look for all queues anew: one was deleted by somebody."""
        self._found.clear()

    async def close(self) -> None:
        """Let go of the connection."""
        async with self._opening:
            self._client = None
            await self._open.aclose()

    async def _find(self, name: str, redrive: dict[str, object] | None, make: bool) -> None:
        client = await self.client()
        async with self._locks.setdefault(name, asyncio.Lock()):
            if name in self._found:  # somebody else was first
                return
            try:
                url = (await client.get_queue_url(QueueName=name))["QueueUrl"]
            except client.exceptions.QueueDoesNotExist:
                if not make:
                    return
                attributes = {"MessageRetentionPeriod": str(_KEEP_S)}
                if redrive is not None:
                    attributes["RedrivePolicy"] = json.dumps(redrive)
                url = (await client.create_queue(QueueName=name, Attributes=attributes))["QueueUrl"]
            answer = await client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
            self._examine(name, answer["Attributes"], redrive)
            if redrive is None:
                self._given_up_arn = answer["Attributes"]["QueueArn"]
            self._found[name] = url

    def _examine(self, name: str, attributes: dict[str, str], redrive: dict[str, object] | None) -> None:
        expected: dict[str, object] = {"MessageRetentionPeriod": _KEEP_S}
        there: dict[str, object] = {"MessageRetentionPeriod": int(attributes["MessageRetentionPeriod"])}
        if redrive is not None:
            policy = json.loads(attributes.get("RedrivePolicy", "{}"))
            expected |= redrive
            there |= {"deadLetterTargetArn": policy.get("deadLetterTargetArn")}
            there |= {"maxReceiveCount": int(policy.get("maxReceiveCount", 0))}
        if (largest := int(attributes.get("MaximumMessageSize", MOST_BYTES))) < MOST_BYTES:
            expected["MaximumMessageSize"], there["MaximumMessageSize"] = MOST_BYTES, largest
        if there != expected:
            raise ConfigurationError(
                f"HEADGATE_INBOX {self.address.shown!r}: the queue {name!r} is there already with {there}, expected "
                f"was {expected}: change its attributes, delete it if it is empty, or name another prefix"
            )
