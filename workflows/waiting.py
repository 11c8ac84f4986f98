"""Waiting for a person: reminders, an escalation, a deadline; and decisions, of which the first that counts stands."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain.words_to_people import WordKind

NOTICES_KEPT = 20  # a stuck script must not grow the history


async def wait_for_person(
    answered: Callable[[], bool],
    *,
    since: datetime,
    deadline: datetime,
    remind_every: timedelta,
    tell: Callable[[WordKind], Awaitable[None]],
    summary: str,
    escalate_at: datetime | None = None,
) -> bool:
    """Wait until somebody answered; return whether that came before the deadline.

    Reminders follow the calendar (`since` and every `remind_every` after it), so that delays in sending them do not
    add up. Where the escalation and a reminder are due together, only the escalation is sent.
    """
    remind_at = since + remind_every
    while not answered():
        now = workflow.now()
        if now >= deadline:
            return False
        due = min(at for at in (remind_at, escalate_at, deadline) if at is not None)
        try:
            await workflow.wait_condition(answered, timeout=due - now, timeout_summary=summary)
        except TimeoutError:
            now = workflow.now()
            if answered() or now >= deadline:
                continue
            if escalate_at is not None and now >= escalate_at:
                escalate_at = None
                await tell(WordKind.ESCALATION)
            elif now >= remind_at:
                await tell(WordKind.REMINDER)
            passed = (workflow.now() - since) // remind_every
            remind_at = since + remind_every * (passed + 1)
    return True


class _Answer(Protocol):
    """What whoever decided is told."""

    @property
    def message(self) -> str: ...


Decision = TypeVar("Decision")
Answer = TypeVar("Answer", bound=_Answer)


class Decisions(Generic[Decision, Answer]):
    """Takes decisions on one wait. Those that do not count change nothing and are noted; once enough are noted, further
    ones are turned away unrecorded: Temporal records 2,000 updates of a workflow, and the one that counts must be among
    them.

    Args:
        refuse: returns the answer to a decision that does not count, None if it does.
        accept: takes one that counts.
        describe: says for the notes who decided what.
        notices: where notes go; the newest are kept.
    """

    def __init__(
        self,
        *,
        refuse: Callable[[Decision], Answer | None],
        accept: Callable[[Decision], Answer],
        describe: Callable[[Decision], str],
        notices: list[str],
    ) -> None:
        self._refuse = refuse
        self._accept = accept
        self._describe = describe
        self._notices = notices

    def take(self, decision: Decision) -> Answer:
        """Take a decision: the handler of the signal and of the update."""
        refused = self._refuse(decision)
        return self._accept(decision) if refused is None else self.note(decision, refused)

    def note(self, decision: Decision, refused: Answer) -> Answer:
        """Note a decision that does not count, and return its answer."""
        self._notices.append(f"{self._describe(decision)} had no effect: {refused.message}"[:300])
        del self._notices[:-NOTICES_KEPT]
        return refused

    def check(self, decision: Decision) -> None:
        """Turn a decision away unrecorded, with its answer in the error's details: the validator of the update.

        Raises:
            ApplicationError: it does not count, and enough of those are noted.
        """
        refused = self._refuse(decision)
        if refused is not None and len(self._notices) >= NOTICES_KEPT:
            raise ApplicationError(refused.message, refused)
