"""How a case ends: closed, buried as a dead letter, or cancelled, each on record whatever it takes."""

from dataclasses import dataclass

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from activities.actions.alert import AlertRequest
    from activities.actions.bury import BuryActivities
    from activities.actions.close import CloseActivities, CloseRequest, EndingRequest, ForbidRequest
    from domain.case import CaseInput, CaseOutcome, CaseState, CaseStatus, EffectRecord
    from domain.deadletter import DeadLetter, FailedStep, letter_id
    from domain.letters import Letter
    from domain.words_to_people import WordKind
    from workflows import options
    from workflows.options import StepKind
    from workflows.steps import run_once, settle_payments, tell_people


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What the work on a case came to."""

    state: CaseState
    letter: Letter | None = None
    passed_to: str | None = None  # the older case that took the message over


class Endings:
    """The endings of one case; `status` holds what it came to."""

    def __init__(self, case: CaseInput, status: CaseStatus) -> None:
        self._case = case
        self._status = status

    async def close(
        self,
        state: CaseState,
        letter: Letter | None,
        *,
        met_human: bool,
        routed_to: str | None = None,
        dead_letter_id: str | None = None,
        passed_to: str | None = None,
        answers_to: str | None = None,
    ) -> CaseOutcome:
        """Record the ending, queue the letter, hand the outcome over to the journal.

        `answers_to` is the case under which the customer's newest message came, where it is another one.
        """
        case, status = self._case, self._status
        outcome = CaseOutcome(
            case_id=case.case_id,
            source=case.source,
            tenant=case.tenant,
            state=state,
            category=status.category,
            finding=status.finding,
            human=met_human,
            routed_to=routed_to,
            effects=status.effects,
            usage=status.usage,
            blueprint_version=case.policy.version,
            dead_letter_id=dead_letter_id,
            replay=case.replay,
            received_at=case.received_at,
            closed_at=workflow.now(),
            passed_to=passed_to,
        )
        asked = CloseRequest(
            outcome=outcome, letter=letter, lang=case.lang, subject=case.subject, answers_to=answers_to
        )
        try:
            closed = await run_once(
                options.ENDING,
                CloseActivities.close_case,
                asked,
                summary="queue the reply and record the ending" if letter else "record the ending",
            )
        except ValidationError:  # the answer of another version: that it answered says that the ending is on record
            return outcome
        return closed.stands or outcome

    async def bury(self, failed: FailedStep) -> str:
        """Keep the case as a dead letter, with all that is needed to understand and replay it; return its id."""
        case = self._case
        letter = DeadLetter(
            dead_letter_id=letter_id(case.case_id, case.replay),
            case_id=case.case_id,
            source=case.source,
            step=failed.step,
            kind=failed.kind,
            attempts=failed.attempts,
            last_error=failed.message,
            payload_ref=f"store:cases/{case.case_id}",
            blueprint_version=case.policy.version,
            cost_micros=self._status.usage.cost_micros,
            trace_id=workflow.info().run_id,
            at=workflow.now(),
        )
        summary = f"dead letter: {failed.kind} at {failed.step}"
        await run_once(options.RECORD, BuryActivities.bury, letter, summary=summary)
        return letter.dead_letter_id

    async def forbid_effects(self) -> None:
        """Let the ledger refuse every further effect of the case."""
        await run_once(
            options.RECORD,
            CloseActivities.forbid_effects,
            ForbidRequest(case_id=self._case.case_id, why="the case was cancelled"),
            summary="forbid further effects",
        )

    async def settle(self, kind: StepKind, why: str, *, take_back: bool = True) -> None:
        """Ask the provider about payments whose answer was lost; where it cannot be asked, say so in the notices."""
        try:
            settled = await settle_payments(kind, self._case.case_id, why, take_back=take_back)
        except (ActivityError, ValidationError) as error:
            self._status.notices.append(f"payments in doubt stay so: {error.__cause__ or error}"[:300])
        else:
            self.keep(settled.effects)

    def keep(self, effects: list[EffectRecord]) -> None:
        """Add effects to the status, each once."""
        known = {effect.key for effect in self._status.effects}
        self._status.effects.extend(effect for effect in effects if effect.key not in known)


async def tell_of_bounce(case_id: str, about_case: str) -> list[str]:
    """Tell people that a letter of an earlier case did not arrive; return what they could not be told."""
    request = AlertRequest(
        alert_id=f"{about_case}/bounce",  # once: a report may come again, or be forged
        kind=WordKind.LETTER,
        case_id=about_case,
        subject=f"a letter of {about_case} did not arrive",
        text=f"A mail server says so in {case_id}. Nobody was told anything else: reach the customer another way.",
    )
    trouble = await tell_people(request, f"tell people: a letter of {about_case} did not arrive")
    return [trouble] if trouble else []


async def ending_on_record(case: CaseInput) -> CaseOutcome | None:
    """Return the ending that this run of a case has on record already, None if it has none.

    It has one where a worker died right after it: what was decided then stands, whatever was decided now.
    """
    request = EndingRequest(case_id=case.case_id, replay=case.replay)
    summary = "look whether it has ended already"
    try:
        found = await run_once(options.ENDING, CloseActivities.find_ending, request, summary=summary)
    except ValidationError:  # the answer of another version: if there is an ending, it stands when this one closes
        return None
    return found.outcome
