"""Questions that wait for a batch, until their steps have what they need."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel

from domain.batches.owed import ItemEnd
from domain.model_call import ModelReply, ModelRequest
from ports.models.batches import BatchResult


class BatchQuestion(BaseModel):
    """A question as it was put; `question` is a digest of who asks which model what: it is put once."""

    item_id: str
    question: str
    case_id: str
    model: str
    request: ModelRequest


class QuestionSoFar(BaseModel):
    """What became of a question so far."""

    item_id: str
    since: datetime
    live: bool = False
    end: ItemEnd | None = None
    reply: ModelReply | None = None
    why: str = ""


class BatchOnRecord(BaseModel):
    """A batch that was noted as sent: at `sent_at`, which is `sent_s_ago` seconds ago by the store's clock; `number` is
    empty unless the provider is known to have it.
    """

    key: str
    model: str
    number: str = ""
    sent_at: datetime
    sent_s_ago: float = 0.0


class BatchContent(BaseModel):
    """Those questions of a batch that have not ended; `waited_for` says of each whether its step waits for it."""

    requests: dict[str, ModelRequest]
    waited_for: dict[str, bool]


class BatchStore(Protocol):
    """Where questions wait. Every method raises TransientError if the store cannot be reached."""

    def known(self, question: str) -> QuestionSoFar | None:
        """Return what became of a question; None where it was never put."""
        ...

    def put(self, asked: BatchQuestion) -> bool:
        """Write a question down; return False where it was put already."""
        ...

    def go_live(self, item_id: str) -> bool:
        """Note that its step asks live, from now on and for ever; return whether it will never be sent."""
        ...

    def take(self, model: str) -> BatchOnRecord | None:
        """Make one batch of what waits for a model, and note it as sent: the very next thing is the provider. None
        where nothing waits.
        """
        ...

    def forget(self) -> None:
        """Forget what is older than a week."""
        ...

    def numbered(self, key: str, number: str) -> None:
        """Note a batch's number at the provider."""
        ...

    def under_way(self, models: Sequence[str]) -> list[BatchOnRecord]:
        """Return the batches that have not ended, the oldest first."""
        ...

    def content(self, key: str) -> BatchContent:
        """Return what a batch asks still."""
        ...

    def end(self, key: str, results: Sequence[BatchResult]) -> None:
        """Note what became of questions; the batch has ended once all have. What has ended stays as it is."""
        ...
