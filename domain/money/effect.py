"""An effect that moved money: where it stands in the ledger."""

from enum import StrEnum


class LedgerState(StrEnum):
    """Where an effect stands."""

    INTENDED = "intended"
    EXECUTED = "executed"
    ABANDONED = "abandoned"  # the rail refused for good, or was found not to have done it; no money moved
