"""The pace at which work is let in."""

from datetime import datetime

from pydantic import BaseModel, Field

MAX_BATCH = 100  # one batch is one transaction and one burst of starts
REMEMBERED_S = 30 * 86_400.0
"""For so long after it was let in an event id is remembered at least, seconds; senders send again for days at most."""
SLOWEST_PER_SECOND, FASTEST_PER_SECOND = 0.001, 10_000.0  # beyond them a pace is a slip of the hand


class IntakeState(BaseModel):
    """State of `IntakeWorkflow`; `per_second` is the pace in cases.

    While `taking`, a batch may come in: what waits after a pause waits for sure once that is over. `notices` are of
    messages that did not fit and changed nothing, each once.
    """

    per_second: float = Field(default=20.0, ge=SLOWEST_PER_SECOND, le=FASTEST_PER_SECOND)
    paused: bool = False
    taking: bool = False
    admitted: int = 0
    poison: int = 0
    notices: list[str] = Field(default_factory=list)
    auto: bool = False  # the pace finds itself, between the blueprint's bounds
    why: str = ""  # the pace changed last by itself, at `changed_at`; it fell last at `fell_at`
    changed_at: datetime | None = None
    fell_at: datetime | None = None
    looked_at: datetime | None = None  # at the models
    unkept: bool = False  # somebody changed pace or pause, and the store has not heard of it yet


class IntakeWish(BaseModel):
    """Pace (cases per second) and pause as people last set them; an intake that is started anew begins with them."""

    per_second: float = Field(ge=SLOWEST_PER_SECOND, le=FASTEST_PER_SECOND)
    paused: bool = False
    auto: bool = False


class MoveReport(BaseModel):
    """What was moved from one holding pen to another: payloads that waited, and ids that are remembered.

    `left` are held by somebody or could not be taken over; `conflicts` are cases whose id stands for another body
    there. Both are still in the first pen.
    """

    moved: int = 0
    remembered: int = 0
    left: int = 0
    conflicts: list[str] = Field(default_factory=list)


def first_state(per_second: float, wish: IntakeWish | None, *, auto: bool = False) -> IntakeState:
    """Return the state in which an intake begins that does not run yet; `auto` unless people wished something.

    >>> first_state(20.0, None).per_second, first_state(20.0, IntakeWish(per_second=3.0, paused=True)).paused
    (20.0, True)
    """
    return IntakeState(per_second=per_second, auto=auto) if wish is None else IntakeState(**wish.model_dump())


class PaceChange(BaseModel):
    """Payload of the signal `set_pace`, cases per second."""

    per_second: float


def is_possible_pace(per_second: float) -> bool:
    """Return whether work can be let in at this pace; no number (NaN) and infinity cannot.

    >>> is_possible_pace(20.0), is_possible_pace(0.0), is_possible_pace(float("nan")), is_possible_pace(float("inf"))
    (True, False, False, False)
    """
    return SLOWEST_PER_SECOND <= per_second <= FASTEST_PER_SECOND


def batch_size(per_second: float) -> int:
    """Return how many to take at once: what the pace allows in two seconds, so that few activities are needed and
    bursts stay small.
    """
    return max(1, min(MAX_BATCH, int(per_second * 2)))


def rest_s(taken: int, per_second: float, took_s: float) -> float:
    """Return how long to rest after a batch so that the pace is kept, seconds.

    >>> rest_s(40, 20.0, 0.5)
    1.5
    """
    return max(0.0, taken / per_second - took_s)


class JournalState(BaseModel):
    """State of `JournalWorkflow`: outcomes written so far."""

    written: int = 0
