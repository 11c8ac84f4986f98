"""Billing: read the claim, look at the records, decide by policy, pay back what is owed."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.actions.find import FindAccountRequest, FindActivities
    from activities.actions.pay import PayActivities, RefundRequest
    from activities.models.diagnose import DiagnoseActivities, QuestionRequest, QuestionResult
    from activities.models.extract import ClaimRequest, ClaimResult, ExtractActivities
    from domain import replies
    from domain.case import CaseState, Draft, EffectRecord, Ending, ProgressNote, SpecialistRequest, SpecialistResult
    from domain.errors import FailureKind
    from domain.model_call import Tier, Usage
    from domain.money.amount import format_minor
    from domain.money.approval import Action, ApprovalRequest, ApprovalResult, Standing
    from domain.money.brief import approval_brief
    from domain.money.claim import Claim
    from domain.money.records import Account
    from domain.money.refund import Ask, Deny, Inform, Refund, ToHuman, decide_refund, describe
    from domain.story import plain
    from workflows import options
    from workflows.steps import PAY_STEP, failed_step, on_ladder, settle_payments, with_usage

REFUND_STEP = "refund"


@workflow.defn
class BillingWorkflow:
    """Works one billing case; the model reads, the policy decides, the ledger pays."""

    @workflow.init
    def __init__(self, request: SpecialistRequest) -> None:
        self._case = request.case
        self._round = request.case.replay * 1000 + request.round  # no approval answers for another run
        self._usage = Usage()
        self._notes: list[str] = []

    @workflow.run
    async def run(self, request: SpecialistRequest) -> SpecialistResult:
        """Return how the case shall end."""
        try:
            claim = await self._claim()
            account = await self._account(claim)
            return await self._decide(claim, account)
        except ApplicationError as error:
            failed = failed_step(error, step="billing")
            if failed.kind in (FailureKind.BAD_ANSWER, FailureKind.REFUSED):
                self._usage = self._usage.plus(failed.usage)
                return self._end(Ending.HUMAN, f"{failed.step}: {failed.message}"[:300])
            raise with_usage(error, self._usage) from error

    async def _claim(self) -> Claim:
        read: ClaimResult = await on_ladder(
            "read the claim",
            self._case.policy.ladder_s,
            lambda: workflow.execute_activity_method(
                ExtractActivities.extract_claim,
                ClaimRequest(case=self._case),
                task_queue=options.MODEL_QUEUES[Tier.SMALL],
                start_to_close_timeout=options.MODEL_TIMEOUT,
                schedule_to_close_timeout=options.STEP_BUDGET,
                heartbeat_timeout=options.HEARTBEAT,
                retry_policy=options.NATIVE_RETRY,
                summary="read the claim: what is wanted, which order, how much",
            ),
        )
        self._usage = self._usage.plus(read.usage)
        self._notes.extend(read.notes)
        return read.claim

    async def _account(self, claim: Claim) -> Account:
        """Look up the records, but only for those who want money: a question needs no customer data."""
        if isinstance(decide_refund(claim, Account(), self._case.policy.refund, now=workflow.now()), Inform):
            return Account()
        return await on_ladder(
            "find the account",
            self._case.policy.ladder_s,
            lambda: workflow.execute_activity_method(
                FindActivities.find_account,
                FindAccountRequest(case=self._case, order_id=claim.order_id),
                task_queue=options.ACTIONS_QUEUE,
                start_to_close_timeout=options.STORE_TIMEOUT,
                schedule_to_close_timeout=options.STEP_BUDGET,
                retry_policy=options.NATIVE_RETRY,
                summary="find customer, order and charge",
            ),
        )

    async def _decide(self, claim: Claim, account: Account) -> SpecialistResult:
        case = self._case
        if account.own_effect is not None:
            paid = account.own_effect
            draft = replies.paid_before(case.lang, case.subject, paid.order_id, paid.money)
            return self._end(Ending.ANSWER, f"refunded {paid.money} before, under {paid.key}", draft)
        decision = decide_refund(claim, account, case.policy.refund, now=workflow.now(), suspicious=case.suspicious)
        finding = describe(decision)
        match decision:
            case Refund():
                return await self._refund(decision, claim, account, finding)
            case Deny():
                return self._end(Ending.REJECT, finding, replies.refund_denied(case.lang, case.subject, decision))
            case Ask():
                return self._end(Ending.ANSWER, finding, replies.missing_asked(case.lang, case.subject, decision))
            case Inform():
                return await self._inform()
            case ToHuman():
                return self._end(Ending.HUMAN, finding)

    async def _inform(self) -> SpecialistResult:
        found: QuestionResult = await on_ladder(
            "search billing knowledge",
            self._case.policy.ladder_s,
            lambda: workflow.execute_activity_method(
                DiagnoseActivities.search_billing_knowledge,
                QuestionRequest(case=self._case),
                task_queue=options.MODEL_QUEUES[Tier.SMALL],
                start_to_close_timeout=options.STORE_TIMEOUT,
                schedule_to_close_timeout=options.STEP_BUDGET,
                retry_policy=options.NATIVE_RETRY,
                summary="look for an article that answers the question",
            ),
        )
        if found.article is None:
            return self._end(Ending.HUMAN, "a billing question that no article answers")
        draft = replies.article_answer(self._case.lang, self._case.subject, found.article)
        return self._end(Ending.ANSWER, f"answered from {found.article.article_id}", draft)

    # --- money ----------------------------------------------------------------------------------------------

    async def _refund(self, refund: Refund, claim: Claim, account: Account, finding: str) -> SpecialistResult:
        case = self._case
        action = Action(
            key=f"{case.case_id}/{REFUND_STEP}",
            case_id=case.case_id,
            kind="refund",
            order_id=refund.order_id,
            charge_id=refund.charge_id,
            payee=refund.payee,
            money=refund.money,
            policy_version=case.policy.version,
        )
        approval_id: str | None = None
        if refund.marks:
            answer = await self._approval(action, refund, claim, account, finding)
            if answer.standing is Standing.REJECTED:
                draft = replies.approval_rejected(case.lang, case.subject, refund, answer.reason)
                return self._end(Ending.REJECT, f"{answer.by} rejected: {finding}", draft)
            if answer.standing is not Standing.APPROVED:
                draft = replies.approval_expired(case.lang, case.subject, refund)
                return self._end(Ending.REJECT, f"approval {answer.standing}: {finding}", draft)
            approval_id = answer.approval_id
        try:
            effect = await self._pay(action, approval_id, account)
        except ApplicationError as error:
            if failed_step(error, step=PAY_STEP).kind is not FailureKind.REFUSED:
                raise
            paid = await self._paid_before(action, str(error.message))
            if paid is None:
                raise
            effect = paid
        draft = replies.refund_paid(case.lang, case.subject, refund, approved=approval_id is not None)
        return self._end(Ending.ANSWER, finding, draft, [effect])

    async def _pay(self, action: Action, approval_id: str | None, account: Account) -> EffectRecord:
        case = self._case
        currency = action.money.currency
        effect: EffectRecord = await on_ladder(
            PAY_STEP,
            case.policy.ladder_s,
            lambda: workflow.execute_activity_method(
                PayActivities.refund,
                RefundRequest(
                    action=action,
                    step=REFUND_STEP,
                    approval_id=approval_id,
                    # A currency without a limit has the limit zero: nothing of it is paid without a person.
                    limit_minor=case.policy.refund.approval_limit_minor.get(currency, 0),
                    # Looked at before, but another case of the customer may have been paid since.
                    daily_cap_minor=case.policy.refund.daily_cap_minor.get(currency),
                    # So too the charge: five tickets at once must not each get a percentage that is owed once.
                    seen_back_minor=sum(
                        charge.refunded_minor
                        for charge in (account.order.charges if account.order else [])
                        if charge.charge_id == action.charge_id
                    ),
                ),
                task_queue=options.ACTIONS_QUEUE,
                start_to_close_timeout=options.ACTION_TIMEOUT,
                schedule_to_close_timeout=options.STEP_BUDGET,
                retry_policy=options.NATIVE_RETRY,
                # Cancelling a case must not leave open whether the money moved: the payment is waited for.
                cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                summary=f"pay back {format_minor(action.money.minor, currency)} of {action.charge_id}",
            ),
        )
        return effect

    async def _paid_before(self, action: Action, refusal: str) -> EffectRecord | None:
        """Tell whether an earlier try was paid although this one was refused, as the kill switch does.

        A person decides next: no payment may be open by then.
        """
        settled = await on_ladder(
            "settle the payment",
            self._case.policy.ladder_s,
            lambda: settle_payments(
                self._case.case_id, refusal, retry=options.NATIVE_RETRY, budget=options.STEP_BUDGET
            ),
        )
        return next((effect for effect in settled.effects if effect.key == action.key), None)

    async def _approval(
        self, action: Action, refund: Refund, claim: Claim, account: Account, finding: str
    ) -> ApprovalResult:
        case = self._case
        rules = case.policy.approval
        request = ApprovalRequest(
            approval_id=f"{case.case_id}/approval/{self._round}",
            action=action,
            digest=action.digest(),
            brief=approval_brief(
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
        await self._note(
            ProgressNote(
                state=CaseState.WAITING_APPROVAL,
                waits_for=f"approval {request.approval_id}",
                waits_until=workflow.now() + timedelta(seconds=rules.expires_after_s),
                finding=finding,
                amount_minor=refund.money.minor,
                usage=self._usage,
            )
        )
        workflow.set_current_details(f"**Waiting for approval {plain(request.approval_id)}** — {plain(finding)}")
        answer: ApprovalResult = await workflow.execute_child_workflow(
            "ApprovalWorkflow",
            request,
            id=request.approval_id,
            result_type=ApprovalResult,
            parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
            static_summary=f"{format_minor(action.money.minor, action.money.currency)} for {case.case_id}"[:200],
        )
        await self._note(
            ProgressNote(state=CaseState.RUNNING, finding=finding, amount_minor=refund.money.minor, usage=self._usage)
        )
        return answer

    async def _note(self, note: ProgressNote) -> None:
        parent = workflow.info().parent
        if parent is None:  # started on its own, by an agent that hires just this specialist
            return
        try:
            await workflow.get_external_workflow_handle(parent.workflow_id).signal("note_progress", note)
        except ApplicationError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.warning("the case did not take the note: %s", error)

    def _end(
        self,
        ending: Ending,
        finding: str,
        draft: Draft | None = None,
        effects: list[EffectRecord] | None = None,
    ) -> SpecialistResult:
        workflow.set_current_details(f"**{ending}** — {plain(finding)}")
        return SpecialistResult(
            ending=ending, finding=finding, draft=draft, effects=effects or [], usage=self._usage, notes=self._notes
        )
