"""Temporal's time-skipping server, as the tests need it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from client.connect import data_converter
from workers.temporal_server import find_test_server
from workflows.options import SEARCH_ATTRIBUTES


@asynccontextmanager
async def time_skipping_server() -> AsyncIterator[WorkflowEnvironment]:
    """Run a server of one's own, with the product's data converter and search attributes.

    Raises:
        ServerProgramMissingError: `make setup` did not run.
    """
    environment = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(find_test_server()), data_converter=data_converter()
    )
    async with environment:
        await _define_search_attributes(environment.client)
        yield environment


async def _define_search_attributes(client: Client) -> None:
    """This server refuses attributes that nobody defined, but cannot count workflows as `prepare_namespace` does."""
    wanted = {
        name: IndexedValueType.Value(f"INDEXED_VALUE_TYPE_{kind.upper()}") for name, kind in SEARCH_ATTRIBUTES.items()
    }
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(namespace=client.namespace, search_attributes=wanted)
    )
