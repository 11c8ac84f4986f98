"""Temporal's dev server, for tests of what the time-skipping one does not do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio.common import SearchAttributeKey
from temporalio.testing import WorkflowEnvironment

from client.connect import data_converter
from tests.time_skipping import START_WITHIN
from workers.machine.temporal_server import find_temporal
from workflows import options


@asynccontextmanager
async def dev_server() -> AsyncIterator[WorkflowEnvironment]:
    """Run one with the product's data converter and search attributes, in memory, on a free port."""
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(find_temporal()),
        data_converter=data_converter(),
        search_attributes=[
            SearchAttributeKey.for_keyword(name) if kind == "Keyword" else SearchAttributeKey.for_int(name)
            for name, kind in options.SEARCH_ATTRIBUTES.items()
        ],
        dev_server_log_level="error",
        dev_server_startup_timeout=START_WITHIN,
    )
    async with environment:
        yield environment
