"""What became of a question in a batch, and what is owed for it."""

from enum import StrEnum


class ItemEnd(StrEnum):
    """What became of one question once its batch had ended."""

    ANSWERED = "answered"
    REFUSED = "refused"  # an error for this one, or the batch was not taken
    EXPIRED = "expired"  # the provider did not come to it within its day
    CANCELLED = "cancelled"
    UNREADABLE = "unreadable"  # there is something, which is no answer
    LOST = "lost"  # the results do not name it


class Owing(StrEnum):
    """What a question is charged."""

    USED = "used"  # by the answer's own usage, at the price for batches
    NOTHING = "nothing"
    ALL_HELD = "all_held"  # nobody knows


_OWED = {
    ItemEnd.ANSWERED: Owing.USED,
    ItemEnd.REFUSED: Owing.NOTHING,
    ItemEnd.EXPIRED: Owing.NOTHING,
    ItemEnd.CANCELLED: Owing.NOTHING,
    ItemEnd.UNREADABLE: Owing.ALL_HELD,
    ItemEnd.LOST: Owing.ALL_HELD,
}


def owed(end: ItemEnd) -> Owing:
    """Return what is owed. It does not matter whether the answer is still wanted: one that comes too late is paid.

    >>> owed(ItemEnd.EXPIRED), owed(ItemEnd.LOST)
    (<Owing.NOTHING: 'nothing'>, <Owing.ALL_HELD: 'all_held'>)
    """
    return _OWED[end]
