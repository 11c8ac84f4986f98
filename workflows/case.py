"""A case from admission to its ending: route, the specialist, a person where needed, the closing."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from activities.actions.alert import AlertRequest
    from activities.actions.bury import BuryActivities
    from activities.actions.close import CloseActivities, CloseRequest, ForbidRequest
    from activities.models.route import RouteActivities, RouteRequest, RouteResult
    from domain.case import (
        TERMINAL_STATES,
        CaseAnswer,
        CaseInput,
        CaseMessage,
        CaseOutcome,
        CaseState,
        CaseStatus,
        Draft,
        EffectRecord,
        Ending,
        HumanDecision,
        Lane,
        ProgressNote,
        SpecialistRequest,
        SpecialistResult,
    )
    from domain.deadletter import DeadLetter, FailedStep, letter_id
    from domain.errors import FailureKind
    from domain.model_call import Tier, Usage
    from domain.replies import human_answer
    from domain.routing import Category
    from domain.story import case_details, money_of
    from workflows import options
    from workflows.steps import (
        failed_step,
        on_ladder,
        remind,
        settle_payments,
        step_error,
        stop_if_cancelled,
        to_the_end,
    )

SPECIALISTS = {
    Category.BILLING: ("BillingWorkflow", "billing"),
    Category.TECHNICAL_SUPPORT: ("TechnicalSupportWorkflow", "support"),
    Category.SALES: ("SalesWorkflow", "sales"),
}

NOTICES_KEPT = 20  # a stuck script must not grow the history


@workflow.defn
class CaseWorkflow:
    """One case. Its id is the case id; it ends as done, rejected, dead-lettered or cancelled."""

    @workflow.init
    def __init__(self, case: CaseInput) -> None:
        self._case = case
        self._status = CaseStatus(case_id=case.case_id, state=CaseState.RUNNING, blueprint_version=case.policy.version)
        self._decision: HumanDecision | None = None
        self._met_human = False
        self._spent = Usage()  # by steps that have ended
        self._runs: dict[Category, int] = {}

    @workflow.run
    async def run(self, case: CaseInput) -> CaseOutcome:
        """Work the case and close it, whatever happens on the way."""
        try:
            state, draft = await self._work()
        except FailureError as error:
            if not is_cancelled_exception(error):
                failed = failed_step(error, step="case")
                await to_the_end(self._give_up(failed))
                if workflow.cancellation_reason() is None:
                    return await to_the_end(self._dead_lettered(failed))
        except asyncio.CancelledError:
            pass
        else:
            return await to_the_end(self._close(state, draft))
        outcome = await to_the_end(self._cancelled())
        if workflow.cancellation_reason() is None:
            return outcome  # only its specialist was cancelled, in Temporal's own tools
        raise asyncio.CancelledError

    # --- the way of a case ----------------------------------------------------------------------------------

    async def _work(self) -> tuple[CaseState, Draft | None]:
        if self._case.replay:
            await self._settle_earlier_run()
        category = await self._route()
        finding = self._status.finding
        while True:
            if category is not None:
                result = await self._specialist(category)
                finding = result.finding
                if result.ending is not Ending.HUMAN:
                    return CaseState.DONE if result.ending is Ending.ANSWER else CaseState.REJECTED, result.draft
            decision = await self._human_lane(finding)
            if decision.verdict is Lane.ROUTE:
                category = decision.category
                self._tell(finding=f"{decision.by} routed it to {category}")
                continue
            self._tell(
                finding=f"{decision.verdict} by {decision.by}" + (f": {decision.reason}" if decision.reason else "")
            )
            if decision.verdict is Lane.ANSWER:
                return CaseState.DONE, human_answer(self._case.lang, self._case.subject, decision.text)
            return CaseState.REJECTED, None

    async def _settle_earlier_run(self) -> None:
        """Close the books of the run that was given up, so that this one decides on what is true."""
        settled = await on_ladder(
            "settle payments in doubt",
            self._case.policy.ladder_s,
            lambda: settle_payments(
                self._case.case_id,
                "the case was replayed",
                retry=options.NATIVE_RETRY,
                budget=options.STEP_BUDGET,
            ),
        )
        self._keep(settled.effects)

    async def _route(self) -> Category | None:
        if self._case.skip_to_human:
            self._tell(finding=self._case.skip_to_human)
            return None
        answer: RouteResult = await on_ladder(
            "route",
            self._case.policy.ladder_s,
            lambda: workflow.execute_activity_method(
                RouteActivities.route_case,
                RouteRequest(case=self._case),
                task_queue=options.MODEL_QUEUES[Tier.SMALL],
                start_to_close_timeout=options.MODEL_TIMEOUT,
                schedule_to_close_timeout=options.STEP_BUDGET,
                heartbeat_timeout=options.HEARTBEAT,
                retry_policy=options.NATIVE_RETRY,
                summary="ask the router for one category",
            ),
        )
        self._spend(answer.usage)
        category = answer.route.category
        if category is None:
            why = str(answer.route.unroutable or "no category").replace("_", " ")
            self._tell(finding=f"the router gave no category: {why}")
        return category

    async def _specialist(self, category: Category) -> SpecialistResult:
        run = self._runs[category] = self._runs.get(category, 0) + 1
        workflow_type, step = SPECIALISTS[category]
        self._status.category = category
        self._stand(CaseState.RUNNING, f"the {category} specialist")
        result: SpecialistResult = await workflow.execute_child_workflow(
            workflow_type,
            SpecialistRequest(case=self._case, category=category, round=sum(self._runs.values())),
            id=f"{self._case.case_id}/{step}" + (f"-{run}" if run > 1 else ""),
            result_type=SpecialistResult,
            parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
            static_summary=f"{category} for {self._case.case_id}"[:200],
        )
        self._spend(result.usage)
        self._keep(result.effects)
        self._status.notices.extend(result.notes)
        self._status.finding = result.finding
        stop_if_cancelled()
        return result

    # --- the human lane -------------------------------------------------------------------------------------

    async def _human_lane(self, finding: str) -> HumanDecision:
        """Wait for a person: reminders, one escalation, a deadline after which the case becomes a dead letter."""
        rules = self._case.policy.human
        self._met_human = True
        self._take_answer()  # one given to an earlier wait answers nothing here
        self._status.lane += 1
        arrived = workflow.now()
        deadline = arrived + timedelta(seconds=rules.deadline_s)
        escalate: datetime | None = arrived + timedelta(seconds=rules.escalate_after_s)
        every = timedelta(seconds=rules.remind_every_s)
        remind = arrived + every
        self._stand(CaseState.WAITING_HUMAN, f"a person: {finding}", until=deadline)
        while True:
            due = min(t for t in (remind, escalate, deadline) if t is not None)
            try:
                await workflow.wait_condition(
                    self._answered, timeout=due - workflow.now(), timeout_summary="human lane"
                )
            except TimeoutError:
                now = workflow.now()
                if now >= deadline and not self._answered():
                    raise self._unanswered(finding) from None
                if escalate is not None and now >= escalate:
                    escalate = None
                    await self._alert("escalation", finding, deadline)
                elif now >= remind:
                    await self._alert("reminder", finding, deadline)
                if now >= remind:
                    remind = arrived + every * ((now - arrived) // every + 1)  # by the calendar: delays do not add up
            decision = self._take_answer()
            if decision is not None:
                self._status.waits_for, self._status.waits_until = "", None
                return decision

    def _answered(self) -> bool:
        return self._decision is not None

    def _take_answer(self) -> HumanDecision | None:
        decision, self._decision = self._decision, None
        return decision

    def _unanswered(self, finding: str) -> FailureError:
        message = f"no person answered within {self._case.policy.human.deadline_s:g} s: {finding}"
        failed = FailedStep(step="human lane", kind=FailureKind.UNANSWERED, message=message[:500])
        return step_error(message, failed)

    async def _alert(self, what: str, finding: str, deadline: datetime) -> None:
        request = AlertRequest(
            case_id=self._case.case_id,
            subject=f"{what}: {self._case.case_id} waits for a person",
            text=f"{finding}; becomes a dead letter at {deadline:%Y-%m-%d %H:%M} UTC",
        )
        if trouble := await remind(request, f"{what} to the supervisor"):
            self._status.notices.append(trouble)

    @workflow.signal
    def decide_human(self, decision: HumanDecision) -> None:
        """Record a person's word; one that does not fit changes nothing and is noted."""
        self._take(decision)

    @workflow.update
    def decide(self, decision: HumanDecision) -> CaseAnswer:
        """Do as the signal does, and tell the sender whether it counted."""
        return self._take(decision)

    @decide.validator
    def check_decide(self, decision: HumanDecision) -> None:
        """Turn away what does not count once enough of it is noted, as the gate does."""
        objection = self._object(decision)
        if objection is not None and len(self._status.notices) >= NOTICES_KEPT:
            raise ApplicationError(objection, CaseAnswer(accepted=False, message=objection))

    def _take(self, decision: HumanDecision) -> CaseAnswer:
        objection = self._object(decision)
        if objection is None:
            self._decision = decision
            return CaseAnswer(accepted=True, message=f"{decision.verdict} by {decision.by} recorded")
        self._status.notices.append(f"{decision.verdict} by {decision.by or 'nobody'} had no effect: {objection}"[:300])
        del self._status.notices[:-NOTICES_KEPT]
        return CaseAnswer(accepted=False, message=objection)

    def _object(self, decision: HumanDecision) -> str | None:
        if self._status.state is not CaseState.WAITING_HUMAN:
            return f"the case does not wait for a person, it is {self._status.state}"
        if self._decision is not None:
            return f"{self._decision.by} was first with {self._decision.verdict}"
        if decision.lane not in (0, self._status.lane):
            return f"it answers wait {decision.lane}, the case is at wait {self._status.lane}"
        if not decision.by.strip():
            return "it does not say who decided"
        if decision.verdict is Lane.ROUTE and decision.category is None:
            return "a route needs a category"
        if decision.verdict is Lane.ANSWER and not decision.text.strip():
            return "an answer needs a text"
        return None

    # --- endings --------------------------------------------------------------------------------------------

    async def _close(self, state: CaseState, draft: Draft | None, dead_letter_id: str | None = None) -> CaseOutcome:
        outcome = CaseOutcome(
            case_id=self._case.case_id,
            source=self._case.source,
            tenant=self._case.tenant,
            state=state,
            category=self._status.category,
            finding=self._status.finding,
            human=self._met_human,
            effects=self._status.effects,
            usage=self._status.usage,
            blueprint_version=self._case.policy.version,
            dead_letter_id=dead_letter_id,
            replay=self._case.replay,
            received_at=self._case.received_at,
            closed_at=workflow.now(),
        )
        await self._act(
            CloseActivities.close_case,
            CloseRequest(outcome=outcome, draft=draft),
            summary="queue the reply and record the ending" if draft else "record the ending",
        )
        self._stand(state, "")
        await workflow.wait_condition(workflow.all_handlers_finished)
        return outcome

    async def _give_up(self, failed: FailedStep) -> None:
        self._spend(failed.usage)
        self._tell(finding=f"gave up at {failed.step}: {failed.kind}")
        if Category.BILLING in self._runs:
            # The last try may have been paid. What was not stays open: the replay takes it up under the same key.
            await self._settle("the case was given up", take_back=False, budget=options.LAST_LOOK)
            if self._status.effects:
                self._tell(finding=f"{self._status.finding}; it was paid all the same")

    async def _dead_lettered(self, failed: FailedStep) -> CaseOutcome:
        info = workflow.info()
        letter = DeadLetter(
            dead_letter_id=letter_id(self._case.case_id, self._case.replay),
            case_id=self._case.case_id,
            source=self._case.source,
            step=failed.step,
            kind=failed.kind,
            attempts=failed.attempts,
            last_error=failed.message,
            payload_ref=f"store:cases/{self._case.case_id}",
            blueprint_version=self._case.policy.version,
            cost_micros=self._status.usage.cost_micros,
            trace_id=info.run_id,
            at=workflow.now(),
        )
        await self._act(BuryActivities.bury, letter, summary=f"dead letter: {failed.kind} at {failed.step}")
        outcome = await self._close(CaseState.DEAD_LETTERED, None, letter.dead_letter_id)
        if workflow.cancellation_reason() is not None:
            await self._forbid()  # it came too late for this run, not for a replay
        return outcome

    async def _cancelled(self) -> CaseOutcome:
        """Record the cancellation; from here on the ledger lets nothing happen for this case.

        A payment whose answer was lost may have been made all the same: the provider is asked before the case closes.
        """
        self._tell(finding="cancelled")
        await self._forbid()
        await self._settle("the case was cancelled")
        return await self._close(CaseState.CANCELLED, None)

    async def _forbid(self) -> None:
        await self._act(
            CloseActivities.forbid_effects,
            ForbidRequest(case_id=self._case.case_id, why="the case was cancelled"),
            summary="forbid further effects",
        )

    async def _settle(self, why: str, *, take_back: bool = True, budget: timedelta | None = None) -> None:
        try:
            settled = await settle_payments(
                self._case.case_id, why, retry=options.NEVER_GIVE_UP, take_back=take_back, budget=budget
            )
        except ActivityError as error:
            self._status.notices.append(f"payments in doubt stay so: {error.cause or error}"[:300])
        else:
            self._keep(settled.effects)

    def _keep(self, effects: list[EffectRecord]) -> None:
        known = {effect.key for effect in self._status.effects}
        self._status.effects.extend(effect for effect in effects if effect.key not in known)

    async def _act(self, activity: Callable[..., object], request: BaseModel, *, summary: str) -> None:
        """Run an action that must not be given up: it is retried until the store is back."""
        await workflow.execute_activity(
            activity,
            request,
            task_queue=options.ACTIONS_QUEUE,
            start_to_close_timeout=options.STORE_TIMEOUT,
            retry_policy=options.NEVER_GIVE_UP,
            summary=summary[:200],
        )

    # --- what people see ------------------------------------------------------------------------------------

    @workflow.signal
    def note_progress(self, note: ProgressNote) -> None:
        """Take note of what the specialist waits for."""
        self._status.finding = note.finding or self._status.finding
        self._status.usage = self._spent.plus(note.usage)
        self._stand(note.state, note.waits_for, until=note.waits_until, amount_minor=note.amount_minor)

    @workflow.query
    def status(self) -> CaseStatus:
        """Return where the case stands."""
        return self._status

    @workflow.query
    def message(self) -> CaseMessage:
        """Return what the case is about, for the person who must answer."""
        case = self._case
        return CaseMessage(subject=case.subject, lang=case.lang, flags=case.flags, text=case.text)

    def _spend(self, usage: Usage) -> None:
        """Count what a step used; of a specialist it takes the place of what its notes said."""
        self._spent = self._spent.plus(usage)
        self._status.usage = self._spent

    def _tell(self, *, finding: str) -> None:
        self._status.finding = finding

    def _stand(
        self, state: CaseState, waits_for: str, *, until: datetime | None = None, amount_minor: int | None = None
    ) -> None:
        """Set the state in the status, the search attributes and the current details alike."""
        self._status.state = state
        self._status.waits_for = waits_for
        self._status.waits_until = until
        updates: list[SearchAttributeUpdate[Any]] = [  # Any: keywords and numbers side by side
            options.CASE_STATE.value_set(state),
            options.CASE_COST_MICROS.value_set(self._status.usage.cost_micros),
        ]
        if self._status.category is not None:
            updates.append(options.CASE_CATEGORY.value_set(self._status.category))
        amount = amount_minor if amount_minor is not None else money_of(self._status.effects)
        if amount is not None:
            updates.append(options.CASE_AMOUNT_MINOR.value_set(amount))
        elif state in TERMINAL_STATES:
            updates.append(options.CASE_AMOUNT_MINOR.value_unset())  # what was only proposed moved nothing
        workflow.upsert_search_attributes(updates)
        workflow.set_current_details(case_details(self._status, self._case.subject))
