"""Tools are granted by the type of the workflow that asks, checked by the tool itself."""

from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import Worker

from activities.errors import FailureInterceptor
from activities.grants import require_grant
from domain.specialists import SPECIALISTS, of_workflow
from tests.workflows.any_workflow import AnyWorkflow, ToolRequest

TOOLS = sorted(set().union(*(s.tools for s in SPECIALISTS.values())))


@activity.defn
async def use_tool(request: ToolRequest) -> None:
    require_grant(request.tool)


async def granted(client: Client, workflow_type: str, tool: str) -> bool:
    queue = f"grants-{uuid4()}"
    async with Worker(
        client,
        task_queue=queue,
        workflows=[AnyWorkflow],
        activities=[use_tool],
        interceptors=[FailureInterceptor()],
    ):
        try:
            await client.execute_workflow(workflow_type, ToolRequest(tool=tool), id=queue, task_queue=queue)
        except WorkflowFailureError as failure:
            assert isinstance(failure.cause, ActivityError)  # noqa: PT017 - the answer is what the failure says
            refused = failure.cause.cause
            assert isinstance(refused, ApplicationError)
            assert (refused.type, refused.non_retryable) == ("RefusedError", True)
            assert repr(tool) in refused.message
            return False
        return True


@pytest.mark.parametrize(
    "workflow_type", ["CaseWorkflow", "ApprovalWorkflow", "IntakeWorkflow", "Refunds", "billingworkflow"]
)
async def test_workflow_without_grants_gets_no_tool(client: Client, workflow_type: str) -> None:
    assert not await granted(client, workflow_type, "refund")


@pytest.mark.parametrize("workflow_type", sorted(s.workflow_type for s in SPECIALISTS.values()))
async def test_specialist_gets_its_own_tools_and_no_others(client: Client, workflow_type: str) -> None:
    allowed = {tool for tool in TOOLS if await granted(client, workflow_type, tool)}
    specialist = of_workflow(workflow_type)
    assert specialist is not None
    assert allowed == specialist.tools
