"""Starts case workflows."""

from collections.abc import Iterable
from typing import Protocol

from domain.case import CaseInput


class CaseStarter(Protocol):
    """Starts case workflows."""

    async def start(self, cases: Iterable[CaseInput]) -> None:
        """Start each case under its id, once. Raises TransientError if Temporal is away."""
        ...
