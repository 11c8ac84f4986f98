"""A specialist stands in the sandbox, inside its case as in a workflow of its own."""

from dataclasses import replace
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from domain.specialists import SPECIALISTS
from tests.workflows.fake_world import FakeWorld
from tests.workflows.running import Mill, eventually, home


async def refusal(handle: WorkflowHandle[Any, Any]) -> str:
    """Return why the last workflow task failed, empty if none did."""
    try:
        events = (await handle.fetch_history()).events
    except RPCError:  # it has not begun
        return ""
    kind = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    failed = [e.workflow_task_failed_event_attributes.failure.message for e in events if e.event_type == kind]
    return failed[-1] if failed else ""


@pytest.mark.usefixtures("both_ways")
async def test_specialist_that_asks_the_machine_is_held_up(
    env: WorkflowEnvironment, client: Client, world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    careless = "tests.workflows.specialists.careless:CarelessWorkflow"
    monkeypatch.setitem(SPECIALISTS, "billing", replace(SPECIALISTS["billing"], workflow=careless))
    async with Mill(env, client, world) as mill:
        handle = await mill.start()
        await eventually(lambda: called(world))
        where = mill.client.get_workflow_handle(home(handle.id, "billing"))
        assert "time.time" in await eventually(lambda: refusal(where))
        await handle.terminate("held up for ever")


async def called(world: FakeWorld) -> bool:
    return bool(world.of("route_case"))
