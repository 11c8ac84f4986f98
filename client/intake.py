"""`headgate.intake`: pause, resume and pace what is let in from the holding pen."""

import asyncio
from datetime import timedelta

from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError

from client.refusals import ANSWER_WITHIN, unanswered
from domain.errors import UsageError
from domain.intake import FASTEST_PER_SECOND, SLOWEST_PER_SECOND, IntakeState, PaceChange, is_possible_pace
from workflows.intake import IntakeWorkflow
from workflows.options import INTAKE_WORKFLOW_ID


class Intake:
    """The intake of a running Headgate."""

    def __init__(self, temporal: Client) -> None:
        self._temporal = temporal

    async def state(self, within: timedelta = ANSWER_WITHIN) -> IntakeState:
        """Return pace, pause and counts.

        Raises:
            UnknownCaseError: the intake was never started.
            NotReachableError: no case worker answers within that time.
        """
        handle = self._temporal.get_workflow_handle_for(IntakeWorkflow.run, INTAKE_WORKFLOW_ID)
        try:
            return await handle.query(IntakeWorkflow.state, rpc_timeout=within)
        except (RPCError, WorkflowQueryFailedError) as error:
            raise await unanswered(self._temporal, INTAKE_WORKFLOW_ID, error) from error

    async def pause(self, within: timedelta = timedelta(seconds=30)) -> IntakeState:
        """Let nothing more in, and wait until the batch that was on its way is in: after that nothing more begins.

        Where the state returned is still `taking`, the time was too short.
        """
        await self._signal("pause")
        deadline = asyncio.get_running_loop().time() + within.total_seconds()
        while True:
            state = await self.state()
            if not state.taking or not state.paused or asyncio.get_running_loop().time() > deadline:
                return state
            await asyncio.sleep(0.2)

    async def resume(self) -> None:
        """Go on letting in."""
        await self._signal("resume")

    async def pace(self, per_second: float) -> None:
        """Set how many cases are let in per second.

        Raises:
            UsageError: no intake can keep that pace.
        """
        if not is_possible_pace(per_second):
            raise UsageError(
                f"pace {per_second!r}: expected cases per second, from {SLOWEST_PER_SECOND:g} to {FASTEST_PER_SECOND:g}"
                "; `headgate intake pause` lets nothing in"
            )
        await self._signal("set_pace", PaceChange(per_second=per_second))

    async def _signal(self, name: str, argument: PaceChange | None = None) -> None:
        handle = self._temporal.get_workflow_handle(INTAKE_WORKFLOW_ID)
        try:
            await (handle.signal(name) if argument is None else handle.signal(name, argument))
        except RPCError as error:
            raise await unanswered(self._temporal, INTAKE_WORKFLOW_ID, error) from error
