"""What tests share: Temporal's time-skipping server for one whole run, and the folder of real data."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from client.connect import data_converter
from workers.temporal_server import ServerProgramMissingError, find_test_server
from workflows.options import SEARCH_ATTRIBUTES


@pytest.fixture
def eval_data() -> Path:
    """The folder of real messages that `HEADGATE_EVAL_DATA` names; without it the test is skipped."""
    named = os.environ.get("HEADGATE_EVAL_DATA")
    if not named:
        pytest.skip("HEADGATE_EVAL_DATA is unset: it names the folder of real messages")
    folder = Path(named)
    assert folder.is_dir(), f"HEADGATE_EVAL_DATA is {named!r}, which is no folder"
    return folder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def env() -> AsyncIterator[WorkflowEnvironment]:
    """Temporal's time-skipping server, one for the whole run: its clock is shared, so tests use it one after another."""
    try:
        program = find_test_server()
    except ServerProgramMissingError as missing:
        pytest.skip(str(missing))
    environment = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(program), data_converter=data_converter()
    )
    async with environment:
        await _define_search_attributes(environment.client)
        yield environment


@pytest.fixture
def client(env: WorkflowEnvironment) -> Client:
    """A client of that server; awaiting a result with it skips time."""
    return env.client


async def _define_search_attributes(client: Client) -> None:
    """This server refuses attributes that nobody defined, but cannot count workflows as `prepare_namespace` does."""
    wanted = {
        name: IndexedValueType.Value(f"INDEXED_VALUE_TYPE_{kind.upper()}") for name, kind in SEARCH_ATTRIBUTES.items()
    }
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(namespace=client.namespace, search_attributes=wanted)
    )
