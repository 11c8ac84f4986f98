"""What it means when Temporal refuses a call: which part is missing, and what to do."""

from datetime import timedelta
from typing import TypeVar

from temporalio.client import Client, WorkflowExecutionDescription, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from client.queues.pollers import case_worker_polls
from domain.case import CaseAnswer
from domain.errors import ImpossibleError, NotReachableError, UnknownCaseError
from domain.money.approval import DecisionAnswer
from domain.specialists import of_workflow

ANSWER_WITHIN = timedelta(seconds=10)  # a query or update needs a live case worker

_DENIED = (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED)
_NO_ANSWER = (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED)


def is_denied(error: Exception) -> bool:
    """Tell whether Temporal refuses these credentials."""
    return isinstance(error, RPCError) and error.status in _DENIED


def lacks_namespace(error: RPCError) -> bool:
    """Tell whether it is the namespace that is not found, and not what was looked for in it."""
    return error.status is RPCStatusCode.NOT_FOUND and any(
        detail.type_url.endswith("NamespaceNotFoundFailure") for detail in error.grpc_status.details
    )


def explained(client: Client, error: RPCError) -> NotReachableError:
    """Return a refusal in one line that names address, namespace and remedy."""
    where = f"Temporal at {client.service_client.config.target_host!r}"
    namespace = f"namespace {client.namespace!r}"
    said = f"{error.status.name}: {' '.join(error.message.split())[:200]}"
    if lacks_namespace(error):
        return NotReachableError(
            f"{where} has no {namespace}: make it ready with `headgate init`, or name another one by TEMPORAL_NAMESPACE"
        )
    if is_denied(error):
        return NotReachableError(
            f"{where} refuses these credentials for {namespace} ({said}): check TEMPORAL_NAMESPACE, and "
            "TEMPORAL_API_KEY or the certificates (TEMPORAL_TLS_…)"
        )
    if error.status is RPCStatusCode.INVALID_ARGUMENT and "search attribute" in error.message:
        return NotReachableError(
            f"{where}, {namespace}, lacks a search attribute ({said}): `headgate init` registers what is missing"
        )
    if error.status in _NO_ANSWER:
        return NotReachableError(
            f"{where}, {namespace}, does not answer any more ({said}): `headgate doctor` says what is there"
        )
    return NotReachableError(f"{where}, {namespace}, refused ({said}): `headgate doctor` says what is there")


async def describe(temporal: Client, workflow_id: str) -> WorkflowExecutionDescription:
    """Ask Temporal about a workflow; needs no worker.

    Raises:
        UnknownCaseError: there is none of this id.
        NotReachableError: Temporal refuses for another reason.
    """
    try:
        return await temporal.get_workflow_handle(workflow_id).describe()
    except RPCError as error:
        unknown = error.status in (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT)
        if unknown and not lacks_namespace(error):
            raise UnknownCaseError(workflow_id) from error
        raise explained(temporal, error) from error


async def unanswered(temporal: Client, workflow_id: str, error: Exception) -> NotReachableError:
    """Return the error for a query or update without an answer: credentials refused, no worker there, or a busy one.

    Raises:
        UnknownCaseError: there is no such workflow to ask.
        ImpossibleError: it is the workflow of a specialist, which answers for its case only.
    """
    described = await describe(temporal, workflow_id)
    if isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND:  # it began between the two questions
        raise UnknownCaseError(workflow_id) from error
    if specialist := of_workflow(described.workflow_type):
        case = f"case {described.parent_id}" if described.parent_id else "no case"
        raise ImpossibleError(f"{workflow_id} is no case: there {specialist.name} works for {case}; ask for the case")
    if isinstance(error, RPCError) and is_denied(error):
        return explained(temporal, error)
    if described.raw_description.pending_workflow_task.attempt > 1:
        return NotReachableError(
            f"{workflow_id} does not answer, its workflow task fails: `headgate unstick {workflow_id}` says why and "
            "mends what a message broke"
        )
    said = str(error)[:120]
    if await case_worker_polls(temporal):
        return NotReachableError(
            f"{workflow_id} exists, but no case worker answered in time ({said}); one polls, so it may be busy: ask "
            "again, and `headgate doctor` if it stays so"
        )
    return NotReachableError(
        f"{workflow_id} exists, but no case worker answered ({said}): `headgate doctor` says which "
        "worker is missing, `headgate worker --role case` starts this one"
    )


def decision_unheard(workflow_id: str, show: str) -> NotReachableError:
    """Return the error for a decision that was sent and not answered in time: it may be carried out all the same.

    `show` is the command that says what became of it.
    """
    return NotReachableError(
        f"{workflow_id} gave no answer within {ANSWER_WITHIN.total_seconds():g} s. What you said may still be carried "
        f"out: look with `headgate {show} {workflow_id}` before you say it again; `headgate doctor` says whether a "
        "case worker runs"
    )


_Answer = TypeVar("_Answer", CaseAnswer, DecisionAnswer)


def answer_of_rejected(error: WorkflowUpdateFailedError, answer: type[_Answer]) -> _Answer:
    """Return the answer that a workflow attached to an update it rejected."""
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.details:
        return answer.model_validate(cause.details[0])
    return answer(accepted=False, message=str(cause))
