"""Which questions go out together, and what is done about a batch of which nobody knows whether it went out."""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum

MOST_ITEMS = 1_000
"""In one batch: its results are held in memory. Providers take 50,000 and more."""
MOST_BYTES = 32_000_000
SEND_WITHIN = timedelta(minutes=1)
"""A batch that did not go out so soon after it was noted as sent does not go out: others may count it as never sent."""
SEEN_AFTER = timedelta(minutes=10)
"""A batch that the provider's list does not show so long after it was noted as sent never came there: longer than
`SEND_WITHIN` and the calls that send one."""


def together(waiting: Sequence[tuple[str, int]]) -> list[str]:
    """Return which questions go out in the next batch: the first of those that wait, within the limits.

    A question that is larger than a batch may be goes by itself: its provider says what it thinks of it.

    Args:
        waiting: id and size in bytes of each, the oldest first.
    """
    chosen: list[str] = []
    left = MOST_BYTES
    for item_id, size in waiting[:MOST_ITEMS]:
        left -= size
        if chosen and left < 0:
            break
        chosen.append(item_id)
    return chosen


class Found(StrEnum):
    """Whether the provider has a batch of which we do not know whether it came there."""

    YES = "yes"
    NO = "no"
    UNTELLABLE = "untellable"  # its wire names no batch by a key of ours, and some that may be it are under way


class Recourse(StrEnum):
    """What is done about it."""

    ADOPT = "adopt"
    NOT_TAKEN = "not_taken"  # it never came there: nothing is owed, and its steps ask live
    LOOK_AGAIN = "look_again"  # later; meanwhile it counts as sent, and as paid


def after_silence(found: Found, sent_s_ago: float) -> Recourse:
    """Return what is done about a batch whose sending was noted, and whose number at the provider was not.

    Nobody guesses: who cannot know looks again, and its steps ask live when it is time.
    """
    if found is Found.YES:
        return Recourse.ADOPT
    if found is Found.NO and sent_s_ago >= SEEN_AFTER.total_seconds():
        return Recourse.NOT_TAKEN
    return Recourse.LOOK_AGAIN
