"""`headgate.approvals`: what waits for a decision, and a person's decision on it."""

import asyncio

from temporalio.client import (
    Client,
    WorkflowFailureError,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError, RPCStatusCode

from client.refusals import ANSWER_WITHIN, answer_of_rejected, decision_unheard, describe, unanswered
from domain.conversations.since import seen_with_case
from domain.errors import HeadgateError
from domain.money.approval import (
    ApprovalDecision,
    ApprovalResult,
    ApprovalView,
    DecisionAnswer,
    PendingApprovals,
    Standing,
    Verdict,
)
from workflows.approval import ApprovalWorkflow
from workflows.case import CaseWorkflow

ASKED_AT_ONCE = 16


class Approvals:
    """The approvals of a running Headgate."""

    def __init__(self, temporal: Client) -> None:
        self._temporal = temporal

    async def pending(self) -> PendingApprovals:
        """Return the approvals that wait for a decision; one that does not answer does not hide the others.

        Raises:
            NotReachableError: none of them answers.
        """
        query = "WorkflowType = 'ApprovalWorkflow' AND ExecutionStatus = 'Running'"
        ids = [found.id async for found in self._temporal.list_workflows(query)]
        turns = asyncio.Semaphore(ASKED_AT_ONCE)

        async def show(approval_id: str) -> ApprovalView:
            async with turns:
                return await self.show(approval_id)

        found = await asyncio.gather(*(show(approval_id) for approval_id in ids), return_exceptions=True)
        views = [view for view in found if isinstance(view, ApprovalView)]
        failed = {i: error for i, error in zip(ids, found, strict=True) if isinstance(error, BaseException)}
        if failed and not views:
            raise next(iter(failed.values()))
        waiting = (view for view in views if view.standing is Standing.PENDING)
        return PendingApprovals(
            views=sorted(waiting, key=lambda view: (view.requested_at, view.approval_id)), unshown=sorted(failed)
        )

    async def show(self, approval_id: str) -> ApprovalView:
        """Return an approval with its brief, open or decided, and what happened in its case since.

        Raises:
            UnknownCaseError: there is no such approval.
            NotReachableError: no case worker answers.
        """
        handle = self._temporal.get_workflow_handle_for(ApprovalWorkflow.run, approval_id)
        try:
            view = await handle.query(ApprovalWorkflow.view, rpc_timeout=ANSWER_WITHIN)
        except (RPCError, WorkflowQueryFailedError) as error:
            raise await unanswered(self._temporal, approval_id, error) from error
        return await self._with_case(view)

    async def _with_case(self, view: ApprovalView) -> ApprovalView:
        case = self._temporal.get_workflow_handle_for(CaseWorkflow.run, view.case_id)
        try:
            message, status = await asyncio.gather(
                case.query(CaseWorkflow.message, rpc_timeout=ANSWER_WITHIN),
                case.query(CaseWorkflow.status, rpc_timeout=ANSWER_WITHIN),
            )
        except (RPCError, WorkflowQueryFailedError):  # what was asked for is to be seen all the same
            return view.model_copy(update={"unheard": "whether the customer wrote again: the case does not answer"})
        return seen_with_case(view, message, status)

    async def decide(self, decision: ApprovalDecision) -> DecisionAnswer:
        """Approve or reject, and learn whether it counted; raises as `show` does."""
        handle = self._temporal.get_workflow_handle_for(ApprovalWorkflow.run, decision.approval_id)
        try:
            answer = await handle.execute_update(ApprovalWorkflow.submit, decision, rpc_timeout=ANSWER_WITHIN)
            return await self._with_news(answer, decision)
        except WorkflowUpdateFailedError as error:
            return answer_of_rejected(error, DecisionAnswer)
        except WorkflowUpdateRPCTimeoutOrCancelledError as error:
            raise decision_unheard(decision.approval_id, "approvals show") from error
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise await unanswered(self._temporal, decision.approval_id, error) from error
        return await self._too_late(decision)

    async def leave(self, decision: ApprovalDecision) -> None:
        """Leave a decision with Temporal, which keeps it until a worker is there; nobody is told whether it counted.

        Raises:
            UnknownCaseError: there is no such approval, or it was decided.
            NotReachableError: Temporal does not take it.
        """
        handle = self._temporal.get_workflow_handle_for(ApprovalWorkflow.run, decision.approval_id)
        try:
            await handle.signal(ApprovalWorkflow.on_decide, decision, rpc_timeout=ANSWER_WITHIN)
        except RPCError as error:
            raise await unanswered(self._temporal, decision.approval_id, error) from error

    async def _with_news(self, answer: DecisionAnswer, decision: ApprovalDecision) -> DecisionAnswer:
        """Say at once that an approval will not be acted on, where the customer wrote what nobody has read."""
        if not answer.accepted or decision.verdict is not Verdict.APPROVE:
            return answer
        try:
            view = await self.show(decision.approval_id)
        except HeadgateError:  # it counted, whoever can be asked now
            return answer
        if not view.unread:
            return answer
        news = "but the customer wrote again since: nothing is paid, a person looks at the case"
        return answer.model_copy(update={"message": f"{answer.message}, {news}"})

    async def _too_late(self, decision: ApprovalDecision) -> DecisionAnswer:
        handle = self._temporal.get_workflow_handle_for(ApprovalWorkflow.run, decision.approval_id)
        description = await describe(self._temporal, decision.approval_id)
        try:
            ended: ApprovalResult = await handle.result()
        except WorkflowFailureError:
            return DecisionAnswer(
                accepted=False, message="the request was withdrawn with its case", standing=Standing.CANCELLED
            )
        return DecisionAnswer(
            accepted=False,
            message=f"too late: it was {ended.as_line()} and nothing was changed ({description.run_id[:8]})",
            standing=ended.standing,
        )
