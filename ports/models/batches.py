"""A model that is asked in batches: dearer in time, cheaper in money."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.batches.owed import ItemEnd
from domain.batches.sending import Found
from domain.model_call import ModelReply, ModelRequest


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of one question; `reply` is there where it was answered, and `why` says what else was the matter."""

    item_id: str
    end: ItemEnd
    reply: ModelReply | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class SubmittedBatch:
    """A batch's number at the provider; empty: nobody knows whether it came there (`why`), and `find` may tell."""

    number: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class SoughtBatch:
    """A batch that was sent, and may have come to the provider or not.

    `others` are numbers of batches of ours that are known not to be this one.
    """

    key: str
    item_ids: Collection[str]
    sent_at: datetime
    others: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class FoundBatch:
    """Whether the provider has a batch, and its number there; empty unless it was found."""

    found: Found
    batch_id: str = ""


class BatchModel(Protocol):
    """A model that takes questions together and answers within a day.

    Questions go by ids of ours: letters, digits, `_` and `-`, 64 at most. Every method raises TransientError,
    ToldToWaitError, UnsupportedTaskError or ConfigurationError as a live call does.
    """

    async def submit(self, key: str, questions: Mapping[str, ModelRequest]) -> SubmittedBatch:
        """Send a batch under a key of ours. After any error it did not come to the provider."""
        ...

    async def find(self, sought: SoughtBatch) -> FoundBatch:
        """Look for a batch that may have come there."""
        ...

    async def collect(self, batch_id: str, questions: Mapping[str, ModelRequest]) -> list[BatchResult] | None:
        """Return what became of all questions of a batch, each once; None while it is under way."""
        ...

    async def cancel(self, batch_id: str) -> None:
        """Have the provider stop a batch; what is answered by then is paid. One that has ended stays as it is."""
        ...
