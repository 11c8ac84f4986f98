"""Cases without an ending, as they are found after a part was lost."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel

from domain.case import CaseInput


class OpenCase(BaseModel):
    """A case without an ending, and which run of it the store knows."""

    case_id: str
    replay: int = 0


class OpenCases(Protocol):
    """What the store has of them."""

    def open_cases(self) -> list[OpenCase]:
        """Return the cases without an ending, those that came first before the others."""
        ...

    def lacking(self, case_ids: Sequence[str]) -> list[str]:
        """Return those of the cases that the store does not have."""
        ...

    def begin_again(self, found: OpenCase, why: str, now: datetime) -> CaseInput | None:
        """Give an open case its next run and return the input of that; None where it ended or began again meanwhile."""
        ...

    def end_waits(self, case_id: str, why: str, now: datetime) -> None:
        """Note that what waits for a person's approval of a case does not any more. Repeatable."""
        ...
