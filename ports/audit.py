"""What the audit asks of the payment provider and of the store."""

from collections.abc import Iterable
from typing import Protocol

from domain.audit.facts import RailEntry, StoreFacts


class RailLog(Protocol):
    """A payment provider's own log."""

    async def log(self) -> list[RailEntry]:
        """Return every payment, oldest first."""
        ...


class StoreFactsReader(Protocol):
    """The store as the audit reads it."""

    def read(self, charge_ids: Iterable[str]) -> StoreFacts:
        """Return all facts, and of the charges those named. Raises TransientError if the store cannot be reached."""
        ...
