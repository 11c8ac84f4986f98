"""Payments that the provider called pending, until it says what became of them."""

from datetime import datetime
from typing import Protocol

from domain.money.effect import PendingEffect, Settlement


class SettlingStore(Protocol):
    """Pending effects in the ledger."""

    def due(self, limit: int, now: datetime) -> list[PendingEffect]:
        """Return pending effects that are to be asked about now, those that wait longest first."""
        ...

    def of_case(self, case_id: str) -> list[Settlement]:
        """Return what became of the refunds of a case that were pending, oldest first."""
        ...

    def put_off(self, effect: PendingEffect, now: datetime) -> None:
        """Ask about it again later; people are told once of one that is overdue."""
        ...

    def settle(self, key: str, now: datetime) -> None:
        """Record that the money arrived; repeatable."""
        ...

    def fail(self, effect: PendingEffect, why: str, now: datetime) -> None:
        """Record that it failed: with a correction in the books, and a word to people. Repeatable."""
        ...
