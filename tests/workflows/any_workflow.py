"""A workflow that runs under any type's name and asks for a tool."""

from collections.abc import Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel


class ToolRequest(BaseModel):
    """Which tool is asked for."""

    tool: str


@workflow.defn(dynamic=True)
class AnyWorkflow:
    """Asks for one tool."""

    @workflow.run
    async def run(self, arguments: Sequence[RawValue]) -> None:
        """Use the tool."""
        request = workflow.payload_converter().from_payload(arguments[0].payload, ToolRequest)
        await workflow.execute_activity("use_tool", request, start_to_close_timeout=timedelta(seconds=5))
