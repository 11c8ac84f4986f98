"""Queues of Amazon SQS: what they are called, how they are opened, and what a refusal means.

`aiobotocore` comes with the extra `sqs` and is imported where it is used.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from domain.errors import ConfigurationError, TransientError

CALL_S = 3.4  # no call takes longer
MOST_BYTES = 256 * 1024  # of a message and of a batch, attributes included; queues made lately take more
MOST_DELIVERIES = 20
_KEEP_S = 14 * 24 * 3600  # the longest that SQS offers
_CONNECTIONS = 32
_LONGEST_NAME = 80
_PREFIX = re.compile(r"[A-Za-z0-9_-]{1,30}")
_MISSING = ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue")
# What nothing but another setting mends, however often it is tried. All else may pass.
_WRONG_SETTING = re.compile(
    "AccessDenied|InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch|InvalidSignature|AuthFailure|OptInRequired"
    "|MissingAuthenticationToken|InvalidAccessKeyId|ExpiredToken|InvalidSecurity|InvalidAddress|IncompleteSignature"
)


@dataclass(frozen=True, slots=True)
class SqsAddress:
    """Where the queues are; `endpoint` only where it is not Amazon's own."""

    region: str
    prefix: str
    endpoint: str | None
    shown: str

    def queue(self, lane: str) -> str:
        """Return the name of a lane's queue.

        >>> sqs_address("sqs://eu-central-1/headgate").queue("acme/normal")
        'headgate-lane-acme_2fnormal'
        """
        name = f"{self.prefix}-lane-{in_safe_letters(lane)}"
        if len(name) <= _LONGEST_NAME:
            return name
        digest = "__" + hashlib.sha256(lane.encode()).hexdigest()[:32]  # no other name has two of them in a row
        return name[: _LONGEST_NAME - len(digest)] + digest

    @property
    def given_up(self) -> str:
        """The name of the queue of what came too often."""
        return f"{self.prefix}-given-up"


def sqs_address(url: str) -> SqsAddress:
    """Read `sqs://REGION/PREFIX`, with `?endpoint=https://…` where it is not Amazon's.

    Raises:
        ConfigurationError: it says something else.
    """
    try:
        parts = urlsplit(url)
    except ValueError as e:
        raise ConfigurationError(f"HEADGATE_INBOX is no URL: {e}; expected sqs://REGION/PREFIX") from None
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    endpoint = query.pop("endpoint", None)
    prefix = parts.path.strip("/") or "headgate"
    fits = parts.scheme == "sqs" and re.fullmatch(r"[a-z0-9-]+", parts.netloc) and _PREFIX.fullmatch(prefix)
    if not fits or query or (endpoint is not None and not re.match(r"https?://[^/]", endpoint)):
        raise ConfigurationError(
            f"HEADGATE_INBOX {url!r}: expected sqs://REGION/PREFIX (such as sqs://eu-central-1/headgate), a prefix of "
            "up to 30 letters, digits, '-' and '_', and at most ?endpoint=https://…"
        )
    return SqsAddress(parts.netloc, prefix, endpoint, url)


def in_safe_letters(text: str) -> str:
    """Return a text in letters, digits, '-' and '_' only, from which `out_of_safe_letters` makes the text again."""
    return re.sub(r"[^A-Za-z0-9-]", lambda found: "".join(f"_{byte:02x}" for byte in found[0].encode()), text)


def out_of_safe_letters(text: str) -> str | None:
    """Return the text, or None if this was made by somebody else.

    >>> out_of_safe_letters(in_safe_letters("Grüße, a_b/c-d"))
    'Grüße, a_b/c-d'
    """
    try:
        return re.sub(rb"_([0-9a-f]{2})", lambda found: bytes.fromhex(found[1].decode()), text.encode()).decode()
    except ValueError:
        return None


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

    def __init__(self, address: SqsAddress) -> None:
        self.address = address
        self._open = AsyncExitStack()
        self._opening = asyncio.Lock()
        # Any: botocore makes the methods of its clients from a description of the service.
        self._client: Any = None
        self._found: dict[str, str] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._given_up_arn = ""

    async def client(self) -> Any:  # noqa: ANN401 - see __init__
        """Return the client, connected when first used."""
        async with self._opening:
            if self._client is None:
                from aiobotocore.config import AioConfig  # type: ignore[import-untyped]
                from aiobotocore.session import get_session

                settings = AioConfig(
                    connect_timeout=CALL_S,
                    read_timeout=CALL_S,
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


@asynccontextmanager
async def sqs_faults(queues: SqsQueues) -> AsyncIterator[None]:
    """Bound what is done inside to some seconds, and raise what SQS says as an error of ours.

    Raises:
        ConfigurationError: only another setting helps.
        TransientError: it is away, throttles, or does not answer.
    """
    from aiohttp import ClientError as HttpError
    from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

    try:
        async with asyncio.timeout(CALL_S):
            yield
    except TimeoutError:
        raise TransientError(f"SQS at {queues.address.shown!r} has not answered within {CALL_S:g} seconds") from None
    except ClientError as e:
        code = str(e.response.get("Error", {}).get("Code", ""))
        if code in _MISSING:
            queues.forget()
        if _WRONG_SETTING.search(code):
            raise _wrong(queues.address, e) from e
        raise TransientError(f"SQS at {queues.address.shown!r}: {e}") from e
    except (BotoCoreError, HttpError, OSError) as e:
        raise _unreachable(queues.address, e) from e


def _unreachable(address: SqsAddress, error: Exception) -> ConfigurationError | TransientError:
    import botocore.exceptions as known  # type: ignore[import-untyped]
    from botocore.session import Session  # type: ignore[import-untyped]

    settings = (
        known.NoCredentialsError,
        known.PartialCredentialsError,
        known.ProfileNotFound,
        known.ConfigParseError,
        known.InvalidRegionError,
        known.ConfigNotFound,
    )
    if isinstance(error, settings):
        return _wrong(address, error)
    if isinstance(error, known.EndpointConnectionError) and address.endpoint is None:
        session = Session()
        regions = {region for part in session.get_available_partitions() for region in _regions(session, part)}
        if address.region not in regions:
            return _wrong(address, error)
    return TransientError(f"SQS at {address.shown!r}: {error}")


def _regions(session: Any, partition: str) -> list[str]:  # noqa: ANN401 - botocore has no types
    return list(session.get_available_regions("sqs", partition, allow_non_regional=False))


def _wrong(address: SqsAddress, error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"HEADGATE_INBOX {address.shown!r}: {error}; mend the region, or the credentials, which come as in all of "
        "AWS's tools (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a role), with the right to find, "
        "create, read and write these queues (sqs:*)"
    )
