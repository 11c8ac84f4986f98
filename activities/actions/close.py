"""Close a case: put personal data back into the reply, queue it once, record the ending."""

from pydantic import BaseModel
from temporalio import activity

from activities.actions.mail import LetterDesk
from activities.clock import Clock, utc_now
from activities.letters import Letters
from domain.case import CaseOutcome
from domain.letters import Letter
from ports.ledger import Ledger
from ports.store import CaseStore, CustomerRecords, Reply


class CloseRequest(BaseModel):
    """How the case ended, and the letter to the customer, answering a message of this language and subject."""

    outcome: CaseOutcome
    letter: Letter | None = None
    lang: str = "und"
    subject: str = ""
    answers_to: str | None = None  # the case under which the customer's newest message came, where it is another one


class CloseResult(BaseModel):
    """The key under which the reply was queued, if there was one, and the ending that stands instead, if another does.

    A case whose worker died between its ending and Temporal's hearing of it may decide anew, and otherwise.
    """

    reply_key: str | None = None
    stands: CaseOutcome | None = None


class EndingRequest(BaseModel):
    """Which run of which case is asked about."""

    case_id: str
    replay: int = 0


class EndingResult(BaseModel):
    """The ending on record, if there is one."""

    outcome: CaseOutcome | None = None


class ForbidRequest(BaseModel):
    """Which case may have no further effect, and why."""

    case_id: str
    why: str


class CloseActivities:
    """Ends cases in the store."""

    def __init__(
        self, cases: CaseStore, ledger: Ledger, letters: Letters, records: CustomerRecords, clock: Clock = utc_now
    ) -> None:
        self._cases = cases
        self._ledger = ledger
        self._desk = LetterDesk(cases, letters, records)
        self._clock = clock

    @activity.defn
    def close_case(self, request: CloseRequest) -> CloseResult:
        """Record the ending with its reply and hand the outcome over to the journal; repeatable.

        Raises:
            TransientError: the store, or the records that know the customer's address, cannot be reached.
            ConfigurationError: the letter's template cannot be filled in.
        """
        outcome = request.outcome
        if outcome.closed_at is None:
            outcome = outcome.model_copy(update={"closed_at": self._clock()})
        reply = self._reply(request, request.letter) if request.letter else None
        stands = self._cases.close(outcome, reply)
        if stands != outcome:
            return CloseResult(stands=stands)
        return CloseResult(reply_key=reply.key if reply else None)

    @activity.defn
    def find_ending(self, request: EndingRequest) -> EndingResult:
        """Return the ending on record. Raises TransientError if the store cannot be reached."""
        return EndingResult(outcome=self._cases.ending(request.case_id, request.replay))

    @activity.defn
    def forbid_effects(self, request: ForbidRequest) -> None:
        """Let nothing more happen for a case. Raises TransientError if the store cannot be reached."""
        self._ledger.forbid(request.case_id, request.why, self._clock())

    def _reply(self, request: CloseRequest, letter: Letter) -> Reply:
        outcome = request.outcome
        return self._desk.write(
            reply_key(outcome.case_id, outcome.replay),
            outcome.case_id,
            letter,
            lang=request.lang,
            subject=request.subject,
            answers_to=request.answers_to,
        )


def reply_key(case_id: str, replay: int) -> str:
    """Return the key under which a case's reply is sent once; each replay has its own.

    >>> reply_key("case/shop/evt_1", 0), reply_key("case/shop/evt_1", 2)
    ('case/shop/evt_1/reply', 'case/shop/evt_1/reply/r2')
    """
    return f"{case_id}/reply" + (f"/r{replay}" if replay else "")
