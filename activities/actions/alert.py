"""Have people told of something, as soon as they can be."""

from pydantic import BaseModel
from temporalio import activity

from activities.clock import Clock, utc_now
from domain.words_to_people import WordKind, WordToPeople
from ports.people import WordStore


class AlertRequest(BaseModel):
    """What people are told about a case; no personal data.

    `alert_id` names the word, so that it is kept once; `kind`, one of `WordKind`, is what a flood is grouped by.
    """

    case_id: str
    subject: str
    text: str
    alert_id: str = ""
    kind: str = WordKind.REMINDER


class AlertActivities:
    """Words to people."""

    def __init__(self, words: WordStore, clock: Clock = utc_now) -> None:
        self._words = words
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
