"""Temporal's dev server as Headgate starts it, for real: state that outlives kill -9, attributes, retention."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from domain.errors import NotReachableError
from tests.time_skipping import time_skipping_server
from workers.machine.local_ports import free_ports
from workers.machine.process_keeper import ProcessKeeper
from workers.machine.process_specs import ProcessSpec
from workers.machine.temporal_server import (
    DEFAULT_RETENTION,
    dev_server_command,
    find_temporal,
    prepare_namespace,
)

NAMESPACE = "headgate-test"
ATTRIBUTES = {"CaseState": "Keyword", "CaseAmountMinor": "Int"}
STATE = SearchAttributeKey.for_keyword("CaseState")


@asynccontextmanager
async def dev_server(
    data_dir: Path, attributes: Mapping[str, str] = ATTRIBUTES, *, in_memory: bool = False
) -> AsyncIterator[tuple[str, ProcessKeeper]]:
    """A dev server with its state below ``data_dir``, run as `headgate up` runs it; yields its address."""
    (port,) = free_ports(24300, 1)
    address = f"127.0.0.1:{port}"
    command = dev_server_command(
        find_temporal(),
        db_file=None if in_memory else data_dir / "temporal.db",
        port=port,
        ui_port=None,
        namespace=NAMESPACE,
        search_attributes=attributes,
    )

    async def ready() -> bool:
        await prepare_namespace(address, NAMESPACE, search_attributes=attributes)
        return True

    async with ProcessKeeper(data_dir, handle_signals=False) as keeper:
        await keeper.start([ProcessSpec("temporal", command, ready=ready)])
        yield address, keeper


async def start_case(client: Client, workflow_id: str, state: str) -> None:
    attributes = TypedSearchAttributes([SearchAttributePair(STATE, state)])
    await client.start_workflow("NobodyRunsIt", id=workflow_id, task_queue="nobody", search_attributes=attributes)


async def count(client: Client, query: str, expected: int) -> int:
    found = -1
    for _ in range(500):
        found = (await client.count_workflows(query)).count
        if found == expected:
            break
        await asyncio.sleep(0.02)
    return found


async def test_cases_and_attributes_outlive_a_kill_of_the_server(tmp_path: Path) -> None:
    async with dev_server(tmp_path) as (address, keeper):
        client = await Client.connect(address, namespace=NAMESPACE)
        await start_case(client, "case/1", "running")
        first = keeper.status()[0].pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        while keeper.status()[0].pid in (None, first):  # noqa: ASYNC110 - another process, no event to wait for
            await asyncio.sleep(0.02)
        await prepare_namespace(address, NAMESPACE, search_attributes=ATTRIBUTES)
        client = await Client.connect(address, namespace=NAMESPACE)
        await start_case(client, "case/2", "running")
        assert await count(client, "CaseState = 'running'", 2) == 2
    # A second run on the same file, with the same flags.
    async with dev_server(tmp_path) as (address, _):
        client = await Client.connect(address, namespace=NAMESPACE)
        assert await count(client, "CaseState = 'running'", 2) == 2


async def test_an_attribute_new_in_a_later_version_can_be_used_on_old_state(tmp_path: Path) -> None:
    async with dev_server(tmp_path):
        pass
    async with dev_server(tmp_path, {**ATTRIBUTES, "CaseTenant": "Keyword"}) as (address, _):
        client = await Client.connect(address, namespace=NAMESPACE)
        assert await count(client, "CaseTenant IS NULL", 0) == 0


async def test_a_namespace_unknown_to_the_command_line_is_made_with_its_attributes(tmp_path: Path) -> None:
    async with dev_server(tmp_path, in_memory=True) as (address, _):
        await prepare_namespace(address, "another", search_attributes=ATTRIBUTES)
        client = await Client.connect(address, namespace="another")
        await start_case(client, "case/1", "waiting_human")
        assert await count(client, "CaseState = 'waiting_human' AND CaseAmountMinor IS NULL", 1) == 1


async def test_retention_is_raised_and_never_lowered(tmp_path: Path) -> None:
    async def retention(client: Client) -> timedelta:
        request = DescribeNamespaceRequest(namespace=NAMESPACE)
        answer = await client.workflow_service.describe_namespace(request)
        return answer.config.workflow_execution_retention_ttl.ToTimedelta()

    async with dev_server(tmp_path, in_memory=True) as (address, _):
        client = await Client.connect(address, namespace=NAMESPACE)
        assert await retention(client) == DEFAULT_RETENTION
        longer = DEFAULT_RETENTION + timedelta(days=5)
        await prepare_namespace(address, NAMESPACE, search_attributes=ATTRIBUTES, retention=longer)
        await prepare_namespace(address, NAMESPACE, search_attributes=ATTRIBUTES)
        assert await retention(client) == longer


async def test_an_attribute_of_another_type_is_refused_not_ignored(tmp_path: Path) -> None:
    async with dev_server(tmp_path, in_memory=True) as (address, _):
        with pytest.raises(ValueError, match=r"'CaseState' of namespace 'headgate-test' is INDEXED_VALUE_TYPE_KEYWORD"):
            await prepare_namespace(address, NAMESPACE, search_attributes={"CaseState": "Int"})


async def test_no_server_at_the_address_is_an_error_in_time(tmp_path: Path) -> None:
    (port,) = free_ports(24400, 1)
    with pytest.raises(NotReachableError, match=rf"'127.0.0.1:{port}' did not answer .* within 0.5 s"):
        await prepare_namespace(f"127.0.0.1:{port}", NAMESPACE, search_attributes={}, timeout_s=0.5)


async def test_the_time_skipping_server_skips_time() -> None:
    async with time_skipping_server() as environment:
        before = await environment.get_current_time()
        await environment.sleep(timedelta(days=3))
        assert await environment.get_current_time() - before >= timedelta(days=3)


def test_an_attribute_type_that_temporal_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'Name' has the type 'String'; expected one of Text, Keyword"):
        dev_server_command(
            Path("temporal"), db_file=None, port=1, ui_port=None, namespace="n", search_attributes={"Name": "String"}
        )


def test_without_a_file_nothing_is_said_about_sqlite_and_the_web_ui_can_be_left_out() -> None:
    command = dev_server_command(
        Path("temporal"), db_file=None, port=1, ui_port=None, namespace="default", search_attributes={}
    )
    assert "--headless" in command
    assert not {"--sqlite-pragma", "--db-filename", "--namespace", "--ui-port"} & set(command)
