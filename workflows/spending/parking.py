"""Parking: a step that no budget bears, or whose provider is out, waits, durably and with nothing half done, until
there is money, an answer, or a word.
"""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from domain.case import CaseState, ProgressNote
    from domain.case_details import plain
    from domain.errors import OverBudgetError, ProviderOutError
    from domain.spend.resuming import LOOK_AGAIN_S, Hold, ResumeWord, back_in_s, span_s

RESUME = "resume"
"""The signal by which a person lets parked work try again: to the case, and to whoever works for it apart."""
_PARKS = (OverBudgetError.__name__, ProviderOutError.__name__)
_COMMON_LEVEL = 3  # of Temporal's priorities (`domain/turns.py`)


def hold_of(error: BaseException) -> Hold | None:
    """Return why a step is to be parked; None where it failed otherwise. Pure."""
    cause = error.__cause__ if isinstance(error, ActivityError) else error
    if not isinstance(cause, ApplicationError) or cause.type not in _PARKS:
        return None
    try:
        return Hold.model_validate(cause.details[0]) if cause.details else Hold(why=cause.message)
    except ValidationError:
        return Hold(why=cause.message)


class Parking:
    """The waits of one step: through an outage the case stays parked from look to look, which writes less.

    Args:
        step: its name.
        answer: how long one try may take.
    """

    def __init__(self, step: str, answer: timedelta) -> None:
        self._step = step
        self._answer = answer
        self._out_since: datetime | None = None

    def bears(self, hold: Hold) -> bool:
        """Return whether the step may wait on."""
        if hold.wait_s is None or self._out_since is None:
            return True
        return workflow.now() - self._out_since < timedelta(seconds=hold.at_most_s)

    async def wait(self, hold: Hold) -> None:
        """Park; the step is to be tried again after it."""
        if hold.wait_s is None:
            await self.end()
        elif self._out_since is None:
            self._out_since = workflow.now()
        await park(self._step, hold)
        if hold.wait_s is None:
            await tell_case(ProgressNote(state=CaseState.RUNNING, waits_for=self._step))
            return
        until = workflow.now() + self._answer
        await tell_case(ProgressNote(state=CaseState.PARKED, waits_for=f"{self._step}: asked again", waits_until=until))

    async def end(self) -> None:
        """Let the case be seen as running, once its step was tried after an outage."""
        if self._out_since is not None:
            self._out_since = None
            await tell_case(ProgressNote(state=CaseState.RUNNING, waits_for=self._step))


async def park(step: str, hold: Hold) -> None:
    """Wait until the budget's next day, the next look at a provider that is out, a person's word, or a day where only
    a person can help; then try again.

    Whoever is urgent comes back first, and those of one kind never in the same second.

    Raises:
        asyncio.CancelledError: the workflow was cancelled.
    """
    words: list[ResumeWord] = []

    def resume(word: ResumeWord) -> None:
        words.append(word)

    level, chance = _level(), workflow.random().random()
    until = _until(hold, level, chance)
    # A word that came when nothing was parked is handed over now: it costs one try, which is refused as before.
    workflow.set_signal_handler(RESUME, resume)
    await tell_case(
        ProgressNote(
            state=CaseState.PARKED,
            waits_for=f"{step}: {hold.why}"[:500],
            waits_until=until,
            reason=hold.reason[:200],
        )
    )
    workflow.set_current_details(f"**Parked until {until:%Y-%m-%d %H:%M} UTC** — {plain(step)}: {plain(hold.why)}")
    left = max(until - workflow.now(), timedelta(0))
    try:
        await workflow.wait_condition(lambda: bool(words), timeout=left, timeout_summary=f"parked: {hold.why}"[:200])
    except TimeoutError:
        pass
    else:
        wait_s = back_in_s(level, chance, span_s(words[-1].cases))
        if wait_s > 0:
            await workflow.sleep(wait_s, summary=f"let go by {words[-1].by} among many"[:200])


async def tell_case(note: ProgressNote) -> None:
    """Tell the case where the work stands, wherever it is done: inside the case, or apart in a workflow of its own."""
    take = getattr(workflow.instance(), "note_progress", None)
    if take is not None:
        take(note)
        return
    parent = workflow.info().parent
    if parent is None:  # started on its own, by an agent that hires just this specialist
        return
    try:
        await workflow.get_external_workflow_handle(parent.workflow_id).signal("note_progress", note)
    except ApplicationError as error:
        if is_cancelled_exception(error):
            raise
        workflow.logger.warning("the case did not take the note: %s", error)


def _level() -> int:
    return workflow.info().priority.priority_key or _COMMON_LEVEL


def _until(hold: Hold, level: int, chance: float) -> datetime:
    if hold.wait_s is not None:
        return workflow.now() + timedelta(seconds=hold.wait_s + back_in_s(level, chance, hold.spread_s))
    if hold.until is None:
        return workflow.now() + timedelta(seconds=LOOK_AGAIN_S)
    opens = max(hold.until, workflow.now())
    return opens + timedelta(seconds=back_in_s(level, chance, hold.spread_s))
