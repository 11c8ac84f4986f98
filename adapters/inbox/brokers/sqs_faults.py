"""What a refusal of SQS, or its silence, means."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from adapters.inbox.brokers.sqs_address import SqsAddress
from adapters.inbox.brokers.sqs_queues import SqsQueues
from domain.errors import ConfigurationError, TransientError

_MISSING = ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue")
# What nothing but another setting mends, however often it is tried. All else may pass.
_WRONG_SETTING = re.compile(
    "AccessDenied|InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch|InvalidSignature|AuthFailure|OptInRequired"
    "|MissingAuthenticationToken|InvalidAccessKeyId|ExpiredToken|InvalidSecurity|InvalidAddress|IncompleteSignature"
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
        async with asyncio.timeout(queues.call_s):
            yield
    except TimeoutError:
        raise TransientError(
            f"SQS at {queues.address.shown!r} has not answered within {queues.call_s:g} seconds"
        ) from None
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
