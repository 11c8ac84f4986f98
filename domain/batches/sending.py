"""Which questions go out together, and what is done about a batch of which nobody knows whether it went out."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

MOST_ITEMS = 1_000
"""In one batch: its results are held in memory. Providers take 50,000 and more."""
MOST_BYTES = 32_000_000
SEEN_AFTER = timedelta(minutes=10)
"""A batch that the provider's list does not show so long after it was sent never came there."""


class QuestionToSend(NamedTuple):
    """A question that waits to be sent: `model` with its provider and address, `size` in bytes."""

    item_id: str
    model: str
    size: int
    since: datetime


def gathered(waiting: Sequence[QuestionToSend]) -> list[list[QuestionToSend]]:
    """Return batches of what waits: each of one model and within the limits, the oldest questions first.

    A question that is larger than a batch may be goes by itself: its provider says what it thinks of it.
    """
    batches: list[list[QuestionToSend]] = []
    open_by_model: dict[str, list[QuestionToSend]] = {}
    for item in sorted(waiting, key=lambda w: (w.since, w.item_id)):
        batch = open_by_model.get(item.model)
        if batch is None or len(batch) >= MOST_ITEMS or sum(w.size for w in batch) + item.size > MOST_BYTES:
            batch = open_by_model[item.model] = []
            batches.append(batch)
        batch.append(item)
    return batches


class Found(StrEnum):
    """Whether the provider has a batch of which we do not know whether it came there."""

    YES = "yes"
    NO = "no"
    UNTELLABLE = "untellable"  # its wire names no batch by a key of ours, and some that may be it are under way


class Recourse(StrEnum):
    """What is done about it."""

    ADOPT = "adopt"
    SEND_AGAIN = "send_again"
    LOOK_AGAIN = "look_again"  # later; meanwhile it counts as sent, and as paid


def after_silence(found: Found, sent_at: datetime, now: datetime) -> Recourse:
    """Return what is done about a batch whose sending was noted, and whose number at the provider was not.

    It is never sent again on a mere guess: who cannot know looks again, until its steps ask live.
    """
    if found is Found.YES:
        return Recourse.ADOPT
    if found is Found.NO and now - sent_at >= SEEN_AFTER:
        return Recourse.SEND_AGAIN
    return Recourse.LOOK_AGAIN
