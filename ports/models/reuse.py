"""What answers were reused, and what that saved."""

from typing import Protocol

from domain.cache.record import ReusedAnswer, ReuseSum


class ReuseRecord(Protocol):
    """Where it is kept. Every method raises TransientError if the store cannot be reached."""

    def write(self, reused: ReusedAnswer) -> None:
        """Put one on record; the second time nothing changes."""
        ...

    def sums(self, days: int) -> list[ReuseSum]:
        """Return what was saved in these last days, by day (UTC), tenant, step and language."""
        ...
