"""One way to connect to Temporal: the same data converter for worker, starter, command and test."""

import atexit
import functools
import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import DataConverter
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.runtime import Runtime

from client.which import WhichHeadgate
from domain.errors import NotReachableError

SDK_RESTS_WITHIN_S = 0.2


@dataclass(frozen=True)
class _NothingElsewhere(DataConverter):
    """Takes a payload that claims to lie in a store elsewhere for what it is: one in an encoding that nobody knows.

    We have no such store. The SDK raises before a workflow hears of the message, and its task would fail for ever.
    """

    async def _decode_reference_payload_sequence(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(payloads)

    async def _external_retrieve_payload_sequence(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(payloads)


_CONVERTER = _NothingElsewhere(payload_converter_class=PydanticPayloadConverter)


def data_converter() -> DataConverter:
    """Return the data converter of every client, worker, test and replayer."""
    return _CONVERTER


async def connect(
    which: WhichHeadgate, *, lazy: bool = False, runtime: Runtime | None = None, instance: str = ""
) -> Client:
    """Connect to the Temporal of a Headgate: of a `headgate up` without TLS, elsewhere as `TEMPORAL_*` says.

    Args:
        which: from `which_headgate` or `which_temporal`.
        lazy: connect at the first call.
        runtime: the SDK runtime, where metrics are wanted.
        instance: id of the installation; Temporal's histories and lists of workers then name it beside the process.

    Raises:
        NotReachableError: the server does not answer, or its `headgate up` has ended.
    """
    which.require_running()
    _end_after_the_sdk()
    # A key or certificate in a variable is meant for the server of the environment, for no other.
    config = ClientConnectConfig() if which.endpoints is not None else ClientConfig.load_client_connect_config()
    config["target_host"] = which.address
    config["namespace"] = which.namespace
    identity = f"{os.getpid()}@{socket.gethostname()}" + (f"/{instance}" if instance else "")  # else the SDK's own form
    try:
        return await Client.connect(
            **config, data_converter=data_converter(), identity=identity, lazy=lazy, runtime=runtime
        )
    except RuntimeError as error:
        raise NotReachableError(
            f"no Temporal answers at {which.address!r}, which {which.named_by} names: start it (`headgate up` brings "
            "its own), or set TEMPORAL_ADDRESS to where yours runs"
        ) from error


@functools.cache
def _end_after_the_sdk() -> None:
    """Give the SDK's threads time to release their Python objects before the interpreter shuts down.

    A thread that has just delivered the result of a call still holds Python objects. If the interpreter shuts down
    under it, the process is killed by SIGABRT or SIGSEGV after its work is done: nine of thirty short
    programs on a busy machine, none with a pause (temporalio/sdk-python issue 300).
    """
    atexit.register(time.sleep, SDK_RESTS_WITHIN_S)
