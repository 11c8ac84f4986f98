"""The human lane: a case waits until a person routes, answers or closes it."""

from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.actions.alert import AlertRequest
    from domain.briefs.request import request_lines, short_request
    from domain.case import CaseAnswer, CaseInput, CaseState, CaseStatus, HumanDecision, Lane
    from domain.deadletter import FailedStep
    from domain.errors import FailureKind
    from domain.words_to_people import REQUEST_CHARS, WordKind
    from workflows.failures import step_error
    from workflows.steps import tell_people
    from workflows.waiting import Decisions, wait_for_person


class WaitForPerson:
    """The waits of one case for people, one after another; `status` says at which it is."""

    def __init__(self, case: CaseInput, status: CaseStatus, on_last_word: Callable[[], None]) -> None:
        self._case = case
        self._status = status
        self._on_last_word = on_last_word  # called in the moment in which a person ends the case
        self._decision: HumanDecision | None = None
        self.routed_to: str | None = None  # the category that a person gave it last
        self.decisions = Decisions[HumanDecision, CaseAnswer](
            refuse=self._refusal, accept=self._accept, describe=_described, notices=status.notices
        )

    def enter(self) -> None:
        """Begin a wait: an answer given to an earlier one answers nothing here."""
        self._decision = None
        self._status.lane += 1

    async def wait(self, finding: str, *, since: datetime, deadline: datetime) -> HumanDecision:
        """Wait for a person's word.

        Raises:
            FailureError: nobody answered before the deadline; the case becomes a dead letter.
        """
        rules = self._case.policy.human
        sent = 0

        async def tell(word: WordKind) -> None:
            nonlocal sent
            await self._tell(word, finding, deadline, number=sent)
            sent += 1

        await tell(WordKind.ARRIVAL)
        in_time = await wait_for_person(
            lambda: self._decision is not None,
            since=since,
            deadline=deadline,
            remind_every=timedelta(seconds=rules.remind_every_s),
            escalate_at=since + timedelta(seconds=rules.escalate_after_s),
            tell=tell,
            summary="human lane",
        )
        decision, self._decision = self._decision, None
        if not in_time or decision is None:
            raise self._unanswered(finding)
        return decision

    async def _tell(self, word: WordKind, finding: str, deadline: datetime, *, number: int) -> None:
        request = AlertRequest(
            alert_id=f"{self._case.case_id}/lane/{self._case.replay}.{self._status.lane}/{number}",
            kind=word,
            case_id=self._case.case_id,
            subject=f"{word}: {self._case.case_id} waits for a person",
            text=f"{finding}; becomes a dead letter at {deadline:%Y-%m-%d %H:%M} UTC" + self._words(word),
        )
        if trouble := await tell_people(request, f"tell people: {word}"):
            self._status.notices.append(trouble)

    def _words(self, word: WordKind) -> str:
        """Return what the customer wrote, for the first word on a wait."""
        lines = request_lines(f"{self._case.subject}\n\n{self._case.text}") if word is WordKind.ARRIVAL else []
        quote = short_request(lines, REQUEST_CHARS)
        return f"; the customer: {quote}" if quote else ""

    def _unanswered(self, finding: str) -> FailureError:
        message = f"no person answered within {self._case.policy.human.deadline_s:g} s: {finding}"
        failed = FailedStep(step="human lane", kind=FailureKind.UNANSWERED, message=message[:500])
        return step_error(message, failed)

    def _accept(self, decision: HumanDecision) -> CaseAnswer:
        self._decision = decision
        if decision.verdict is not Lane.ROUTE:
            self._on_last_word()
        elif category := self._case.policy.category(decision.category or ""):
            self.routed_to = category.name
        return CaseAnswer(accepted=True, message=f"{decision.verdict} by {decision.by} recorded")

    def _refusal(self, decision: HumanDecision) -> CaseAnswer | None:
        objection = self._objection_to(decision)
        return None if objection is None else CaseAnswer(accepted=False, message=objection)

    def _objection_to(self, decision: HumanDecision) -> str | None:
        if self._status.state is not CaseState.WAITING_HUMAN:
            return f"the case does not wait for a person, it is {self._status.state}"
        if self._decision is not None:
            return f"{self._decision.by} was first with {self._decision.verdict}"
        if decision.lane not in (0, self._status.lane):
            return f"it answers wait {decision.lane}, the case is at wait {self._status.lane}"
        if not decision.by.strip():
            return "it does not say who decided"
        if decision.verdict is Lane.ROUTE:
            if decision.category is None:
                return "a route needs a category"
            if self._case.policy.category(decision.category) is None:
                known = ", ".join(category.name for category in self._case.policy.categories)
                return f"category {decision.category[:60]!r}: expected one of {known}"
        if decision.verdict is Lane.ANSWER and not decision.text.strip():
            return "an answer needs a text"
        return None


def _described(decision: HumanDecision) -> str:
    return f"{decision.verdict} by {decision.by or 'nobody'}"
