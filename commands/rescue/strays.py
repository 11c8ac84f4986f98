"""Runs in Temporal that are no work of ours: a start that did not fit, or of a case that no webhook brought."""

from dataclasses import dataclass

from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecution, WorkflowFailureError
from temporalio.service import RPCError, RPCStatusCode

from client.case_rows import row_of
from client.refusals import describe
from domain.errors import ImpossibleError

_HOW_CHARS = 120
_WORK = frozenset(
    {
        EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
        EventType.EVENT_TYPE_MARKER_RECORDED,
        EventType.EVENT_TYPE_TIMER_STARTED,
        EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
    }
)


@dataclass(frozen=True)
class Strays:
    """Runs under one id by their run ids, and how the newest of them ended."""

    case_id: str
    run_ids: frozenset[str]
    how: str


async def find_strays(temporal: Client, case_id: str, *, all_runs: bool) -> Strays:
    """Find runs that ended past Headgate and are no work of ours.

    Args:
        temporal: connected.
        case_id: their id.
        all_runs: every run that ended so; else the newest, if it failed before it did anything.

    Raises:
        UnknownCaseError: there is no run of this id.
        ImpossibleError: the newest runs, or ended as cases do, or it had done something.
    """
    newest = await describe(temporal, case_id)
    if not row_of(newest).ended_outside:
        raise ImpossibleError(f"{case_id}: it is {row_of(newest).state} in Temporal, and no stray")
    run_ids = {newest.run_id}
    if all_runs:
        found = temporal.list_workflows(_runs_of(case_id))
        run_ids |= {run.run_id async for run in found if row_of(run).ended_outside}
    elif not await _did_nothing(temporal, newest):
        raise ImpossibleError(f"{case_id}: its newest run is {row_of(newest).state}, but had worked")
    return Strays(case_id, frozenset(run_ids), await _how(temporal, newest))


async def remove_strays(temporal: Client, strays: Strays) -> None:
    """Take them out of Temporal, which does so within a minute or so. Repeatable."""
    for run_id in strays.run_ids:
        asked = DeleteWorkflowExecutionRequest(namespace=temporal.namespace)
        asked.workflow_execution.workflow_id = strays.case_id
        asked.workflow_execution.run_id = run_id
        try:
            await temporal.workflow_service.delete_workflow_execution(asked)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:  # else it is gone already
                raise


async def _how(temporal: Client, run: WorkflowExecution) -> str:
    """Return how a run ended, in Temporal's words."""
    state = row_of(run).state
    try:
        await temporal.get_workflow_handle(run.id, run_id=run.run_id).result(follow_runs=False)
    except WorkflowFailureError as error:
        return f"{state}: {' '.join(str(error.cause).split())[:_HOW_CHARS]}"
    return state


async def _did_nothing(temporal: Client, run: WorkflowExecution) -> bool:
    history = await temporal.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
    return not any(event.event_type in _WORK for event in history.events)


def _runs_of(case_id: str) -> str:
    quoted = case_id.replace("\\", "\\\\").replace("'", "\\'")
    return f"WorkflowId = '{quoted}'"
