"""What Temporal refuses is one line that names address, namespace and what to do."""

from collections.abc import Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf.any_pb2 import Any as Detail
from temporalio.api.common.v1 import GrpcStatus
from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure, NotFoundFailure
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from client.approvals import Approvals
from client.cases import Cases
from client.headgate import Headgate
from client.intake import Intake
from client.refusals import explained, unanswered
from domain.case import HumanDecision, Lane
from domain.errors import ImpossibleError, NotReachableError, UnknownCaseError, UsageError
from domain.money.approval import ApprovalDecision, Verdict
from tests.fakes.queues import FakeQueues

CLIENT: Any = SimpleNamespace(
    namespace="theirs", service_client=SimpleNamespace(config=SimpleNamespace(target_host="temporal:7233"))
)


def refused(status: RPCStatusCode, message: str, detail: Any = None) -> RPCError:
    packed = []
    if detail is not None:
        packed.append(Detail())
        packed[0].Pack(detail)
    return RPCError(message, status, GrpcStatus(code=status, message=message, details=packed).SerializeToString())


NO_NAMESPACE = refused(RPCStatusCode.NOT_FOUND, "Namespace theirs is not found.", NamespaceNotFoundFailure())
NO_WORKFLOW = refused(RPCStatusCode.NOT_FOUND, "workflow not found for ID: case/namespace/1", NotFoundFailure())


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (NO_NAMESPACE, "headgate init"),
        (refused(RPCStatusCode.PERMISSION_DENIED, "Request unauthorized."), "TEMPORAL_API_KEY"),
        (refused(RPCStatusCode.UNAUTHENTICATED, "no key"), "TEMPORAL_API_KEY"),
        (refused(RPCStatusCode.INVALID_ARGUMENT, "invalid search attribute: CaseState"), "headgate init"),
        (refused(RPCStatusCode.UNAVAILABLE, "transport error\n at a\n page of it"), "headgate doctor"),
        (refused(RPCStatusCode.RESOURCE_EXHAUSTED, "too fast"), "headgate doctor"),
    ],
)
def test_a_refusal_is_one_line_with_place_and_remedy(error: RPCError, remedy: str) -> None:
    said = str(explained(CLIENT, error))
    assert "'temporal:7233'" in said
    assert "'theirs'" in said
    assert remedy in said
    assert "\n" not in said


async def test_a_refusal_leaves_the_library_explained() -> None:
    """Programs and commands see one kind of error, whatever call it was."""
    with pytest.raises(NotReachableError, match="headgate init"):
        async with Headgate(CLIENT):
            raise NO_NAMESPACE


class Describing:
    """A Temporal that answers one thing to whoever asks about a workflow."""

    namespace = CLIENT.namespace
    service_client = CLIENT.service_client

    def __init__(self, error: RPCError) -> None:
        self.error = error

    def get_workflow_handle(self, workflow_id: str) -> "Describing":
        return self

    async def describe(self) -> None:
        raise self.error


async def test_a_missing_namespace_is_no_unknown_case() -> None:
    with pytest.raises(UnknownCaseError):
        await Cases(Describing(NO_WORKFLOW)).row("case/namespace/1")
    with pytest.raises(NotReachableError, match="headgate init"):
        await Cases(Describing(NO_NAMESPACE)).row("case/shop/1")


@pytest.mark.parametrize("pace", [0.0005, 0.0, -1.0, 10_001.0, float("nan"), float("inf")])
async def test_a_pace_that_the_intake_would_ignore_is_wrong_use(pace: float) -> None:
    with pytest.raises(UsageError, match=r"from 0\.001 to 10000"):
        await Intake(CLIENT).pace(pace)


def describing(
    workflow_type: str,
    parent_id: str | None,
    *,
    attempt: int = 1,
    update: Exception | None = None,
    polled: "Sequence[timedelta] | Exception" = (),
) -> Any:
    async def describe() -> Any:
        raw = SimpleNamespace(pending_workflow_task=SimpleNamespace(attempt=attempt))
        return SimpleNamespace(workflow_type=workflow_type, parent_id=parent_id, raw_description=raw)

    async def execute_update(*_: object, **__: object) -> Any:
        raise update or AssertionError("nothing is decided here")

    handle = SimpleNamespace(describe=describe, execute_update=execute_update)
    return SimpleNamespace(
        get_workflow_handle=lambda _: handle,
        get_workflow_handle_for=lambda *_: handle,
        namespace="ours",
        workflow_service=FakeQueues({"cases": polled}),
    )


@pytest.mark.parametrize(("parent_id", "above"), [("case/1", "case case/1"), (None, "no case")])
async def test_the_workflow_of_a_specialist_is_no_case_and_names_its_own(parent_id: str | None, above: str) -> None:
    with pytest.raises(ImpossibleError, match=f"case/1/billing is no case: there billing works for {above}"):
        await unanswered(describing("BillingWorkflow", parent_id), "case/1/billing", RPCError("", 0, b""))  # type: ignore[arg-type]  # any status


@pytest.mark.parametrize("polled", [[], [timedelta(minutes=2)], RPCError("away", RPCStatusCode.UNAVAILABLE, b"")])
async def test_a_case_that_does_not_answer_has_no_worker(polled: Any) -> None:
    silent = describing("CaseWorkflow", None, polled=polled)
    error = str(await unanswered(silent, "case/1", RuntimeError("no answer")))
    assert "no case worker answered (no answer): `headgate doctor` says which worker is missing" in error


async def test_a_worker_that_polls_is_not_called_missing() -> None:
    busy = describing("CaseWorkflow", None, polled=[timedelta(minutes=4), timedelta(seconds=50)])
    error = str(await unanswered(busy, "case/1", RuntimeError("no answer")))
    assert "no case worker answered in time (no answer); one polls, so it may be busy" in error
    assert "missing" not in error


async def test_a_case_that_is_stuck_lacks_no_worker() -> None:
    error = await unanswered(describing("CaseWorkflow", None, attempt=4), "case/1", RuntimeError("no answer"))
    assert "headgate unstick case/1" in str(error)


async def test_a_decision_without_an_answer_may_still_count_and_is_not_to_be_repeated_blindly() -> None:
    silent = describing("CaseWorkflow", None, update=WorkflowUpdateRPCTimeoutOrCancelledError())
    with pytest.raises(NotReachableError, match="may still be carried out: look with `headgate cases show case/1`"):
        await Cases(silent).decide("case/1", HumanDecision(verdict=Lane.CLOSE, by="dana"))
    decision = ApprovalDecision(approval_id="case/1/approval/1", digest="d", verdict=Verdict.APPROVE, by="finance")
    with pytest.raises(NotReachableError, match="headgate approvals show case/1/approval/1"):
        await Approvals(silent).decide(decision)
