"""When a parked case comes back, from a budget or an outage: urgent ones first, and never all in the same second."""

from datetime import datetime

from pydantic import BaseModel

OPENING_SPAN_S = 600.0
LOOK_AGAIN_S = 86_400.0  # a case that waits for a person alone asks again once a day: it is held again unless let go
_BACK_PER_S = 10.0
_URGENT, _NORMAL = 2, 3  # Temporal's levels (`domain/turns.py`)


class Hold(BaseModel):
    """Why a call was not made: `reason` for searching, `why` for people; `until` None: until a person says so.
    `spread_s` is over how many seconds all come back.

    During an outage `wait_s` says in how many seconds to look again at the earliest, and `at_most_s` how long a step
    waits in all.
    """

    reason: str = "budget"
    why: str = ""
    until: datetime | None = None
    wait_s: float | None = None
    spread_s: float = OPENING_SPAN_S
    at_most_s: float = 3 * 86_400.0


class ResumeWord(BaseModel):
    """A person's word that parked cases may try again: the payload of the signal `resume`; `cases` are told at once."""

    by: str = ""
    cases: int = 1


def back_in_s(level: int, chance: float, span_s: float) -> float:
    """Return how long after the opening a case comes back, seconds.

    Args:
        level: its priority in Temporal, the lowest first.
        chance: from 0 to 1.
        span_s: over which all come back.

    >>> [back_in_s(level, 0.5, 600.0) for level in (2, 3, 4)]
    [30.0, 150.0, 420.0]
    """
    first, last = (0.0, 0.1) if level <= _URGENT else (0.1, 0.4) if level == _NORMAL else (0.4, 1.0)
    return span_s * (first + (last - first) * chance)


def span_s(cases: int) -> float:
    """Return over how long so many come back that are told to, seconds.

    >>> span_s(1), span_s(200), span_s(100_000)
    (0.0, 20.0, 600.0)
    """
    return 0.0 if cases <= 1 else min(max(2.0, cases / _BACK_PER_S), OPENING_SPAN_S)
