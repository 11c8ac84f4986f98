"""`Replays(headgate.temporal)`: runs that replay many dead letters, each for an order on record in the store."""

from contextlib import suppress
from datetime import datetime, timedelta

from pydantic import BaseModel
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle, WorkflowQueryFailedError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from client.refusals import explained, lacks_namespace, unanswered
from domain.dead_letters.replaying import ReplayOrder, ReplayState, is_forgotten
from domain.errors import ImpossibleError
from domain.intake import PaceChange
from workflows import options
from workflows.dead_letters.replay import ReplayWorkflow

ANSWER_WITHIN = timedelta(seconds=5)
NOT_STARTED, FORGOTTEN = "not started", "forgotten"


class RunStanding(BaseModel):
    """Where a run stands in Temporal: `running`, `paused`, `completed`, `canceled`, `failed`, `terminated`, `not
    started` or `forgotten` (it ended long ago, or Temporal's state was lost); `state` is None where no case worker
    said more.
    """

    standing: str
    state: ReplayState | None = None

    @property
    def goes_on(self) -> bool:
        """Whether it may begin further letters."""
        return self.standing in ("running", "paused")

    def judged(self, order: ReplayOrder, begun: int, now: datetime) -> "RunStanding":
        """Return it with a run that was started once, and that Temporal does not know any more, as forgotten."""
        if self.standing == NOT_STARTED and is_forgotten(order, begun, now):
            return RunStanding(standing=FORGOTTEN)
        return self


class Replays:
    """The runs of a Headgate."""

    def __init__(self, temporal: Client) -> None:
        self._temporal = temporal

    def _handle(self, replay_id: str) -> WorkflowHandle[ReplayWorkflow, ReplayState]:
        return self._temporal.get_workflow_handle_for(ReplayWorkflow.run, replay_id)

    async def start(self, order: ReplayOrder) -> None:
        """Start the run of an order that is on record; one that was started before is left alone."""
        try:
            await self._temporal.start_workflow(
                ReplayWorkflow.run,
                ReplayState(replay_id=order.replay_id, per_second=order.per_second),
                id=order.replay_id,
                task_queue=options.CASES_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                static_summary=f"replays dead letters, asked for by {order.by}"[:200],
            )
        except WorkflowAlreadyStartedError:
            return

    async def standing(self, replay_id: str) -> RunStanding:
        """Return where a run stands.

        Raises:
            NotReachableError: Temporal does not say.
        """
        handle = self._handle(replay_id)
        try:
            status = (await handle.describe()).status
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND and not lacks_namespace(error):
                return RunStanding(standing=NOT_STARTED)
            raise explained(self._temporal, error) from error
        state = None
        running = status is WorkflowExecutionStatus.RUNNING
        with suppress(RPCError, WorkflowQueryFailedError):  # no case worker: the store says how many were begun
            if running:
                state = await handle.query(ReplayWorkflow.progress, rpc_timeout=ANSWER_WITHIN)
            elif status is WorkflowExecutionStatus.COMPLETED:
                state = await handle.result()
        word = "paused" if running and state is not None and state.paused else (status.name.lower() if status else "")
        return RunStanding(standing=word, state=state)

    async def pause(self, replay_id: str) -> None:
        """Have a run begin no more letters after the batch that is under way."""
        await self._signal(replay_id, "pause")

    async def resume(self, replay_id: str) -> None:
        """Have a run go on."""
        await self._signal(replay_id, "resume")

    async def rate(self, replay_id: str, per_second: float) -> None:
        """Have a run begin so many letters per second from now on."""
        await self._signal(replay_id, "set_rate", PaceChange(per_second=per_second))

    async def stop(self, replay_id: str) -> None:
        """End a run for good; letters that it has not begun stay open."""
        await self._require_open(replay_id)
        await self._handle(replay_id).cancel()

    async def _signal(self, replay_id: str, name: str, argument: PaceChange | None = None) -> None:
        await self._require_open(replay_id)
        handle = self._handle(replay_id)
        try:
            await (handle.signal(name) if argument is None else handle.signal(name, argument))
        except RPCError as error:
            raise await unanswered(self._temporal, replay_id, error) from error

    async def _require_open(self, replay_id: str) -> None:
        found = await self.standing(replay_id)
        if not found.goes_on:
            raise ImpossibleError(f"{replay_id} is {found.standing}: nothing goes on")
