"""The gate: one exact action waits for one person's decision, or for its time to be up."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.actions.alert import AlertRequest
    from activities.actions.approve import ApproveActivities, CheckDecisionRequest, RecordDecisionRequest
    from domain.briefs.request import request_rows
    from domain.case_details import told
    from domain.money.approval import (
        ApprovalDecision,
        ApprovalRequest,
        ApprovalResult,
        ApprovalView,
        DecisionAnswer,
        Objection,
        Standing,
        Verdict,
        is_same_decision,
        object_to,
    )
    from domain.words_to_people import WordKind
    from workflows import options
    from workflows.steps import run_once, shielded, tell_people
    from workflows.waiting import NOTICES_KEPT, Decisions, wait_for_person

NOT_ON_RECORD_YET = "not on record yet: the store may know of an earlier decision"


@workflow.defn
class ApprovalWorkflow:
    """Halts until `decide` comes from somebody entitled, for exactly this action; silence until the expiry is a
    rejection.

    A decision at or after the expiry is late, even where no worker has noticed the expiry yet: in the same instant
    nobody pays.
    """

    @workflow.init
    def __init__(self, request: ApprovalRequest) -> None:
        self._asked_at = workflow.now()
        self._request = request.model_copy(update={"requested_at": self._asked_at})
        self._expires_at = self._asked_at + timedelta(seconds=request.expires_after_s)
        self._standing = Standing.PENDING
        self._result: ApprovalResult | None = None
        self._decided_by: ApprovalDecision | None = None  # the decision that counted, as it was signed
        self._recorded: bool | None = None  # whether the store has an ending; None until it has answered
        self._reminders = 0
        self._refusals = 0  # of decisions that needed no look at their signature, as far as they were put on the trail
        self._turn = asyncio.Lock()  # who came first is checked first: of two decisions the first stands
        self.notices: list[str] = []
        self._decisions = Decisions[ApprovalDecision, DecisionAnswer](
            refuse=self._refused, accept=self._accept, describe=_described, notices=self.notices
        )

    @workflow.run
    async def run(self, request: ApprovalRequest) -> ApprovalResult:
        """Return the recorded decision."""
        self._show()
        try:
            await self._announce()
            await self._decided()
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError) or is_cancelled_exception(error):
                self._conclude(Standing.CANCELLED, by="", reason="the case was cancelled")
                await shielded(self._record())
                await workflow.wait_condition(workflow.all_handlers_finished)  # who decided meanwhile is answered
            raise
        result = await shielded(self._record())
        await workflow.wait_condition(workflow.all_handlers_finished)
        return result

    async def _announce(self) -> None:
        await run_once(
            options.RECORD,
            ApproveActivities.announce_approval,
            self._request,
            summary="put the request before the approvers",
        )

    async def _decided(self) -> None:
        """Wait for the decision, reminding on the way; the expiry decides where nobody did."""
        in_time = await wait_for_person(
            self._concluded,
            since=self._asked_at,
            deadline=self._expires_at,
            remind_every=timedelta(seconds=self._request.remind_every_s),
            tell=self._remind,
            summary="waiting for a decision",
        )
        if not in_time:
            self._conclude(Standing.EXPIRED, by="", reason="nobody decided in time")

    def _concluded(self) -> bool:
        return self._result is not None

    async def _remind(self, word: WordKind) -> None:
        self._reminders += 1
        request = AlertRequest(
            alert_id=f"{self._request.approval_id}/{word}/{self._reminders}",
            kind=word,
            case_id=self._request.action.case_id,
            subject=f"{word}: {self._request.approval_id} waits for a decision",
            text=f"{self._request.brief.what}; expires {self._expires_at:%Y-%m-%d %H:%M} UTC",
            reminds_of=self._request.approval_id,
            number=self._reminders,
        )
        if trouble := await tell_people(request, "remind the approvers"):
            self.notices.append(trouble)

    async def _record(self) -> ApprovalResult:
        """Write the decision where the ledger looks for it; the first one recorded stands."""
        ours = self._result
        if ours is None:
            raise RuntimeError("an approval was to be recorded before it was concluded")
        try:
            recorded = await run_once(
                options.RECORD,
                ApproveActivities.record_decision,
                RecordDecisionRequest(request=self._request, result=ours, decision=self._decided_by),
                summary=f"record: {ours.standing}",
            )
        except ActivityError:
            self._recorded = False
            await workflow.wait_condition(workflow.all_handlers_finished)
            raise
        self._standing, self._result, self._recorded = recorded.standing, recorded, True
        if not is_same_decision(ours, recorded):
            self.notices.append(f"{ours.as_line()} had no effect: on record it is {recorded.as_line()}"[:300])
        self._show()
        return recorded

    # --- decisions ------------------------------------------------------------------------------------------

    @workflow.signal(name="decide")
    async def on_decide(self, decision: ApprovalDecision) -> None:
        """Record a decision; second, late, stale and unsigned ones change nothing and are noted."""
        await self._take(decision)

    @workflow.update
    async def submit(self, decision: ApprovalDecision) -> DecisionAnswer:
        """Do as the signal does, and tell whoever decided what stands on record: it may be another, earlier decision.

        The store can know of one that this workflow does not, where Temporal's state was put back from a backup.
        """
        answer = await self._take(decision)
        ours = self._result
        if ours is None or not workflow.patched("answer-by-record"):
            return answer
        await workflow.wait_condition(lambda: self._recorded is not None)
        if not self._recorded:
            told = "it could not be put on record: nothing is paid for it"
            return DecisionAnswer(accepted=False, message=told, standing=Standing.PENDING)
        if answer.accepted and is_same_decision(ours, self._result):  # `_record` has put the store's in its place
            return answer
        return self._refused(decision) or answer

    @submit.validator
    def check_submit(self, decision: ApprovalDecision) -> None:
        """Turn away what does not count once enough of it is noted."""
        self._decisions.check(decision)

    async def _take(self, decision: ApprovalDecision) -> DecisionAnswer:
        if not workflow.patched("check-signatures"):
            answer = self._decisions.take(decision)
        else:
            async with self._turn:
                refused = await self._objected(decision)
                answer = self._accept(decision) if refused is None else self._decisions.note(decision, refused)
        self._show()
        return answer

    async def _objected(self, decision: ApprovalDecision) -> DecisionAnswer | None:
        """Return the answer to a decision that does not count, None if nothing speaks against it in this very moment.

        Its signature is checked by a worker, which has the keys; meanwhile somebody else may decide, or the time be up.
        """
        refused = self._refused(decision)
        if refused is None:
            told = await self._checked(decision)
            if told:
                return DecisionAnswer(accepted=False, message=told, standing=self._standing)
            refused = self._refused(decision)
        if refused is not None and self._refusals < NOTICES_KEPT:  # a stuck script must not grow the trail, either
            self._refusals += 1
            await self._checked(decision, refused.message)
        return refused

    async def _checked(self, decision: ApprovalDecision, objection: str = "") -> str:
        """Return why a decision does not count, empty if it does; what does not is put on the trail."""
        request = CheckDecisionRequest(request=self._request, decision=decision, objection=objection)
        try:
            checked = await run_once(
                options.RECORD, ApproveActivities.check_decision, request, summary="check who signed the decision"
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return f"its signature could not be checked: {error.cause or error}"[:300]
        return checked.objection

    def _accept(self, decision: ApprovalDecision) -> DecisionAnswer:
        standing = Standing.APPROVED if decision.verdict is Verdict.APPROVE else Standing.REJECTED
        self._decided_by = decision
        self._conclude(standing, by=decision.by.strip(), reason=decision.reason[:500])
        return DecisionAnswer(accepted=True, message=f"{standing} by {decision.by.strip()}", standing=standing)

    def _refused(self, decision: ApprovalDecision) -> DecisionAnswer | None:
        objection = object_to(
            decision, self._request, standing=self._standing, expired=workflow.now() >= self._expires_at
        )
        if objection is None:
            return None
        told = str(objection)
        if objection is Objection.ALREADY_DECIDED and self._result is not None:
            told += f" ({self._result.as_line()})"
        return DecisionAnswer(accepted=False, message=told, standing=self._standing)

    def _conclude(self, standing: Standing, *, by: str, reason: str) -> None:
        if self._result is not None:
            return
        self._standing = standing
        self._result = ApprovalResult(
            approval_id=self._request.approval_id,
            digest=self._request.digest,
            standing=standing,
            by=by,
            reason=reason,
            at=workflow.now(),
        )

    # --- what people see ------------------------------------------------------------------------------------

    @workflow.query
    def view(self) -> ApprovalView:
        """Return the request with its brief and where it stands."""
        decided = self._result
        unsure = [NOT_ON_RECORD_YET] if decided and not self._recorded else []
        return ApprovalView(
            approval_id=self._request.approval_id,
            case_id=self._request.action.case_id,
            brief=self._request.brief,
            digest=self._request.digest,
            amount=self._request.action.money,
            requested_at=self._asked_at,
            expires_at=self._expires_at,
            standing=self._standing,
            decided_by=decided.by if decided else "",
            reason=decided.reason if decided else "",
            notices=[*self.notices, *unsure],
            words_seen=self._request.words_seen,
        )

    def _show(self) -> None:
        brief = self._request.brief
        workflow.set_current_details(
            told(
                f"**{self._standing}** — {brief.what}",
                [
                    ("for", brief.for_whom),
                    ("why a person", brief.why),
                    *(("evidence", line) for line in brief.evidence),
                    *request_rows(brief.request),
                    ("policy", brief.policy),
                    ("if approved", brief.if_approved),
                    ("if rejected", brief.if_rejected),
                    ("decide until", f"{self._expires_at:%Y-%m-%d %H:%M} UTC"),
                    ("digest of the action", self._request.digest),
                    *(("note", note) for note in self.notices[-5:]),
                ],
            )
        )


def _described(decision: ApprovalDecision) -> str:
    return f"{decision.verdict} by {decision.by[:60] or 'nobody'}"
