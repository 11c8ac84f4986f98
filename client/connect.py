"""One way to connect to Temporal: the same address rules and the same data converter for worker, starter, command and
test.
"""

import atexit
import functools
import json
import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.runtime import Runtime

from domain.errors import NotReachableError, not_among

DEFAULT_NAMESPACE = "headgate"
SDK_RESTS_WITHIN_S = 0.2


class SourceEndpoint(BaseModel):
    """A webhook source and its current secret."""

    name: str
    secret: str


class Endpoints(BaseModel):
    """Where everything of a running `headgate up` is: the content of `endpoints.json` (mode 600)."""

    gateway: str
    console: str
    temporal: str
    temporal_ui: str
    namespace: str
    sources: list[SourceEndpoint] = []
    offline_model: str = ""


def source_named(name: str | None, sources: Sequence[SourceEndpoint]) -> SourceEndpoint:
    """Return the source of a name, the first one where none is given.

    Raises:
        UsageError: there is no such source.
    """
    for source in sources:
        if name in (None, source.name):
            return source
    raise not_among("source", str(name), (source.name for source in sources))


def data_converter() -> DataConverter:
    """Return the data converter of every client, worker, test and replayer."""
    return pydantic_data_converter


def read_endpoints(data_dir: Path) -> Endpoints:
    """Read `endpoints.json`.

    Raises:
        NotReachableError: there is none: nothing was started with this data dir.
    """
    path = data_dir / "endpoints.json"
    try:
        return Endpoints.model_validate(json.loads(path.read_text("utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        raise NotReachableError(
            f"no {path.name} in {str(data_dir)!r}: start Headgate with `headgate up --data-dir {data_dir}`, "
            "or name the folder of a running one with --data-dir or HEADGATE_DATA_DIR"
        ) from None
    except PermissionError:
        raise NotReachableError(
            f"{str(path)!r} is not for this user: it holds secrets, run this as who owns it"
        ) from None
    except ValueError as error:
        raise NotReachableError(f"{str(path)!r} cannot be read ({error}): start `headgate up` again") from error


async def connect(
    address: str | None = None, namespace: str | None = None, *, lazy: bool = False, runtime: Runtime | None = None
) -> Client:
    """Connect to the Temporal of a running `headgate up`, or by Temporal's own settings (`TEMPORAL_*`, profiles).

    Args:
        address: host:port of a server that is known, without TLS; None asks Temporal's own settings.
        namespace: its namespace.
        lazy: connect at the first call.
        runtime: the SDK runtime, where metrics are wanted.

    Raises:
        NotReachableError: the server does not answer.
    """
    _end_after_the_sdk()
    # Who names a data dir must never reach another server by a variable or profile that is meant for other work.
    config = ClientConnectConfig() if address else ClientConfig.load_client_connect_config()
    config.setdefault("target_host", address or "localhost:7233")
    config.setdefault("namespace", namespace or DEFAULT_NAMESPACE)
    try:
        return await Client.connect(**config, data_converter=data_converter(), lazy=lazy, runtime=runtime)
    except RuntimeError as error:
        raise NotReachableError(
            f"no Temporal answers at {config['target_host']!r}: start it with `headgate up`, "
            "or set TEMPORAL_ADDRESS to where yours runs"
        ) from error


@functools.cache
def _end_after_the_sdk() -> None:
    """Let the SDK's threads put down what they hold before the interpreter is torn down.

    A thread that has just handed over the result of a call still holds Python objects. Where it meets an interpreter
    that is being torn down, the process is killed by SIGABRT or SIGSEGV after its work is done: nine of thirty short
    programs on a busy machine, none with a pause (temporalio/sdk-python issue 300).
    """
    atexit.register(time.sleep, SDK_RESTS_WITHIN_S)
