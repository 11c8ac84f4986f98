"""Starts case workflows."""

from collections.abc import Iterable
from typing import Protocol

from domain.case import CaseInput


class CaseStarter(Protocol):
    """Starts case workflows."""

    async def start(self, cases: Iterable[CaseInput]) -> None:
        """Start each case under its id, once. Raises TransientError if Temporal is away."""
        ...

    async def start_again(self, case: CaseInput) -> None:
        """Start a replay once the run before it has ended; one that was started before is left alone.

        Raises TransientError if Temporal did not take it, or that run has not ended.
        """
        ...
