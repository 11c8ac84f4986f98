"""Replaying dead letters: how fast, which ones, and how far a run of many has come."""

import re
from datetime import datetime, timedelta

from pydantic import BaseModel, Field

from domain.dead_letters.choosing import Cursor, LetterFilter
from domain.deadletter import DeadLetterRecord, DeadLetterStatus
from domain.errors import UsageError

SLOWEST_PER_SECOND, FASTEST_PER_SECOND = 1 / 3600, 200.0
BATCH_AT_MOST = 100  # letters that one activity takes
PASSES_AT_MOST = 5  # of those that could not be begun: a case may be at its ending for a while
STARTS_WITHIN = timedelta(hours=1)
OWN, CURRENT = "own", "current"

_RATE = re.compile(r"(\d{1,5}(?:\.\d{1,3})?)\s*(?:/\s*(s|sec|second|m|min|minute|h|hour))?", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_RUN_PREFIX = "replay/"


class ReplayOrder(BaseModel):
    """What somebody wants replayed, as the store keeps it; a run works by this record, not by what started it.

    `blueprint` is the version whose rules the cases are worked by from now on, empty where each keeps its own.
    """

    replay_id: str
    chosen: LetterFilter
    per_second: float = Field(ge=SLOWEST_PER_SECOND, le=FASTEST_PER_SECOND)
    blueprint: str = ""
    by: str = Field(min_length=1)
    at: datetime


class ReplayState(BaseModel):
    """State of `ReplayWorkflow`: how far it has come.

    `begun` counts cases that were started again, `passed_over` letters that somebody else replayed or discarded
    meanwhile, `put_off` those of this pass that could not be begun yet: they stay open. `trouble` says why one was.
    `notices` are of messages that did not fit.
    """

    replay_id: str
    per_second: float = Field(ge=SLOWEST_PER_SECOND, le=FASTEST_PER_SECOND)
    after: Cursor | None = None
    begun: int = 0
    passed_over: int = 0
    put_off: int = 0
    begun_in_pass: int = 0
    passes: int = 0
    paused: bool = False
    trouble: str = ""
    notices: list[str] = Field(default_factory=list)


class ReplayProgress(BaseModel):
    """What the store says of a run: letters begun, what their cases came to so far, and open letters that are left."""

    begun: int = 0
    left: int = 0
    cases: dict[str, int] = Field(default_factory=dict)  # by state; of cases that died again: dead_lettered


def is_forgotten(order: ReplayOrder, begun: int, now: datetime) -> bool:
    """Return whether a run that Temporal does not know was started once: its command starts it within moments."""
    return begun > 0 or now - order.at > STARTS_WITHIN


def run_id(name: str) -> str:
    """Return the id of a run, which is also its workflow id, by its name or by that id itself.

    >>> run_id("20260615-120000-ab12"), run_id("replay/20260615-120000-ab12")
    ('replay/20260615-120000-ab12', 'replay/20260615-120000-ab12')
    """
    return _RUN_PREFIX + name.removeprefix(_RUN_PREFIX)


def rate_of(text: str) -> float:
    """Return a rate per second.

    Raises:
        UsageError: it is none, or nobody can keep it.

    >>> rate_of("5/s"), rate_of("90/m"), rate_of("2")
    (5.0, 1.5, 2.0)
    """
    found = _RATE.fullmatch(text.strip())
    per_second = float(found[1]) / _SECONDS[(found[2] or "s")[0]] if found else 0.0
    if not is_possible_rate(per_second):
        raise UsageError(
            f"--rate {text[:40]!r}: expected letters per second, minute or hour, such as 5/s, 90/m or 20/h; from 1/h "
            f"to {FASTEST_PER_SECOND:g}/s"
        )
    return per_second


def is_possible_rate(per_second: float) -> bool:
    """Return whether letters can be begun at this rate; no number (NaN) and infinity cannot."""
    return SLOWEST_PER_SECOND <= per_second <= FASTEST_PER_SECOND


def batch_size(per_second: float) -> int:
    """Return how many letters to begin at once: what the rate allows in two seconds.

    >>> batch_size(5.0), batch_size(0.1), batch_size(200.0)
    (10, 1, 100)
    """
    return max(1, min(BATCH_AT_MOST, int(per_second * 2)))


def why_not_replayed(record: DeadLetterRecord) -> str | None:
    """Return why a dead letter cannot be replayed, None if it can."""
    letter, only = record.letter, "only open ones can be replayed"
    match record.status:
        case DeadLetterStatus.OPEN:
            return None
        case DeadLetterStatus.DISCARDED:
            return f"{letter.dead_letter_id} is discarded (by {record.changed_by}: {record.reason}), {only}"
        case DeadLetterStatus.REPLAYED:
            return f"{letter.dead_letter_id} is replayed, {only}: `headgate cases show {letter.case_id}`"


def goes_round_again(state: ReplayState) -> bool:
    """Return whether a run that came to the end of its letters begins anew, for those that it could not begin."""
    return state.put_off > 0 and (state.begun_in_pass > 0 or state.passes < PASSES_AT_MOST)
