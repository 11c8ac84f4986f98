"""`headgate.intake`: pause, resume and pace what is let in from the holding pen."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError

from client.refusals import ANSWER_WITHIN, unanswered
from domain.errors import ImpossibleError, NotReachableError, UsageError
from domain.intake import FASTEST_PER_SECOND, SLOWEST_PER_SECOND, IntakeState, PaceChange, is_possible_pace
from workflows.intake import IntakeWorkflow
from workflows.options import INTAKE_WORKFLOW_ID

_LOOK_EVERY_S = 0.2


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

        Raises:
            ImpossibleError: the intake does not say that it is paused.
        """
        await self._signal("pause")
        state = await self._until("to pause", lambda state: state.paused)
        deadline = _now() + within.total_seconds()
        while state.taking and state.paused and _now() < deadline:
            await asyncio.sleep(_LOOK_EVERY_S)
            state = await self.state()
        if not state.paused:
            raise ImpossibleError("the intake was paused, and somebody resumed it meanwhile: `headgate intake show`")
        return state

    async def resume(self) -> IntakeState:
        """Go on letting in.

        Raises:
            ImpossibleError: the intake does not say that it goes on.
        """
        await self._signal("resume")
        return await self._until("to go on", lambda state: not state.paused)

    async def pace(self, per_second: float) -> IntakeState:
        """Set how many cases are let in per second.

        Raises:
            UsageError: no intake can keep that pace.
            ImpossibleError: the intake does not say that it keeps it.
        """
        if not is_possible_pace(per_second):
            raise UsageError(
                f"pace {per_second!r}: expected cases per second, from {SLOWEST_PER_SECOND:g} to {FASTEST_PER_SECOND:g}"
                "; `headgate intake pause` lets nothing in"
            )
        await self._signal("set_pace", PaceChange(per_second=per_second))
        asked = f"to let in {per_second:g} cases per second"
        return await self._until(asked, lambda state: state.per_second == per_second and not state.auto)

    async def auto_pace(self) -> IntakeState:
        """Have the pace find itself, between the blueprint's bounds.

        Raises:
            ImpossibleError: the intake does not say that it does.
        """
        await self._signal("auto_pace")
        return await self._until("to find its pace", lambda state: state.auto)

    async def _until(self, asked: str, holds: Callable[[IntakeState], bool]) -> IntakeState:
        """Ask the intake until what it was asked for holds: a signal is taken even where nobody ever works on it."""
        deadline = _now() + ANSWER_WITHIN.total_seconds()
        while True:
            try:
                state = await self.state()
            except NotReachableError as error:
                raise ImpossibleError(
                    f"the intake was asked {asked}, but does not say that it did: {error}; if it is stuck, `headgate "
                    f"unstick {INTAKE_WORKFLOW_ID}` mends it"
                ) from error
            if holds(state):
                return state
            if _now() > deadline:
                raise ImpossibleError(
                    f"the intake was asked {asked}, but is at {state.per_second:g} cases per second, "
                    f"{'paused' if state.paused else 'not paused'}: did somebody else change it? `headgate intake show`"
                )
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _signal(self, name: str, argument: PaceChange | None = None) -> None:
        handle = self._temporal.get_workflow_handle(INTAKE_WORKFLOW_ID)
        try:
            await (handle.signal(name) if argument is None else handle.signal(name, argument))
        except RPCError as error:
            raise await unanswered(self._temporal, INTAKE_WORKFLOW_ID, error) from error


def _now() -> float:
    return asyncio.get_running_loop().time()
