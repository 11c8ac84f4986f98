"""The approvals that Billing asks for: one number for each, and each holds for one exact action."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.authority.on_record import has_edited
    from domain.briefs.brief import refund_brief
    from domain.case import CaseState, ProgressNote, shown_flags
    from domain.case_details import plain
    from domain.conversations.words import whole_text
    from domain.money.approval import ApprovalRequest, ApprovalResult, Standing
    from domain.money.claim import Claim
    from domain.money.records import Account
    from domain.money.refund import Refund
    from domain.money.refund_action import RefundAction
    from workflows.specialists.desk import Desk


class RefundApprovals:
    """Asks people for one run of Billing; `number` tells its approvals from those of other runs of the case."""

    def __init__(self, desk: Desk, number: int) -> None:
        self._desk = desk
        self._number = number
        self._asked = 0
        self._given: dict[str, ApprovalResult] = {}  # by the digest of the action

    def given(self, action: RefundAction) -> ApprovalResult | None:
        """Return the approval that was given for these very bytes, None if there is none."""
        return self._given.get(action.digest())

    async def ask(
        self, action: RefundAction, refund: Refund, claim: Claim, account: Account, finding: str
    ) -> ApprovalResult:
        """Wait for a person's decision and return it; meanwhile the case says what it waits for."""
        request = self._request(action, refund, claim, account)
        await self._note(
            ProgressNote(
                state=CaseState.WAITING_APPROVAL,
                waits_for=f"approval {request.approval_id}",
                waits_until=workflow.now() + timedelta(seconds=request.expires_after_s),
                finding=finding,
                amount_minor=refund.money.minor,
            )
        )
        self._desk.show(f"**Waiting for approval {plain(request.approval_id)}** — {plain(finding)}")
        answer: ApprovalResult = await workflow.execute_child_workflow(
            "ApprovalWorkflow",
            request,
            id=request.approval_id,
            result_type=ApprovalResult,
            parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
            static_summary=f"{action.money} for {action.case_id}"[:200],
        )
        await self._note(ProgressNote(state=CaseState.RUNNING, finding=finding, amount_minor=refund.money.minor))
        if answer.standing is Standing.APPROVED:
            self._given[action.digest()] = answer
        return answer

    async def _note(self, note: ProgressNote) -> None:
        await self._desk.note(note.model_copy(update={"usage": self._desk.usage}))

    def _request(self, action: RefundAction, refund: Refund, claim: Claim, account: Account) -> ApprovalRequest:
        case, rules = self._desk.case, self._desk.case.policy.approval
        self._asked += 1
        again = f".{self._asked}" if self._asked > 1 else ""
        return ApprovalRequest(
            approval_id=f"{case.case_id}/approval/{self._number}{again}",
            action=action,
            digest=action.digest(),
            brief=refund_brief(
                action,
                refund,
                claim,
                account,
                policy=case.policy.refund,
                flags=shown_flags(case.flags),
                expires_after_s=rules.expires_after_s,
                message=f"{case.subject}\n\n{whole_text(case)}",
            ),
            requester=account.customer.customer_id if account.customer else "unknown",
            approvers=[a for a in rules.approvers if not has_edited(a.name, case)],
            expires_after_s=rules.expires_after_s,
            remind_every_s=rules.remind_every_s,
            tenant=case.tenant,
            reason=claim.reason,
            words_seen=len(case.answers),
        )
