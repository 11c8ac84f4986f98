"""A case from admission to its ending: route, the specialist, a person where needed, the closing."""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from activities.actions.talk import UnreadResult
    from activities.models.route import RouteActivities, RouteRequest
    from domain.case import (
        CaseAnswer,
        CaseInput,
        CaseMessage,
        CaseOutcome,
        CaseState,
        CaseStatus,
        Ending,
        HumanDecision,
        Lane,
        ProgressNote,
        SpecialistRequest,
        SpecialistResult,
    )
    from domain.case_details import case_details, ended_early, money_of, unanswered
    from domain.conversations.message import message_of
    from domain.conversations.words import CustomerWord, WordTaken, says_little, span
    from domain.deadletter import FailedStep
    from domain.letters import DetailsAsked, FieldsAsked, PersonAnswer
    from domain.model_call import Usage
    from domain.model_steps import ModelStep
    from domain.routing import Category
    from domain.specialists import SPECIALISTS
    from workflows import options
    from workflows.completing import category_of_document, complete
    from workflows.conversation import WROTE_AGAIN, Conversation, Next
    from workflows.endings import Conclusion, Endings, ending_on_record, tell_of_bounce
    from workflows.failures import failed_step
    from workflows.human_lane import WaitForPerson
    from workflows.inside import work_inside
    from workflows.steps import run_step, settle_payments, shielded, stop_if_cancelled


@workflow.defn
class CaseWorkflow:
    """One case. Its id is the case id; it ends as done, rejected, dead-lettered or cancelled."""

    @workflow.init
    def __init__(self, case: CaseInput) -> None:
        self._status = CaseStatus(case_id=case.case_id, state=CaseState.RUNNING, blueprint_version=case.policy.version)
        self._status.notices.extend(case.notes[: options.NOTES_SHOWN])
        self.notices = self._status.notices  # of messages that do not fit, too
        self._talk = Conversation(case, self._status)
        self._lane = WaitForPerson(case, self._status, self._talk.end)
        self._endings = Endings(case, self._status)
        self._searchable = CaseState.RUNNING  # as whoever started it set the search attribute
        self._spent = Usage()  # by steps that have ended
        self._runs: dict[str, int] = {}  # of each specialist
        self._handed_over = False

    @workflow.run
    async def run(self, case: CaseInput) -> CaseOutcome:
        """Work the case and close it, whatever happens on the way."""
        try:
            await self._settle_earlier_run()
            conclusion = await (self._unanswered() if case.machine else self._worked())
        except (FailureError, ValidationError) as error:  # the latter from a specialist, as a child would fail
            if not is_cancelled_exception(error):
                return await self._give_up(failed_step(error, step="case"))
        except asyncio.CancelledError:
            pass
        else:
            self._talk.end()  # no message came since the ending was chosen: nothing was waited for
            return await shielded(self._close(conclusion))
        return await self._cancelled()

    @property
    def _case(self) -> CaseInput:
        """The case with all that the customer wrote so far."""
        return self._talk.case

    # --- the way of a case ----------------------------------------------------------------------------------

    async def _settle_earlier_run(self) -> None:
        """Close the books of a run that was given up, so that this one decides on what is true."""
        if not self._case.replay:
            return
        settled = await settle_payments(
            options.SETTLEMENT, self._case.case_id, "the case was replayed", ladder_s=self._case.policy.ladder_s
        )
        self._endings.keep(settled.effects)

    async def _worked(self) -> Conclusion:
        following = await self._passed_on() or await complete(self._talk, self._status, self._spend, self._ask)
        if isinstance(following, Conclusion):
            return following
        known = category_of_document(self._case)
        return await self._conclude(
            None if following is Next.PERSON else await self._put_to(known or await self._route())
        )

    async def _put_to(self, category: Category | None) -> Category | None:
        if category is None or not SPECIALISTS[category.specialist].pays:  # Billing sees for itself
            await self._talk.put_to(self._case.open_about)
        return category

    async def _unanswered(self) -> Conclusion:
        """Close what a machine wrote: no model reads it, nothing is done on it, and nobody is answered."""
        self._status.finding = unanswered(self._case)
        if self._case.about_case is not None:
            self._status.notices.extend(await tell_of_bounce(self._case.case_id, self._case.about_case))
        return Conclusion(CaseState.DONE)

    async def _passed_on(self) -> Conclusion | None:
        """Give a message that continues another case to that one; None if it has to be a case of its own."""
        taken_by = await self._talk.pass_on(self._case.continues) if self._case.continues else None
        if taken_by is None:
            return None
        self._status.finding = f"passed on to {taken_by}"
        return Conclusion(CaseState.DONE, passed_to=taken_by)

    async def _route(self) -> Category | None:
        if self._case.skip_to_human:
            self._status.finding = self._case.skip_to_human
            return None
        if self._case.continues is not None and says_little(self._case):
            self._status.finding = "it says too little by itself"
            return None
        answer = await run_step(
            "route",
            options.MODEL_SMALL,
            RouteActivities.route_case,
            RouteRequest(case=self._case),
            ladder_s=self._case.policy.ladder_s,
            summary="ask the router for one category",
            tier=self._case.policy.tiers.get(ModelStep.ROUTE),
        )
        self._spend(answer.usage)
        if answer.answered_by is not None and answer.answered_by.remark:
            self._status.notices.append(answer.answered_by.remark)
        named = answer.route.category
        category = self._case.policy.category(named) if named is not None else None
        if category is None:
            why = str(answer.route.unroutable or "no category").replace("_", " ")
            self._status.finding = f"the router gave no category: {why}"
        return category

    async def _conclude(self, category: Category | None) -> Conclusion:
        """Let specialists and people work until one of them has the last word."""
        while True:
            if self._talk.unreadable:
                self._status.finding = f"the customer wrote again, but {self._talk.unreadable}"
            elif category is not None:
                following = await self._follow(await self._specialist(category))
                if isinstance(following, Conclusion):
                    return following
                if following is Next.AGAIN:
                    continue
            if ended := await ending_on_record(self._case):
                return Conclusion(ended.state)
            decision = await self._person(self._status.finding)
            if decision.verdict is not Lane.ROUTE:
                said = f": {decision.reason}" if decision.reason else ""
                self._status.finding = f"{decision.verdict} by {decision.by}{said}"
                if decision.verdict is Lane.ANSWER:
                    return Conclusion(CaseState.DONE, PersonAnswer(text=decision.text))
                return Conclusion(CaseState.REJECTED)
            category = self._case.policy.category(decision.category or "")
            self._status.finding = f"{decision.by} routed it to {category.name if category else decision.category}"

    async def _follow(self, result: SpecialistResult) -> Conclusion | Next:
        """Return what follows from a specialist's result: the end, a round with what was said since, a person."""
        if result.same_as is not None:
            return await self._hand_over(result, [result.same_as, *result.also])
        if result.ending is Ending.HUMAN:
            return Next.PERSON
        if isinstance(result.letter, DetailsAsked) and self._case.policy.waits_for_customers:
            return await self._ask(result.letter)
        if self._talk.unread:
            if money_of(result.effects) is not None and result.letter is not None:
                await self._talk.send(result.letter, "tell the customer what was done")
            self._status.finding = f"{result.finding}; {WROTE_AGAIN}"
            return Next.PERSON
        state = CaseState.DONE if result.ending is Ending.ANSWER else CaseState.REJECTED
        return Conclusion(state, result.letter, result.noted_on)

    async def _ask(self, letter: DetailsAsked | FieldsAsked) -> Conclusion | Next:
        """Ask the customer and wait for the answer."""
        if self._talk.unread:  # it may hold what would be asked for
            return Next.AGAIN
        if not self._talk.may_ask(letter):
            self._status.finding += "; it was asked before, without an answer that helps"
            return Next.PERSON
        asked = await self._talk.ask(letter)
        if asked.ended is not None:
            return Conclusion(asked.ended.state)
        if asked.unsent:  # nobody got it, so nobody will answer
            self._status.finding += f"; {asked.unsent}"
            return Next.PERSON
        rules = self._case.policy.conversation
        wait_s = rules.wait_s if rules is not None else 0.0
        self._show(
            CaseState.WAITING_CUSTOMER, "the customer's answer", until=workflow.now() + timedelta(seconds=wait_s)
        )
        if await self._talk.wait(wait_s):
            return Next.AGAIN
        self._status.finding = f"asked, no answer within {span(wait_s)}"
        return Conclusion(CaseState.DONE)

    async def _hand_over(self, result: SpecialistResult, others: list[str]) -> Conclusion | Next:
        """Put the message to cases that wait about the same thing; if they just ended, work this one."""
        if self._handed_over:  # it was open again and again, and took nothing
            return Next.PERSON
        self._handed_over = True
        taken = await self._talk.put_to(others, repeats=not result.is_new)
        if not taken:
            return Next.AGAIN
        if result.ending is not Ending.HUMAN and not self._talk.unread:
            self._talk.passing_to = taken[0]
            return Conclusion(CaseState.DONE, result.letter, passed_to=taken[0])
        self._status.finding += f"; {WROTE_AGAIN}" if self._talk.unread else ""
        return Next.PERSON

    async def _specialist(self, category: Category) -> SpecialistResult:
        specialist = SPECIALISTS[category.specialist]
        run = self._runs[specialist.name] = self._runs.get(specialist.name, 0) + 1
        self._status.category = category.name
        await self._talk.keep()
        self._talk.read()
        self._show(CaseState.RUNNING, f"the {category.name} specialist")
        request = SpecialistRequest(case=self._case, category=category.name, round=sum(self._runs.values()))
        if category.apart:
            result: SpecialistResult = await workflow.execute_child_workflow(
                specialist.workflow_type,
                request,
                id=f"{self._case.case_id}/{specialist.step}" + (f"-{run}" if run > 1 else ""),
                result_type=SpecialistResult,
                parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
                static_summary=f"{category.name} for {self._case.case_id}"[:200],
            )
        else:
            result = await work_inside(specialist, request)
        self._spend(result.usage)
        self._endings.keep(result.effects)
        self._status.notices.extend(result.notes)
        self._status.finding = result.finding
        stop_if_cancelled()
        return result

    async def _person(self, finding: str) -> HumanDecision:
        await self._talk.keep()
        if self._case.continues is not None:
            finding = f"{finding}; it continues {self._case.continues}"
        since = workflow.now()
        deadline = since + timedelta(seconds=self._case.policy.human.deadline_s)
        self._lane.enter()
        self._show(CaseState.WAITING_HUMAN, f"a person: {finding}", until=deadline)
        decision = await self._lane.wait(finding, since=since, deadline=deadline)
        self._status.state = CaseState.RUNNING  # a second word is told that it waits for nobody any more
        self._status.waits_for, self._status.waits_until = "", None
        self._talk.read(by_person=True)
        return decision

    # --- endings --------------------------------------------------------------------------------------------

    async def _close(self, conclusion: Conclusion, dead_letter_id: str | None = None) -> CaseOutcome:
        outcome = await self._endings.close(
            conclusion.state,
            conclusion.letter,
            met_human=self._status.lane > 0,
            routed_to=self._lane.routed_to,
            dead_letter_id=dead_letter_id,
            passed_to=conclusion.passed_to,
            answers_to=self._talk.newest,
        )
        self._status.category, self._status.finding = outcome.category, outcome.finding
        self._status.usage, self._status.effects = outcome.usage, outcome.effects
        self._show(outcome.state, "")
        await workflow.wait_condition(workflow.all_handlers_finished)
        return outcome

    async def _give_up(self, failed: FailedStep) -> CaseOutcome:
        """End as a dead letter; one that is cancelled meanwhile ends as cancelled."""
        self._talk.end()
        await shielded(self._talk.keep())
        if ended := await shielded(ending_on_record(self._case)):
            return await shielded(self._close(Conclusion(ended.state)))
        await shielded(self._last_look(failed))
        if workflow.cancellation_reason() is not None:
            return await self._cancelled()
        return await shielded(self._dead_lettered(failed))

    async def _last_look(self, failed: FailedStep) -> None:
        self._spend(failed.usage)
        self._status.finding = f"gave up at {failed.step}: {failed.kind}"
        if any(SPECIALISTS[name].pays for name in self._runs):
            # The last try may have been paid. What was not stays open: the replay takes it up under the same key.
            await self._endings.settle(options.LAST_SETTLEMENT, "the case was given up", take_back=False)
            if self._status.effects:
                self._status.finding += "; it was paid all the same"

    async def _dead_lettered(self, failed: FailedStep) -> CaseOutcome:
        dead_letter_id = await self._endings.bury(failed)
        outcome = await self._close(Conclusion(CaseState.DEAD_LETTERED), dead_letter_id)
        if workflow.cancellation_reason() is not None:
            await self._endings.forbid_effects()  # it came too late for this run, not for a replay
        return outcome

    async def _cancelled(self) -> CaseOutcome:
        """Record the cancellation; from here on the ledger lets nothing happen for this case.

        A payment whose answer was lost may have been made all the same: the provider is asked before the case closes.
        """
        self._talk.end()

        async def record() -> CaseOutcome:
            await self._endings.forbid_effects()
            await self._endings.settle(options.FINAL_SETTLEMENT, "the case was cancelled")
            self._status.finding = ended_early(workflow.cancellation_reason() or "", self._status.effects)
            return await self._close(Conclusion(CaseState.CANCELLED))

        outcome = await shielded(record())
        if workflow.cancellation_reason() is None or outcome.state is not CaseState.CANCELLED:
            return outcome  # only its specialist was cancelled, in Temporal's own tools; or it had ended before
        raise asyncio.CancelledError

    # --- what people say and see ----------------------------------------------------------------------------

    @workflow.signal
    def decide_human(self, decision: HumanDecision) -> None:
        """Record a person's word; one that does not fit changes nothing and is noted."""
        self._lane.decisions.take(decision)

    @workflow.update
    def decide(self, decision: HumanDecision) -> CaseAnswer:
        """Do as the signal does, and tell the sender whether it counted."""
        return self._lane.decisions.take(decision)

    @decide.validator
    def check_decide(self, decision: HumanDecision) -> None:
        """Turn away what does not count once enough of it is noted."""
        self._lane.decisions.check(decision)

    @workflow.update
    def customer_wrote(self, word: CustomerWord) -> WordTaken:
        """Take a further message of the customer."""
        return self._talk.take(word)

    @customer_wrote.validator
    def check_customer_wrote(self, word: CustomerWord) -> None:
        """Turn away what is not taken any more; it becomes a case of its own."""
        self._talk.check(word)

    @workflow.query
    def unread_words(self) -> UnreadResult:
        """Return how many messages of the customer nobody has looked at."""
        return self._talk.unread_words()

    @workflow.signal
    def note_progress(self, note: ProgressNote) -> None:
        """Take note of what the specialist waits for."""
        self._status.finding = note.finding or self._status.finding
        self._status.usage = self._spent.plus(note.usage) if note.usage.calls else self._status.usage
        self._show(note.state, note.waits_for, until=note.waits_until, amount=note.amount_minor, reason=note.reason)

    @workflow.query
    def status(self) -> CaseStatus:
        """Return where the case stands."""
        return self._status

    @workflow.query
    def message(self) -> CaseMessage:
        """Return what the case is about, for the person who must answer."""
        return message_of(self._case, unread=self._talk.unread)

    def _spend(self, usage: Usage) -> None:
        """Count what a step used; of a specialist it takes the place of what its notes said."""
        self._spent = self._spent.plus(usage)
        self._status.usage = self._spent

    def _show(
        self,
        state: CaseState,
        waits_for: str,
        *,
        until: datetime | None = None,
        amount: int | None = None,
        reason: str = "",
    ) -> None:
        """Set the state in the status, the search attributes and the current details alike."""
        self._status.state = state
        self._status.waits_for = waits_for
        self._status.waits_until = until
        if state is not self._searchable:  # each change is one event and one write more; nobody searches between them
            before, self._searchable = self._searchable, state
            workflow.upsert_search_attributes(options.searchable(self._status, before, amount, reason))
        workflow.set_current_details(case_details(self._status, self._case.subject))
