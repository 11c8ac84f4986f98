"""The ledger beside the payment provider's log, which is the truth about money: what is missing, what differs."""

from enum import StrEnum

from pydantic import BaseModel, Field

from domain.audit.facts import RailEntry
from domain.case import EffectRecord
from domain.money.effect import LedgerState


class Match(StrEnum):
    """How a payment in the provider's log stands in the ledger."""

    KNOWN = "known"  # booked
    UNBOOKED = "unbooked"  # the ledger knows it as intended or taken back, the provider did it
    UNKNOWN = "unknown"  # the ledger never heard of it: it is older than the log
    DIFFERS = "differs"  # other money stands under its key: a person must look


class ReconcileReport(BaseModel):
    """What a look through the provider's log found; keys of payments, the oldest first. `booked` says that those
    unbooked and unknown stand in the books now.
    """

    looked_at: int = 0
    booked: bool = False
    unbooked: list[str] = Field(default_factory=list)
    unknown: list[str] = Field(default_factory=list)
    differs: list[str] = Field(default_factory=list)

    @property
    def missing(self) -> int:
        """How many payments the books lacked."""
        return len(self.unbooked) + len(self.unknown)

    def note(self, key: str, match: Match) -> None:
        """Count a payment in."""
        self.looked_at += 1
        lists = {Match.UNBOOKED: self.unbooked, Match.UNKNOWN: self.unknown, Match.DIFFERS: self.differs}
        if match in lists:
            lists[match].append(key)


def match_of(entry: RailEntry, effect: EffectRecord | None, state: LedgerState | None) -> Match:
    """Return how a payment stands in the ledger, by the effect under its key; None: there is none.

    One that is booked as failed afterwards counts as known: the provider's log may take a moment to say so.
    """
    if effect is None:
        return Match.UNKNOWN
    paid = (entry.kind, entry.amount_minor, entry.currency, entry.payee)
    if (effect.kind, effect.amount_minor, effect.currency, effect.payee) != paid:
        return Match.DIFFERS
    return Match.KNOWN if state is LedgerState.EXECUTED else Match.UNBOOKED
