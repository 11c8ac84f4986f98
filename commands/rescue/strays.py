"""Runs in Temporal of cases that no webhook brought: they have no ending of ours, and are taken out."""

from dataclasses import dataclass

from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecution, WorkflowFailureError
from temporalio.service import RPCError, RPCStatusCode

from client.case_rows import row_of
from client.refusals import describe
from domain.errors import ImpossibleError

_HOW_CHARS = 120


@dataclass(frozen=True)
class Strays:
    """Runs under one id by their run ids, and how the newest of them ended."""

    case_id: str
    run_ids: frozenset[str]
    how: str


async def find_strays(temporal: Client, case_id: str) -> Strays:
    """Find the runs under an id that no webhook brought; they ended past Headgate.

    Raises:
        UnknownCaseError: there is no run of this id.
        ImpossibleError: the newest runs, or ended as cases do.
    """
    newest = await describe(temporal, case_id)
    if not row_of(newest).ended_outside:
        raise ImpossibleError(f"{case_id}: it is {row_of(newest).state} in Temporal, and no stray")
    found = temporal.list_workflows(_runs_of(case_id))
    run_ids = {newest.run_id} | {run.run_id async for run in found if row_of(run).ended_outside}
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
        return f"{state}: {str(error.cause).partition(chr(10))[0][:_HOW_CHARS]}"
    return state


def _runs_of(case_id: str) -> str:
    quoted = case_id.replace("\\", "\\\\").replace("'", "\\'")
    return f"WorkflowId = '{quoted}'"
