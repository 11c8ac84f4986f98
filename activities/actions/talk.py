"""Conversations: ask the customer, give a further message to the case that it belongs to, keep what was said."""

import asyncio
from datetime import timedelta

from pydantic import BaseModel
from temporalio import activity
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.actions.mail import LetterDesk
from activities.clock import Clock, utc_now
from activities.letters import Letters
from domain.case import WORDLESS, CaseInput, CaseOutcome
from domain.conversations.words import EDITORS_AT_MOST, CustomerWord, WordTaken, renamed, shortened
from domain.errors import ToldToWaitError, TransientError
from domain.letters import Letter
from domain.words_to_people import WordKind, WordToPeople
from ports.people import WordStore
from ports.store import CaseStore, CustomerRecords

CUSTOMER_WROTE = "customer_wrote"
"""Name of the update by which a case is given a further message."""
UNREAD = "unread_words"
"""Name of the query for messages that a case has not read yet."""
ANSWER_WITHIN = timedelta(seconds=8)
BEGINS_WITHIN = timedelta(minutes=2)
HOPS = 3  # from a case that is being passed on itself to the one that takes both


class AskRequest(BaseModel):
    """A letter of a case that goes on; `number` counts those of this replay. `answers_to` is the case under which the
    customer's newest message came.
    """

    case_id: str
    replay: int = 0
    number: int
    letter: Letter
    lang: str = "und"
    subject: str = ""
    answers_to: str | None = None


class AskResult(BaseModel):
    """The ending on record, if the case had ended before: then nothing was sent; and why it was not sent otherwise."""

    ended: CaseOutcome | None = None
    unsent: str = ""


class PassOnRequest(BaseModel):
    """Which case's message is given to which other case; `repeats` says that there is nothing new in it."""

    case: CaseInput
    to: str
    repeats: bool = False


class PassOnResult(BaseModel):
    """Whether it was taken, by which case, and if not why not."""

    taken: bool
    by: str
    why: str = ""


class KeepRequest(BaseModel):
    """What a case has become by further messages."""

    case: CaseInput


class UnreadRequest(BaseModel):
    """Which case is asked for unread messages."""

    case_id: str


class UnreadResult(BaseModel):
    """How many messages of the customer the case has not read yet."""

    unread: int = 0


class TalkActivities:
    """Speaks with customers on behalf of cases that go on."""

    def __init__(
        self,
        cases: CaseStore,
        letters: Letters,
        records: CustomerRecords,
        words: WordStore,
        clock: Clock = utc_now,
    ) -> None:
        self._cases = cases
        self._desk = LetterDesk(cases, letters, records)
        self._words = words
        self._clock = clock

    @activity.defn
    def ask_customer(self, request: AskRequest) -> AskResult:
        """Queue a letter of a case that goes on, once; not if the case has ended.

        Raises:
            TransientError: the store cannot be reached.
            ConfigurationError: the letter's template cannot be filled in.
        """
        reply = self._desk.write(
            question_key(request.case_id, request.replay, request.number),
            request.case_id,
            request.letter,
            lang=request.lang,
            subject=request.subject,
            answers_to=request.answers_to,
        )
        queued = self._cases.queue_letter(reply, request.replay)
        return AskResult(ended=queued.ended, unsent=queued.unsent)

    @activity.defn
    def keep_conversation(self, request: KeepRequest) -> None:
        """Keep the messages that a case has taken, for a replay. Raises TransientError if the store is away."""
        self._cases.keep_input(request.case)

    @activity.defn
    async def unread_words(self, request: UnreadRequest) -> UnreadResult:
        """Ask a case whether its customer wrote what it has not read. Raises TransientError if nobody answers."""
        handle = activity.client().get_workflow_handle(request.case_id)
        try:
            unread: UnreadResult = await handle.query(UNREAD, result_type=UnreadResult, rpc_timeout=ANSWER_WITHIN)
        except RPCError as error:
            raise TransientError(f"{request.case_id!r} does not answer: {error}") from error
        return unread

    @activity.defn
    async def pass_on(self, request: PassOnRequest) -> PassOnResult:
        """Give a message to the case that it belongs to, once, and hear whether that one took it.

        Raises:
            TransientError: the store, Temporal or that case's worker is away.
            ToldToWaitError: that case is just being let in.
        """
        to = request.to
        answer = WordTaken(taken=False, why="there is no such case")
        for _ in range(HOPS):
            word = await asyncio.to_thread(self._word_for, to, request)
            if word is None:
                break
            offered = await _offered(activity.client().get_workflow_handle(to), word)
            if offered is None and await asyncio.to_thread(self._has_not_begun, to):
                raise ToldToWaitError(f"{to!r} is just being let in", 2.0)
            answer = offered or WordTaken(taken=False, why="it has ended")
            if answer.taken or answer.see is None:
                break
            to = answer.see
        if answer.taken and answer.tell:
            await asyncio.to_thread(self._tell_people, to, answer.tell)
        return PassOnResult(taken=answer.taken, by=to, why=answer.why)

    def _word_for(self, to: str, request: PassOnRequest) -> CustomerWord | None:
        """Return the message with its tokens called as in the other case, whose vault has them from now on."""
        case = request.case
        try:
            older = self._cases.load(to).case
            names = self._cases.merge_vault(to, self._cases.load(case.case_id).vault)
        except KeyError:
            return None
        subject, text = renamed(case.subject.strip(), names), renamed(case.text.strip(), names)
        if older.subject.strip().casefold() not in subject.casefold():  # "Re: …" in any language says nothing new
            text = f"{subject}\n\n{text}".strip()
        return CustomerWord(
            from_case=case.case_id,
            text=shortened(text),
            customer_id=case.customer_id,
            order_id=case.order_id,
            amount=case.amount,
            currency=case.currency,
            flags=[flag for flag in case.flags if flag != WORDLESS],
            suspicious=case.suspicious,
            unreadable=case.skip_to_human or (None if text else "there is nothing readable in it"),
            repeats=request.repeats,
            edited_by=case.edited_by[-EDITORS_AT_MOST:],
        )

    def _has_not_begun(self, case_id: str) -> bool:
        """Return whether a case may be on its way in: it was accepted just now, and nothing says that it ended."""
        try:
            case = self._cases.load(case_id).case
        except KeyError:
            return False
        young = self._clock() - case.received_at < BEGINS_WITHIN
        return young and self._cases.ending(case_id, case.replay) is None

    def _tell_people(self, case_id: str, wait: str) -> None:
        word = WordToPeople(
            word_id=f"{case_id}/wrote/{wait}",
            kind=WordKind.ANSWER,
            case_id=case_id,
            subject=f"the customer wrote again: {case_id}",
            text=f"while it waits: look at the message before you decide (`headgate cases show {case_id}`)",
            at=self._clock(),
        )
        self._words.add(word)


async def _offered(handle: WorkflowHandle[object, object], word: CustomerWord) -> WordTaken | None:
    """Offer a message to a case; the same one again is heard once. None: no such workflow runs."""
    try:
        taken: WordTaken = await handle.execute_update(
            CUSTOMER_WROTE, word, id=word.from_case, result_type=WordTaken, rpc_timeout=ANSWER_WITHIN
        )
    except WorkflowUpdateFailedError as error:
        cause = error.cause
        if isinstance(cause, ApplicationError) and cause.details:
            return WordTaken.model_validate(cause.details[0])
        return WordTaken(taken=False, why=str(cause))
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        raise TransientError(f"no worker of {handle.id!r} answers") from error
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise TransientError(f"Temporal does not pass on to {handle.id!r}: {error.message}") from error
    return taken


def question_key(case_id: str, replay: int, number: int) -> str:
    """Return the key under which a letter of a case that goes on is sent once.

    >>> question_key("case/shop/evt_1", 0, 1), question_key("case/shop/evt_1", 2, 1)
    ('case/shop/evt_1/question/1', 'case/shop/evt_1/question/r2.1')
    """
    return f"{case_id}/question/" + (f"r{replay}." if replay else "") + str(number)
