"""Retry ladder and dead letters."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from domain.errors import FailureKind
from domain.model_call import Usage


class Attempt(BaseModel):
    """One failed try of a step."""

    step: str
    error_type: str
    message: str
    at: datetime


class FailedStep(BaseModel):
    """Why a workflow could not go on: the step, what kind of failure it was, every attempt, and what was spent on the
    way.
    """

    step: str
    kind: FailureKind
    message: str
    attempts: list[Attempt] = Field(default_factory=list)
    usage: Usage = Field(default_factory=Usage)


class DeadLetter(BaseModel):
    """A case that the system gave up on, with all that is needed to understand and replay it."""

    dead_letter_id: str
    case_id: str
    source: str
    step: str
    kind: FailureKind
    attempts: list[Attempt] = Field(default_factory=list)
    last_error: str
    payload_ref: str
    blueprint_version: str
    cost_micros: int = 0
    trace_id: str = ""
    at: datetime


def letter_id(case_id: str, replay: int) -> str:
    """Return the id of the dead letter that replay number `replay` of a case ends as (0: its first run).

    >>> letter_id("case/shop/evt_1", 0)
    'case/shop/evt_1/dead/1'
    """
    return f"{case_id}/dead/{replay + 1}"


def next_replay(dead_letter_id: str) -> int:
    """Return the number of the replay that a dead letter leads to.

    >>> next_replay("case/shop/evt_1/dead/1")
    1
    """
    return int(dead_letter_id.rsplit("/", 1)[1])


def next_rung(ladder_s: Sequence[float], failures: int) -> float | None:
    """Return how long to wait after so many failures, seconds; None when the ladder is used up.

    >>> [next_rung([60, 300, 1800], n) for n in (1, 2, 3, 4)]
    [60, 300, 1800, None]
    """
    if failures < 1:
        raise ValueError(f"failures {failures!r}: expected 1 or more, the first wait comes after the first failure")
    return ladder_s[failures - 1] if failures <= len(ladder_s) else None


class DeadLetterStatus(StrEnum):
    """What became of a dead letter."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


class DeadLetterRecord(BaseModel):
    """A dead letter with its tenant and what became of it: who changed it, why, when, and how often it was replayed."""

    letter: DeadLetter
    status: DeadLetterStatus
    replays: int = 0
    changed_by: str = ""
    reason: str = ""
    changed_at: datetime | None = None
    tenant: str = ""
    run: str = ""  # of many that were replayed together, the one that replayed it
