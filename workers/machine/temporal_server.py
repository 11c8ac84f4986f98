"""Temporal's own programs on this machine: where they are, how to start them, and what to register with a new server.

``scripts/setup.py`` runs before anything is installed and imports this module for the places it fills, so nothing
outside the standard library is imported at the top; ``temporalio`` is imported by the one function that talks to a
server.
"""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from domain.errors import NotReachableError, ServerProgramMissingError, ServerProgramUnusableError

if TYPE_CHECKING:
    from temporalio.client import Client

_Result = TypeVar("_Result")

TEMPORAL_BIN_VARIABLE = "HEADGATE_TEMPORAL_BIN"
TEST_SERVER_BIN_VARIABLE = "HEADGATE_TEST_SERVER_BIN"
CACHE_VARIABLE = "HEADGATE_CACHE_DIR"

DEFAULT_RETENTION = timedelta(days=30)
"""Closed cases stay readable this long; the dev server alone would delete them after a day."""

_TYPE_VALUES: Mapping[str, str] = {
    "Text": "INDEXED_VALUE_TYPE_TEXT",
    "Keyword": "INDEXED_VALUE_TYPE_KEYWORD",
    "Int": "INDEXED_VALUE_TYPE_INT",
    "Double": "INDEXED_VALUE_TYPE_DOUBLE",
    "Bool": "INDEXED_VALUE_TYPE_BOOL",
    "Datetime": "INDEXED_VALUE_TYPE_DATETIME",
    "KeywordList": "INDEXED_VALUE_TYPE_KEYWORD_LIST",
}
"""What a command line calls a type, to what the server's own interface calls it."""

# NORMAL keeps all that was written before a kill, but may lose the last second before a power cut, a case that was just
# started included (docs/promises.md); the WAL journal makes it several times faster than the default. FULL on a server
# that must survive that is a matter of its own configuration: the dev server is for one machine.
_SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL")

_DYNAMIC_CONFIG: Mapping[str, str] = {
    # By default the server looks for new work of its one shard 20 times a second, 50 ms at every step of a case.
    # Measured: a workflow of three activities takes 290 ms with 20 and 45 to 80 ms with 1000, at the same processor
    # time.
    "history.transferProcessorMaxPollRPS": "1000",
    # A task queue's rate limit is divided among its partitions. Measured: 60 activities at 10 a second take 5.4 s
    # with one partition, 6.7 to 8 s with the four of the default.
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
}
# Priorities, and turns of tenants, in queues where something waits (docs/fairness.md); where `takes_turns` says so. An
# older server knows no such keys, and ignores them.
_TURNS: Mapping[str, str] = {"matching.useNewMatcher": "true", "matching.enableFairness": "true"}
"""Only what a measurement or a promise needs; request limits of the frontend were tried and change nothing."""


def cache_dir(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder, outside any checkout, that keeps downloaded and built programs; it may not exist yet."""
    env = os.environ if environ is None else environ
    if chosen := env.get(CACHE_VARIABLE):
        return Path(chosen).expanduser().absolute()
    if xdg := env.get("XDG_CACHE_HOME"):
        return Path(xdg).expanduser().absolute() / "headgate"
    return Path.home() / ".cache" / "headgate"


def cached_temporal(environ: Mapping[str, str] | None = None) -> Path:
    """Return where ``make setup`` puts Temporal's CLI, there or not."""
    return cache_dir(environ) / "bin" / "temporal"


def cached_test_server(environ: Mapping[str, str] | None = None) -> Path:
    """Return where ``make setup`` puts the time-skipping test server, there or not."""
    return cache_dir(environ) / "bin" / "temporal-test-server"


def find_temporal(environ: Mapping[str, str] | None = None) -> Path:
    """Return Temporal's CLI: the one named by HEADGATE_TEMPORAL_BIN, else on PATH, else in the cache.

    Raises:
        ServerProgramMissingError: nothing is found, or the variable names something that cannot be run.
    """
    env = os.environ if environ is None else environ
    if named := _named_program(env, TEMPORAL_BIN_VARIABLE):
        return named
    if on_path := shutil.which("temporal", path=env.get("PATH")):
        return Path(on_path)
    cached = cached_temporal(env)
    if is_program(cached):
        return cached
    raise ServerProgramMissingError(
        f"Temporal's server program was not found: not on PATH, not at {str(cached)!r}. Run `make setup`, "
        f"or set {TEMPORAL_BIN_VARIABLE} to a `temporal` program that you have."
    )


def find_test_server(environ: Mapping[str, str] | None = None) -> Path:
    """Return the time-skipping test server: the one named by HEADGATE_TEST_SERVER_BIN, else in the cache.

    Raises:
        ServerProgramMissingError: nothing is found, or the variable names something that cannot be run.
    """
    env = os.environ if environ is None else environ
    if named := _named_program(env, TEST_SERVER_BIN_VARIABLE):
        return named
    cached = cached_test_server(env)
    if is_program(cached):
        return cached
    raise ServerProgramMissingError(
        f"Temporal's time-skipping test server was not found at {str(cached)!r}. Run `make setup`, "
        f"or set {TEST_SERVER_BIN_VARIABLE} to a `temporal-test-server` program that you have."
    )


def is_program(path: Path) -> bool:
    """Tell whether ``path`` is a file that may be executed."""
    return path.is_file() and os.access(path, os.X_OK)


def _named_program(env: Mapping[str, str], variable: str) -> Path | None:
    value = env.get(variable)
    if not value:
        return None
    path = Path(value).expanduser().absolute()
    if not is_program(path):
        raise ServerProgramUnusableError(
            f"{variable} is {value!r}, which is not a program that can be run; "
            f"name an executable file or unset {variable}."
        )
    return path


def dev_server_command(
    binary: Path,
    *,
    db_file: Path | None,
    port: int,
    ui_port: int | None,
    namespace: str,
    search_attributes: Mapping[str, str],
    mark: str = "",
    log_level: str = "warn",
    ip: str = "127.0.0.1",
) -> list[str]:
    """Return the command line of a real Temporal server for one machine.

    Args:
        binary: Temporal's CLI (:func:`find_temporal`).
        db_file: its state; ``None`` keeps the state in memory. The folder must exist: the server does not make it.
        port: for gRPC.
        ui_port: for the Web UI; ``None`` leaves the Web UI out.
        namespace: registered at the start, if new; ``default`` always exists beside it.
        search_attributes: name to type; registered at the start, if new.
        mark: a second namespace, in which nothing runs: by it this server is told from any other
            (:func:`knows_namespace`); empty: none.
        log_level: of the server: debug, info, warn, error, never.
        ip: address to listen on. The dev server checks no credentials: leave it on the loopback.

    Raises:
        ValueError: a search attribute has a type that Temporal does not know.
        sqlite3.Error: what is there is no database.
    """
    command = [str(binary), "server", "start-dev", "--ip", ip, "--port", str(port), "--log-level", log_level]
    command += ["--headless"] if ui_port is None else ["--ui-port", str(ui_port)]
    if db_file is not None:
        command += ["--db-filename", str(db_file)]
        command += _repeat_flag("--sqlite-pragma", _SQLITE_PRAGMAS)
    for name in (namespace, mark):
        if name not in ("", "default"):
            command += ["--namespace", name]
    for name, kind in search_attributes.items():
        if kind not in _TYPE_VALUES:
            known = ", ".join(_TYPE_VALUES)
            raise ValueError(f"search attribute {name!r} has the type {kind!r}; expected one of {known}")
        command += ["--search-attribute", f"{name}={kind}"]
    config = {**_DYNAMIC_CONFIG, **(_TURNS if takes_turns(db_file) else {})}
    command += _repeat_flag("--dynamic-config-value", [f"{key}={value}" for key, value in config.items()])
    return command


def takes_turns(db_file: Path | None) -> bool:
    """Tell whether a server may give tenants their turns on this state.

    It keeps tasks in other tables then, and one of version 1.29 looks into one kind of tables only. Measured: of 40
    workflows whose tasks waited when turns were turned on, none went on. So state of an earlier version of Headgate
    gets them at the first start at which no task waits in it; once it has them it keeps them. Until then it has no
    priorities either: with those alone a server leaves what is done among what waits when it is stopped.
    """
    if db_file is None or not db_file.exists():
        return True
    with closing(sqlite3.connect(f"{db_file.absolute().as_uri()}?mode=ro", uri=True)) as db:
        tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "task_queues_v2" not in tables:
            return "task_queues" not in tables
        if db.execute("SELECT 1 FROM task_queues_v2 LIMIT 1").fetchone():
            return True
        # A worker's own queue is named by its host and process, with '@' or ':'; turns are not for those.
        waiting = (
            "SELECT 1 FROM tasks WHERE instr(substr(task_queue_id, 17), x'3a') = 0 "
            "AND instr(substr(task_queue_id, 17), x'40') = 0 LIMIT 1"
        )
        return db.execute(waiting).fetchone() is None


def _repeat_flag(flag: str, values: Sequence[str]) -> list[str]:
    return [part for value in values for part in (flag, value)]


async def knows_namespace(address: str, namespace: str) -> bool:
    """Tell whether the server without TLS at an address knows a namespace: one that its own command line registered is
    there from its first answer on, so a server that does not know it is another one.

    Raises:
        RuntimeError, temporalio.service.RPCError: it does not answer yet.
    """
    from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
    from temporalio.client import Client
    from temporalio.service import RPCError, RPCStatusCode

    client = await Client.connect(address, namespace=namespace)
    try:
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True


async def prepare_namespace(
    address: str,
    namespace: str,
    *,
    search_attributes: Mapping[str, str],
    retention: timedelta = DEFAULT_RETENTION,
    timeout_s: float = 30.0,
) -> None:
    """Register what Headgate needs in a namespace of a server without TLS: itself, its attributes, its retention.

    Safe to run again and beside itself; a longer retention that somebody has set is kept. When this returns, cases
    can be started with the attributes and found by them.

    Raises:
        NotReachableError: no answer within ``timeout_s`` (it also connects within that time).
        temporalio.service.RPCError: the server refuses.
        ValueError: an attribute exists already with another type.
    """
    from temporalio.client import Client

    async def prepare() -> None:
        client = await until_ready(lambda: Client.connect(address, namespace=namespace))
        await until_ready(lambda: register_namespace(client, retention, raise_retention=True))
        await until_ready(lambda: register_search_attributes(client, search_attributes))

    try:
        await asyncio.wait_for(prepare(), timeout_s)
    except TimeoutError as error:
        raise NotReachableError(
            f"Temporal at {address!r} did not answer for namespace {namespace!r} within {timeout_s} s"
        ) from error


async def until_ready(work: Callable[[], Awaitable[_Result]]) -> _Result:
    """Repeat `work` until the server has started. Never gives up: the caller sets the time limit."""
    from temporalio.service import RPCError, RPCStatusCode

    while True:
        try:
            return await work()
        except RPCError as error:
            # A server that starts is unavailable; a namespace just made is unknown to its caches for up to ten
            # seconds.
            if error.status not in (RPCStatusCode.NOT_FOUND, RPCStatusCode.UNAVAILABLE):
                raise
        except RuntimeError as error:
            if "connect" not in str(error).lower():
                raise
        await asyncio.sleep(0.1)


async def register_namespace(
    client: "Client", retention: timedelta, *, raise_retention: bool
) -> tuple[bool, timedelta]:
    """Register the client's namespace; return whether it is new, and its retention.

    Args:
        client: connected.
        retention: of a new namespace.
        raise_retention: a shorter one of a namespace that is there is made as long.
    """
    from google.protobuf.duration_pb2 import Duration
    from temporalio.api.namespace.v1 import NamespaceConfig
    from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest as Describe
    from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest as Register
    from temporalio.api.workflowservice.v1 import UpdateNamespaceRequest as Update
    from temporalio.service import RPCError, RPCStatusCode

    wanted = Duration(seconds=int(retention.total_seconds()))
    service = client.workflow_service
    try:
        found = await service.describe_namespace(Describe(namespace=client.namespace))
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        request = Register(namespace=client.namespace, workflow_execution_retention_period=wanted)
        try:
            await service.register_namespace(request)
        except RPCError as registration_error:
            if registration_error.status is not RPCStatusCode.ALREADY_EXISTS:
                raise
        return True, retention
    kept = found.config.workflow_execution_retention_ttl.ToTimedelta()
    if raise_retention and kept < retention:
        config = NamespaceConfig(workflow_execution_retention_ttl=wanted)
        await service.update_namespace(Update(namespace=client.namespace, config=config))
        kept = retention
    return False, kept


async def register_search_attributes(client: "Client", wanted: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Register those that are missing; return their names, and those that were there. Cases can use them now.

    Raises:
        ValueError: one exists already with another type.
    """
    from temporalio.api.enums.v1 import IndexedValueType
    from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
    from temporalio.service import RPCError, RPCStatusCode

    types = {name: IndexedValueType.Value(_TYPE_VALUES[kind]) for name, kind in wanted.items()}
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    existing = dict(listed.custom_attributes)
    for name, kind in types.items():
        # The server would ignore the request silently and fail later, at the first case.
        if existing.get(name, kind) != kind:
            raise ValueError(
                f"search attribute {name!r} of namespace {client.namespace!r} is "
                f"{IndexedValueType.Name(existing[name])}, but {wanted[name]!r} is needed; use another namespace or "
                "remove the attribute with `temporal operator search-attribute remove`."
            )
    missing = {name: kind for name, kind in types.items() if name not in existing}
    if missing:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
        )
    query = " AND ".join(f"{name} IS NULL" for name in wanted)
    while True:
        try:
            await client.count_workflows(query)
            return list(missing), [name for name in wanted if name not in missing]
        except RPCError as error:
            # The server's own caches do not know the new names yet.
            if error.status is not RPCStatusCode.INVALID_ARGUMENT:
                raise
        await asyncio.sleep(0.1)
