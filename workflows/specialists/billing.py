"""Billing: read the claim, look at the records, decide by policy, pay back what is owed."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.actions.find import FindAccountRequest, FindActivities
    from activities.actions.pay import PayActivities, RefundRequest
    from activities.models.diagnose import DiagnoseActivities, QuestionRequest
    from activities.models.extract import ClaimRequest, ExtractActivities
    from domain.case import CaseState, EffectRecord, Ending, ProgressNote, SpecialistRequest, SpecialistResult
    from domain.case_details import plain
    from domain.errors import FailureKind
    from domain.letters import (
        AlreadyOpen,
        ApprovalExpired,
        ApprovalRejected,
        ArticleAnswer,
        DetailsAsked,
        RefundDenied,
        RefundPaid,
    )
    from domain.money.approval import ApprovalRequest, ApprovalResult, Standing
    from domain.money.asking import asked_again
    from domain.money.brief import refund_brief
    from domain.money.claim import Claim
    from domain.money.records import Account
    from domain.money.refund import (
        Ask,
        Deny,
        Inform,
        Refund,
        RefundAction,
        RefundTerms,
        ToHuman,
        decide_refund,
        describe,
    )
    from workflows import options
    from workflows.endings import ending_on_record
    from workflows.failures import failed_step
    from workflows.specialists.desk import Desk
    from workflows.steps import settle_payments

PAY_STEP = "pay the refund"
REFUND_STEP = "refund"


@workflow.defn
class BillingWorkflow:
    """Works one billing case; the model reads, the policy decides, the ledger pays."""

    @workflow.init
    def __init__(self, request: SpecialistRequest) -> None:
        self._desk = Desk(request, "billing")
        self._case = request.case
        self._round = request.case.replay * 1000 + request.round  # no approval answers for another run

    @workflow.run
    async def run(self, request: SpecialistRequest) -> SpecialistResult:
        """Return how the case shall end."""
        return await self._desk.work(self._answer)

    async def _answer(self) -> SpecialistResult:
        claim = await self._claim()
        account = await self._account(claim)
        return await self._decide(claim, account)

    async def _claim(self) -> Claim:
        read = await self._desk.step(
            "read the claim",
            options.MODEL_SMALL,
            ExtractActivities.extract_claim,
            ClaimRequest(case=self._case),
            summary="read the claim: what is wanted, which order, how much",
        )
        self._desk.notes.extend(read.notes)
        return read.claim

    async def _account(self, claim: Claim) -> Account:
        """Look up the records, but only for those who want money: a question needs no customer data."""
        if isinstance(decide_refund(claim, Account(), self._case.policy.refund, now=workflow.now()), Inform):
            return Account()
        return await self._desk.step(
            "find the account",
            options.LOOK_UP,
            FindActivities.find_account,
            FindAccountRequest(case=self._case, order_id=claim.order_id),
            summary="find customer, order and charge",
        )

    async def _decide(self, claim: Claim, account: Account) -> SpecialistResult:
        case = self._case
        if account.own_effect is not None:
            paid = account.own_effect
            letter = RefundPaid(money=paid.money, order_id=paid.order_id)
            return self._desk.end(Ending.ANSWER, f"refunded {paid.money} before, under {paid.key}", letter)
        decision = decide_refund(claim, account, case.policy.refund, now=workflow.now(), suspicious=case.suspicious)
        decision = asked_again(decision, account, in_conversation=bool(case.answers))
        finding = describe(decision)
        match decision:
            case Refund():
                return await self._refund(decision, claim, account)
            case Deny():
                return self._desk.end(Ending.REJECT, finding, RefundDenied(rule=decision.rule))
            case Ask():
                asked = DetailsAsked(missing=decision.missing, candidate_orders=decision.candidate_orders)
                return self._desk.end(Ending.ANSWER, finding, asked)
            case Inform():
                return await self._inform()
            case ToHuman():
                return self._desk.end(Ending.HUMAN, finding)

    async def _inform(self) -> SpecialistResult:
        found = await self._desk.step(
            "search billing knowledge",
            options.ARTICLES,
            DiagnoseActivities.search_billing_knowledge,
            QuestionRequest(case=self._case, knowledge=self._desk.knowledge),
            summary="look for an article that answers the question",
        )
        if found.article is None:
            return self._desk.end(Ending.HUMAN, "a billing question that no article answers")
        return self._desk.end(
            Ending.ANSWER, f"answered from {found.article.article_id}", ArticleAnswer(article=found.article)
        )

    # --- paying back ----------------------------------------------------------------------------------------

    async def _refund(self, refund: Refund, claim: Claim, account: Account) -> SpecialistResult:
        self._desk.require(PayActivities.refund.__name__, PAY_STEP)  # nobody is asked to approve what cannot be paid
        if account.open_elsewhere is not None and self._case.policy.waits_for_customers:
            return self._same_as(account.open_elsewhere, refund)
        if await self._desk.customer_wrote():
            return self._desk.end(Ending.HUMAN, f"the customer wrote again before this was done: {describe(refund)}")
        action = RefundAction.of(refund, case_id=self._case.case_id, policy_version=self._case.policy.version)
        finding = describe(refund)
        approval_id: str | None = None
        if refund.marks:
            if await ending_on_record(self._case):  # nobody is asked for a case that has ended
                return self._desk.end(Ending.HUMAN, "the case has ended already")
            answer = await self._approval(action, refund, claim, account)
            if answer.standing is Standing.REJECTED:
                letter = ApprovalRejected(money=refund.money, order_id=refund.order_id, reason=answer.reason)
                return self._desk.end(Ending.REJECT, f"{answer.by} rejected: {finding}", letter)
            if answer.standing is not Standing.APPROVED:
                expired = ApprovalExpired(money=refund.money, order_id=refund.order_id)
                return self._desk.end(Ending.REJECT, f"approval {answer.standing}: {finding}", expired)
            approval_id = answer.approval_id
            if await self._desk.customer_wrote():
                return self._desk.end(Ending.HUMAN, f"{answer.by} approved, but the customer wrote again: {finding}")
        self._desk.effects.append(await self._pay(action, approval_id, account))
        paid = RefundPaid(
            money=refund.money, order_id=refund.order_id, partial=refund.partial, approved=approval_id is not None
        )
        return self._desk.end(Ending.ANSWER, finding, paid)

    def _same_as(self, other: str, refund: Refund) -> SpecialistResult:
        """Neither pay beside a request that waits for approval nor ask for the same a second time."""
        finding = f"the same as {other}, which waits for approval: {describe(refund)}"
        result = self._desk.end(Ending.ANSWER, finding, AlreadyOpen(order_id=refund.order_id))
        return result.model_copy(update={"same_as": other})

    async def _pay(self, action: RefundAction, approval_id: str | None, account: Account) -> EffectRecord:
        terms = RefundTerms.of(action, account, self._case.policy.refund)
        try:
            return await self._desk.step(
                PAY_STEP,
                options.PAYMENT,
                PayActivities.refund,
                RefundRequest(action=action, step=REFUND_STEP, approval_id=approval_id, terms=terms),
                summary=f"pay back {action.money} of {action.charge_id}",
            )
        except ApplicationError as error:
            if failed_step(error, step=PAY_STEP).kind is not FailureKind.REFUSED:
                raise
            paid = await self._paid_before(action, str(error.message))
            if paid is None:
                raise
            return paid

    async def _paid_before(self, action: RefundAction, refusal: str) -> EffectRecord | None:
        """Tell whether an earlier try was paid although this one was refused, as the kill switch does.

        A person decides next: no payment may be open by then.
        """
        settled = await settle_payments(
            options.SETTLEMENT, self._case.case_id, refusal, ladder_s=self._desk.ladder_s, step="settle the payment"
        )
        return next((effect for effect in settled.effects if effect.key == action.key), None)

    async def _approval(self, action: RefundAction, refund: Refund, claim: Claim, account: Account) -> ApprovalResult:
        case, rules = self._case, self._case.policy.approval
        finding = describe(refund)
        request = ApprovalRequest(
            approval_id=f"{case.case_id}/approval/{self._round}",
            action=action,
            digest=action.digest(),
            brief=refund_brief(
                action,
                refund,
                claim,
                account,
                policy=case.policy.refund,
                flags=case.flags,
                expires_after_s=rules.expires_after_s,
            ),
            requester=account.customer.customer_id if account.customer else "unknown",
            approvers=rules.approvers,
            expires_after_s=rules.expires_after_s,
            remind_every_s=rules.remind_every_s,
            tenant=case.tenant,
        )
        await self._desk.note(
            ProgressNote(
                state=CaseState.WAITING_APPROVAL,
                waits_for=f"approval {request.approval_id}",
                waits_until=workflow.now() + timedelta(seconds=rules.expires_after_s),
                finding=finding,
                amount_minor=refund.money.minor,
                usage=self._desk.usage,
            )
        )
        self._desk.show(f"**Waiting for approval {plain(request.approval_id)}** — {plain(finding)}")
        answer: ApprovalResult = await workflow.execute_child_workflow(
            "ApprovalWorkflow",
            request,
            id=request.approval_id,
            result_type=ApprovalResult,
            parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
            static_summary=f"{action.money} for {case.case_id}"[:200],
        )
        await self._desk.note(
            ProgressNote(
                state=CaseState.RUNNING, finding=finding, amount_minor=refund.money.minor, usage=self._desk.usage
            )
        )
        return answer
