"""What people last wished of the intake, for the day on which Temporal's state is lost."""

from datetime import datetime
from typing import Protocol

from domain.intake import IntakeWish


class IntakeWishes(Protocol):
    """The last wish."""

    def keep(self, wish: IntakeWish, now: datetime) -> None:
        """Keep a wish in place of the last one."""
        ...

    def last(self) -> IntakeWish | None:
        """Return the last wish; None before the first."""
        ...
