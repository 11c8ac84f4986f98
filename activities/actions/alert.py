"""Have people told of something, as soon as they can be."""

from pydantic import BaseModel
from temporalio import activity

from activities.clock import Clock, utc_now
from domain.authority.trail import reminded
from domain.words_to_people import WordKind, WordToPeople
from ports.people import WordStore
from ports.trail import ApprovalTrail


class AlertRequest(BaseModel):
    """What people are told about a case; no personal data.

    `alert_id` names the word, so that it is kept once; `kind`, one of `WordKind`, is what a flood is grouped by. A
    reminder of an approval (`reminds_of`, for the `number`th time) is put on its trail.
    """

    case_id: str
    subject: str
    text: str
    alert_id: str = ""
    kind: str = WordKind.REMINDER
    reminds_of: str = ""
    number: int = 0


class AlertActivities:
    """Words to people."""

    def __init__(self, words: WordStore, trail: ApprovalTrail, clock: Clock = utc_now) -> None:
        self._words = words
        self._trail = trail
        self._clock = clock

    @activity.defn
    def alert_person(self, request: AlertRequest) -> None:
        """Put a word into the outbox of `TellWorkflow`; whether the chat answers is no matter here.

        Raises:
            TransientError: the store cannot be reached.
        """
        word = WordToPeople(
            word_id=request.alert_id or f"{request.case_id}: {request.subject}",
            kind=request.kind,
            case_id=request.case_id,
            subject=request.subject,
            text=request.text,
            at=self._clock(),
        )
        self._words.add(word)
        if request.reminds_of:
            self._trail.add(reminded(request.reminds_of, request.case_id, request.number, self._clock()))
