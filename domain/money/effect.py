"""An effect that moved money: where it stands in the ledger, and what became of one that was pending."""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel

from domain.money.amount import Money

FIRST_LOOK = timedelta(minutes=10)
LONGEST_LOOK = timedelta(days=1)
OVERDUE = timedelta(days=14)
"""A refund that is pending for longer is told to people: banks need less."""


RECONCILED = "reconciled"
"""The step of an effect that was booked from the provider's log, as the ledger had lost it."""


class LedgerState(StrEnum):
    """Where an effect stands."""

    INTENDED = "intended"
    EXECUTED = "executed"
    ABANDONED = "abandoned"  # the rail refused for good, or was found not to have done it; no money moved


class Settling(StrEnum):
    """Whether money that the provider took on has arrived; what it paid at once has none of these."""

    PENDING = "pending"
    SETTLED = "settled"
    FAILED = "failed"  # the money is with the provider again; a correction stands in the books


class SettlingState(BaseModel):
    """State of `SettlingWorkflow`: how many refunds arrived late, and how many failed after all."""

    settled: int = 0
    failed: int = 0


class PendingEffect(BaseModel):
    """An executed effect that the provider called pending; `looks` counts how often it was asked since."""

    key: str
    case_id: str
    kind: str
    provider_ref: str
    money: Money
    since: datetime
    looks: int = 0


class Settlement(BaseModel):
    """What became of an effect that the provider called pending, and why it failed if it did."""

    key: str
    money: Money
    settling: Settling
    since: datetime
    ended_at: datetime | None = None
    why: str = ""


def next_look(looks: int, now: datetime) -> datetime:
    """Return when to ask the provider again after so many looks: ever later, at least once a day.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> [str(next_look(n, noon) - noon) for n in (0, 1, 5, 8, 999)]
    ['0:10:00', '0:20:00', '5:20:00', '1 day, 0:00:00', '1 day, 0:00:00']
    """
    return now + min(FIRST_LOOK * (1 << min(looks, 20)), LONGEST_LOOK)
