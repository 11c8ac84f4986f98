"""Temporal's time-skipping server, as the tests need it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.workflowservice.v1 import ListOpenWorkflowExecutionsRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from client.connect import data_converter
from workers.machine.temporal_server import find_test_server
from workflows.options import SEARCH_ATTRIBUTES

START_WITHIN = timedelta(seconds=90)  # on a busy machine Java may need more than the SDK's five seconds


@asynccontextmanager
async def time_skipping_server() -> AsyncIterator[WorkflowEnvironment]:
    """Run a server of one's own, with the product's data converter and search attributes.

    Raises:
        ServerProgramMissingError: `make setup` did not run.
    """
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(find_test_server()),
        test_server_startup_timeout=START_WITHIN,
        data_converter=data_converter(),
    ) as environment:
        await _define_search_attributes(environment.client)
        yield environment


class FreshServers:
    """A server for each test: the one of the last test where that left nothing behind, else a new one.

    A start takes a second or more; most tests end all that they began.
    """

    def __init__(self) -> None:
        self._server = AsyncExitStack()
        self._environment: WorkflowEnvironment | None = None

    @asynccontextmanager
    async def one(self) -> AsyncIterator[WorkflowEnvironment]:
        """Lend a server for one test."""
        if self._environment is None:
            self._environment = await self._server.enter_async_context(time_skipping_server())
        yield self._environment
        if not await _is_fresh(self._environment):
            await self.stop()

    async def stop(self) -> None:
        """Stop the server that runs."""
        self._environment = None
        await self._server.aclose()


async def _is_fresh(environment: WorkflowEnvironment) -> bool:
    """Tell whether no workflow is open and the clock can be moved.

    The clock stays locked for work whose workflow was ended from outside.
    """
    service, namespace = environment.client.workflow_service, environment.client.namespace
    if (await service.list_open_workflow_executions(ListOpenWorkflowExecutionsRequest(namespace=namespace))).executions:
        return False
    try:
        await asyncio.wait_for(environment.sleep(timedelta(minutes=10)), timeout=1.0)
    except TimeoutError:
        return False
    return True


async def _define_search_attributes(client: Client) -> None:
    """This server refuses attributes that nobody defined, but cannot count workflows as `prepare_namespace` does."""
    wanted = {
        name: IndexedValueType.Value(f"INDEXED_VALUE_TYPE_{kind.upper()}") for name, kind in SEARCH_ATTRIBUTES.items()
    }
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(namespace=client.namespace, search_attributes=wanted)
    )
