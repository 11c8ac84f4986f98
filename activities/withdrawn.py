"""Whether somebody asked to cancel a case, which its workflow may not have heard of yet."""

from datetime import timedelta

from temporalio import activity
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import TransientError

ANSWER_WITHIN = timedelta(seconds=5)


async def is_withdrawn(case_id: str) -> bool:
    """Return whether Temporal was asked to cancel or terminate the case, or the workflow that asks for this activity.

    A workflow hears of it only with its next task: not while it is busy with steps beside the one that it has.

    Raises:
        TransientError: Temporal does not answer.
    """
    asking = activity.info().workflow_id
    for workflow_id in dict.fromkeys(each for each in (case_id, asking) if each):
        try:
            described = await activity.client().get_workflow_handle(workflow_id).describe(rpc_timeout=ANSWER_WITHIN)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:  # a specialist that was hired alone has no case above it
                continue
            raise TransientError(f"Temporal does not say whether {workflow_id!r} was cancelled: {error}") from error
        ended_outside = described.status is WorkflowExecutionStatus.TERMINATED
        if ended_outside or described.raw_description.workflow_extended_info.cancel_requested:
            return True
    return False
