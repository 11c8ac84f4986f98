"""What an outside system of records can do, and how long one look into it may take."""

import time
from contextlib import AbstractContextManager
from typing import Protocol

from domain.errors import TransientError
from domain.money.lookup import RecordsView

LOOK_WITHIN_S = 6.0
"""All questions of one look. With what the store may take after it this stays below the 15 s of the activity."""


class Deadline:
    """The time by which a look must have its answers."""

    def __init__(self, within_s: float = LOOK_WITHIN_S) -> None:
        self.within_s = within_s
        self._at = time.monotonic() + within_s

    def passed(self) -> bool:
        """Return whether it is over."""
        return time.monotonic() >= self._at

    def left_s(self) -> float:
        """Return the seconds that are left, more than zero.

        Raises:
            TransientError: none are.
        """
        left = self._at - time.monotonic()
        if left <= 0:
            raise too_slow(self)
        return left


def too_slow(deadline: Deadline) -> TransientError:
    """Return the error for records that did not answer in time: raise it."""
    return TransientError(f"the records gave no answer within {deadline.within_s:g} s")


class RecordsSource(Protocol):
    """An outside system of records. Nothing in it is ever changed."""

    name: str
    """`sql` or `http`: stands beside what was copied from it."""
    refunded_includes_headgate: bool
    """Whether `refunded_minor` of its charges counts refunds that Headgate itself made."""

    def view(self, deadline: Deadline) -> AbstractContextManager[RecordsView]:
        """Begin a look.

        Raises:
            TransientError, ToldToWaitError: it cannot be asked now.
            ConfigurationError: it is not as the mapping says, or refuses us.
        """
        ...

    def check(self) -> str:
        """Ask for a sign of life and return what answered, without secrets. Raises as `view` does."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...
