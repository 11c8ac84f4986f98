"""The conversation of one case: further messages of its customer, the questions to them, and the wait for an answer."""

from collections.abc import Sequence
from datetime import timedelta
from enum import Enum

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.actions.talk import (
        AskRequest,
        AskResult,
        KeepRequest,
        PassOnRequest,
        TalkActivities,
        UnreadResult,
    )
    from domain.case import CaseInput, CaseState, CaseStatus
    from domain.conversations import before_people
    from domain.conversations.words import MAX_WORDS, CustomerWord, Questions, WordTaken, says_it_again, with_word
    from domain.letters import DetailsAsked, FieldsAsked, Letter
    from workflows import options
    from workflows.steps import run_once, run_step

WROTE_AGAIN = f"{before_people.WROTE_AGAIN} while it was worked"
_PEOPLE_WAIT = (CaseState.WAITING_HUMAN, CaseState.WAITING_APPROVAL)


class Next(Enum):
    """What follows where a specialist did not have the last word."""

    AGAIN = "the same category works it again"
    PERSON = "a person decides"


class Conversation:
    """What the customer of a case says after the first message.

    Messages are taken at any time until `end`, the one place from which on nothing is taken: what comes later is a case
    of its own. What was taken and not read yet keeps a case from paying and from ending by itself.

    Attributes:
        case: the case with all messages taken so far.
        unread: how many of them nobody has looked at.
        unreadable: why one of those that were taken can be read by people only; empty if there is none.
        passing_to: the case that the own message is passed on to, from then on; further ones go the same way.
    """

    def __init__(self, case: CaseInput, status: CaseStatus) -> None:
        self.case = case
        self.unread = 0
        self.unreadable = ""
        self.passing_to = case.continues
        self._status = status
        self._ended = False
        self._kept = len(case.answered_by)  # so many of the messages the store has in the case's input
        self._asked = Questions()
        self._letters = 0

    # --- what the customer says -----------------------------------------------------------------------------

    def take(self, word: CustomerWord) -> WordTaken:
        """Take a message, each once: the handler of the update."""
        if word.from_case not in self.case.answered_by:
            # Whoever is asked again and gives the same answer has answered.
            again = self._status.state is not CaseState.WAITING_CUSTOMER and says_it_again(self.case, word)
            self.case = with_word(self.case, word)
            if not word.repeats and not again:
                self.unread += 1
            self.unreadable = self.unreadable or word.unreadable or ""
            said = "asked for the same again" if word.repeats else "said the same again" if again else "wrote again"
            self._status.notices.append(f"the customer {said}: {word.from_case}")
        waits = self._status.state in _PEOPLE_WAIT
        return WordTaken(taken=True, tell=f"{self._status.state}-{self._status.lane}" if waits else "")

    def check(self, word: CustomerWord) -> None:
        """Turn away what is not taken any more: the validator of the update.

        Raises:
            ApplicationError: with a `WordTaken` that says why.
        """
        if word.from_case in self.case.answered_by:
            return
        see, why = None, ""
        if self.passing_to is not None:
            see, why = self.passing_to, f"it is passed on to {self.passing_to}"
        elif not self.case.policy.waits_for_customers:
            why = "it began under rules without conversations"
        elif self._ended:
            why = "it has come to its end"
        elif len(self.case.answered_by) >= MAX_WORDS:
            why = f"it has {MAX_WORDS} messages already"
        if why:
            raise ApplicationError(why, WordTaken(taken=False, why=why, see=see), type="NotTaken", non_retryable=True)

    def read(self, *, by_person: bool = False) -> None:
        """Note that whoever works now has all messages before them."""
        self.unread = 0
        if by_person:
            self.unreadable = ""

    def end(self) -> None:
        """Take nothing from here on. It is called in the very step in which an ending is chosen."""
        self._ended = True

    def unread_words(self) -> UnreadResult:
        """Return how many messages nobody has looked at."""
        return UnreadResult(unread=self.unread)

    @property
    def newest(self) -> str | None:
        """The case under which the newest message came, None if it is the first one."""
        return self.case.answered_by[-1] if self.case.answered_by else None

    async def keep(self) -> None:
        """Keep the messages taken since the last time where a replay of the case finds them."""
        if self._kept < len(self.case.answered_by):
            await self._keep("keep what the customer wrote")

    async def become(self, case: CaseInput) -> None:
        """Go on with what the case has become by its document. The ledger goes by what the store has of it."""
        if case != self.case:
            self.case = case
            await self._keep("keep what the document says")

    async def _keep(self, summary: str) -> None:
        self._kept = len(self.case.answered_by)
        await run_once(options.RECORD, TalkActivities.keep_conversation, KeepRequest(case=self.case), summary=summary)

    # --- what is said to the customer -----------------------------------------------------------------------

    def may_ask(self, letter: Letter | None) -> bool:
        """Return whether a letter asks something that the case waits for, and that was not asked in vain already."""
        return isinstance(letter, DetailsAsked | FieldsAsked) and self._asked.may_ask(letter.missing)

    async def send(self, letter: Letter, summary: str) -> AskResult:
        """Queue a letter of the case, which goes on; return what became of it."""
        self._letters += 1
        return await run_once(
            options.RECORD,
            TalkActivities.ask_customer,
            AskRequest(
                case_id=self.case.case_id,
                replay=self.case.replay,
                number=self._letters,
                letter=letter,
                lang=self.case.lang,
                subject=self.case.subject,
                answers_to=self.newest,
            ),
            summary=summary,
        )

    async def ask(self, letter: DetailsAsked | FieldsAsked) -> AskResult:
        """Ask the customer; return what became of the letter."""
        self._asked.ask(letter.missing)
        self.case = self.case.model_copy(update={"asked_for": list(letter.missing)})
        return await self.send(letter, "ask the customer")

    async def wait(self, seconds: float) -> bool:
        """Wait for a message of the customer; return whether one came in time."""
        try:
            await workflow.wait_condition(
                lambda: self.unread > 0, timeout=timedelta(seconds=seconds), timeout_summary="waiting for the customer"
            )
        except TimeoutError:
            return self.unread > 0
        return True

    # --- passing on -----------------------------------------------------------------------------------------

    async def pass_on(self, to: str, *, repeats: bool = False) -> str | None:
        """Give the case's own message to another case; return the case that took it, None if none did.

        Raises:
            ApplicationError: of type `StepFailed`: nobody answers for that case.
        """
        self.passing_to = to
        passed = await run_step(
            "pass on",
            options.OTHER_CASE,
            TalkActivities.pass_on,
            PassOnRequest(case=self.case, to=to, repeats=repeats),
            ladder_s=self.case.policy.ladder_s,
            summary=f"pass the message on to {to}",
        )
        self.passing_to = passed.by if passed.taken else None
        if not passed.taken:
            self._status.notices.append(f"{to} did not take it: {passed.why}"[:300])
        return self.passing_to

    async def put_to(self, others: Sequence[str], *, repeats: bool = False) -> list[str]:
        """Give the own message to cases that wait about it, while this one goes on; return those that took it."""
        taken = [by for to in others if (by := await self.pass_on(to, repeats=repeats)) is not None]
        self.passing_to = None  # further messages to this case are its own
        self._status.notices.extend(f"put to {by}, which waits for approval" for by in taken)
        return taken
