"""Billing: read the claim, look at the records, decide by policy, pay back what is owed."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.actions.find import FindAccountRequest, FindActivities
    from activities.actions.pay import PayActivities, RefundRequest
    from activities.models.diagnose import DiagnoseActivities, QuestionRequest
    from activities.models.extract import ClaimRequest, ExtractActivities
    from domain.authority.on_record import marks_of, only_editors_may_approve, why_a_person
    from domain.briefs.asked_part import is_part_asked_for
    from domain.case import FORWARDED, UNVOUCHED, EffectRecord, Ending, SpecialistRequest, SpecialistResult
    from domain.case_details import plain
    from domain.conversations.asking import asked_again
    from domain.conversations.before_people import WROTE_AGAIN
    from domain.conversations.elsewhere import PutTo, put_to
    from domain.errors import FailureKind, RecordsMovedError
    from domain.letters import (
        AlreadyOpen,
        ApprovalExpired,
        ApprovalRejected,
        ArticleAnswer,
        DetailsAsked,
        RefundDenied,
        RefundPaid,
        RefundPaidBefore,
    )
    from domain.model_steps import ModelStep
    from domain.money.approval import Standing
    from domain.money.claim import Claim
    from domain.money.paid_before import PaidBefore, paid_before, rule_told
    from domain.money.records import Account, OwnEffect
    from domain.money.refund import (
        Ask,
        Deny,
        Inform,
        Refund,
        RefundDecision,
        Rule,
        ToHuman,
        decide_refund,
        describe,
    )
    from domain.money.refund_action import RefundAction, RefundTerms
    from workflows import options
    from workflows.endings import ending_on_record
    from workflows.failures import failed_step, is_of
    from workflows.specialists.desk import Desk
    from workflows.specialists.refund_approvals import RefundApprovals
    from workflows.steps import settle_payments

PAY_STEP = "pay the refund"
REFUND_STEP = "refund"
LOOKS_AGAIN = 3
"""So often the account is looked at anew because it changed meanwhile; then a person decides."""
UNDER_WAY_S = 5.0
"""A payment of another case that goes well is over by then, seconds."""


@workflow.defn
class BillingWorkflow:
    """Works one billing case; the model reads, the policy decides, the ledger pays."""

    @workflow.init
    def __init__(self, request: SpecialistRequest) -> None:
        self._desk = Desk(request, "billing")
        self._case = request.case
        # No approval answers for another run.
        self._approvals = RefundApprovals(self._desk, number=request.case.replay * 1000 + request.round)
        self._looked_again = 0

    @workflow.run
    async def run(self, request: SpecialistRequest) -> SpecialistResult:
        """Return how the case shall end."""
        return await self._desk.work(self._answer)

    async def _answer(self) -> SpecialistResult:
        claim = await self._claim()
        while True:
            account = await self._account(claim)
            result = await self._decide(claim, account)
            if result is not None:
                return result
            self._looked_again += 1

    async def _claim(self) -> Claim:
        read = await self._desk.step(
            "read the claim",
            options.MODEL_SMALL,
            ExtractActivities.extract_claim,
            ClaimRequest(case=self._case),
            summary="read the claim: what is wanted, which order, how much",
            asks=ModelStep.CLAIM,
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

    async def _decide(self, claim: Claim, account: Account) -> SpecialistResult | None:
        """Return how the case shall end, None to decide again on what the account says then."""
        case = self._case
        if account.own_effect is not None:
            return self._paid_by_itself(account.own_effect)
        decision = decide_refund(
            claim,
            account,
            case.policy.refund,
            now=workflow.now(),
            suspicious=case.suspicious,
            vouched=UNVOUCHED not in case.flags,
        )
        decision = asked_again(decision, account, in_conversation=bool(case.answers))
        elsewhere = put_to(decision, claim, account) if case.policy.waits_for_customers else None
        if elsewhere is not None:
            return self._put_to(elsewhere, decision)
        if isinstance(decision, Refund | Deny):
            before = paid_before(decision, claim, account, now=workflow.now())
            if before is not None:
                return await self._paid_already(before, decision, account)
        return await self._do(decision, claim, account)

    async def _do(self, decision: RefundDecision, claim: Claim, account: Account) -> SpecialistResult | None:
        finding = _finding(decision, account)
        match decision:
            case Refund():
                return await self._refund(self._for_a_person(decision), claim, account)
            case Deny():
                return self._desk.end(Ending.REJECT, finding, RefundDenied(rule=rule_told(decision, account)))
            case Ask() if "customer" in decision.missing and FORWARDED in self._case.flags:
                return self._desk.end(Ending.HUMAN, f"{finding}; forwarded by somebody whom the records do not know")
            case Ask():
                return self._desk.end(Ending.ANSWER, finding, _asked(decision))
            case Inform():
                return await self._inform()
            case ToHuman():
                return self._desk.end(Ending.HUMAN, finding)

    def _paid_by_itself(self, paid: OwnEffect) -> SpecialistResult:
        letter = RefundPaid(money=paid.money, order_id=paid.order_id, pending=paid.pending)
        return self._desk.end(Ending.ANSWER, f"refunded {paid.money} before, under {paid.key}", letter)

    async def _paid_already(
        self, before: PaidBefore, decision: Refund | Deny, account: Account
    ) -> SpecialistResult | None:
        """Say what was paid before; where another case is still paying it, look again when that may be over."""
        assert account.order is not None
        order_id = account.order.order_id
        if not before.under_way:
            letter = RefundPaidBefore(order_id=order_id, **before.model_dump(exclude={"under_way"}))
            when = f" on {', '.join(before.dates)}" if before.dates else ""
            return self._desk.end(Ending.ANSWER, f"{before.money} of {order_id} were paid back{when} already", letter)
        waits = (UNDER_WAY_S, *self._desk.ladder_s)  # the other one climbs the same ladder
        if self._looked_again >= len(waits):
            return self._desk.end(Ending.HUMAN, f"{describe(decision)}, by a payment that is still under way")
        waiting = f"another case is paying {before.money} of {order_id} back"
        self._desk.show(f"**Waiting** — {plain(waiting)}")
        await workflow.sleep(timedelta(seconds=waits[self._looked_again]), summary=waiting[:200])
        return None

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
            Ending.ANSWER, f"answered from {found.article.named}", ArticleAnswer(article=found.article)
        )

    # --- paying back ----------------------------------------------------------------------------------------

    def _for_a_person(self, refund: Refund) -> Refund:
        """Mark a refund that the ledger lets nobody pay without an approval, as the case was admitted for people."""
        if why_a_person(self._case) is None or not workflow.patched("approve-what-no-model-was-to-read"):
            return refund
        return refund.model_copy(update={"marks": [*refund.marks, *marks_of(self._case)]})

    def _is_stuck_with_its_editor(self, refund: Refund) -> bool:
        return only_editors_may_approve(refund.money.minor, self._case) and workflow.patched("nobody-left-to-approve")

    async def _refund(self, refund: Refund, claim: Claim, account: Account) -> SpecialistResult | None:
        self._desk.require(PayActivities.refund.__name__, PAY_STEP)  # nobody is asked to approve what cannot be paid
        if await self._desk.customer_wrote():
            return self._desk.end(Ending.HUMAN, f"{WROTE_AGAIN} before this was done: {describe(refund)}")
        action = RefundAction.of(refund, case_id=self._case.case_id, policy_version=self._case.policy.version)
        finding = _finding(refund, account)
        answer = self._approvals.given(action)  # before the records moved
        if refund.marks and answer is None:
            if await ending_on_record(self._case):  # nobody is asked for a case that has ended
                return self._desk.end(Ending.HUMAN, "the case has ended already")
            if self._is_stuck_with_its_editor(refund):  # the customer would be told no when it expires
                return self._desk.end(Ending.HUMAN, f"nobody but its editor may approve it: {finding}")
            answer = await self._approvals.ask(action, refund, claim, account, finding)
            if answer.standing is Standing.REJECTED:
                letter = ApprovalRejected(money=refund.money, order_id=refund.order_id, reason=answer.reason)
                return self._desk.end(Ending.REJECT, f"{answer.by} rejected: {finding}", letter)
            if answer.standing is not Standing.APPROVED:
                expired = ApprovalExpired(money=refund.money, order_id=refund.order_id)
                return self._desk.end(Ending.REJECT, f"approval {answer.standing}: {finding}", expired)
        approval_id = answer.approval_id if answer is not None else None
        if answer is not None and await self._desk.customer_wrote():
            return self._desk.end(Ending.HUMAN, f"{answer.by} approved, but {WROTE_AGAIN}: {finding}")
        effect = await self._pay(action, approval_id, account)
        if effect is None:
            return None
        self._desk.effects.append(effect)
        asked = is_part_asked_for(refund, claim, account)
        paid = RefundPaid(
            money=refund.money,
            order_id=refund.order_id,
            partial=refund.partial,
            asked=asked,
            approved=approval_id is not None,
            pending=effect.pending,
        )
        return self._desk.end(Ending.ANSWER, finding, paid)

    def _put_to(self, elsewhere: PutTo, decision: RefundDecision) -> SpecialistResult:
        """Neither pay nor ask beside a request that waits for approval, and let nothing be paid over what is new."""
        first, *also = elsewhere.cases
        what = "the same as" if elsewhere.repeats else "about"
        finding = f"{what} {first}, which waits for approval: {describe(decision)}"
        ending = Ending.ANSWER if elsewhere.alone else Ending.HUMAN
        letter = AlreadyOpen(order_id=elsewhere.order_id) if elsewhere.alone else None
        result = self._desk.end(ending, finding, letter)
        return result.model_copy(update={"same_as": first, "also": also, "is_new": not elsewhere.repeats})

    async def _pay(self, action: RefundAction, approval_id: str | None, account: Account) -> EffectRecord | None:
        """Return what was paid, None where the records moved since the decision: then it is decided again."""
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
            if paid is not None:
                return paid
            if self._looked_again >= LOOKS_AGAIN or not is_of(error, RecordsMovedError):
                raise
            self._desk.notes.append(f"decided again: {error.message}")
            return None

    async def _paid_before(self, action: RefundAction, refusal: str) -> EffectRecord | None:
        """Tell whether an earlier try was paid although this one was refused, as the kill switch does.

        A person decides next: no payment may be open by then.
        """
        settled = await settle_payments(
            options.SETTLEMENT, self._case.case_id, refusal, ladder_s=self._desk.ladder_s, step="settle the payment"
        )
        return next((effect for effect in settled.effects if effect.key == action.key), None)


def _finding(decision: RefundDecision, account: Account) -> str:
    """Say a decision, and that the order was recognised by a number that was written another way."""
    matched = account.order_matched and not isinstance(decision, Inform)
    said = describe(decision) + (", its number was written another way" if matched else "")
    waits = account.before_people if decision.rule is Rule.OPEN_ELSEWHERE else []
    return f"{said}: {', '.join(waits)} about the order waits for a person" if waits else said


def _asked(decision: Ask) -> DetailsAsked:
    """Return the letter: in the same words for a number that is nobody's and one that is somebody else's."""
    not_found = decision.rule in (Rule.ORDER_NOT_FOUND, Rule.NOT_THE_OWNER)
    return DetailsAsked(missing=decision.missing, candidate_orders=decision.candidate_orders, not_found=not_found)
