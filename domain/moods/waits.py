"""How long whoever says to wait is waited for: what it names, where anybody can mean that; else ever longer."""

import math

FLOOR_S = 1.0  # who names less, or nothing at all that lies ahead, is still not asked again at once
BACKOFF_AT_MOST_S = 300.0
UNSAID_S = 20.0  # told to slow down but not for how long: longer than a burst, shorter than a queue's patience
LONGEST_S = 6 * 3600.0  # whoever names more, a daily quota, is asked again after this
ABSURD_S = 3 * 86_400.0  # as long as a step may take at all (`STEP_BUDGET`): whoever names more means no time


def sane_s(seconds: float) -> float | None:
    """Return the wait that a named time means, seconds, at most `LONGEST_S`; None where it is none that makes sense.

    >>> [sane_s(s) for s in (7.0, 0.0, 86_400.0, 31_536_000.0, -5.0, math.inf, math.nan)]
    [7.0, 0.0, 21600.0, None, None, None, None]
    """
    if math.isnan(seconds) or seconds < 0 or seconds > ABSURD_S:
        return None
    return min(seconds, LONGEST_S)


def wait_s(said_s: float | None, times: int) -> float:
    """Return how long to wait after being told so for the `times`-th time in a row, seconds.

    A sane time of `FLOOR_S` or more is waited for as it was named, however often. A shorter one counts as the floor,
    one that is not named or not sane as `UNSAID_S`; both double each time, up to `BACKOFF_AT_MOST_S`.

    >>> [wait_s(0.0, n) for n in (1, 2, 3, 4, 9, 10, 5000)]
    [1.0, 2.0, 4.0, 8.0, 256.0, 300.0, 300.0]
    >>> wait_s(7.0, 1), wait_s(7.0, 50), [wait_s(None, n) for n in (1, 2, 5)], wait_s(1e9, 1)
    (7.0, 7.0, [20.0, 40.0, 300.0], 20.0)
    """
    named = None if said_s is None else sane_s(said_s)
    if named is not None and named >= FLOOR_S:
        return named
    first = UNSAID_S if named is None else FLOOR_S
    return min(first * 2.0 ** min(max(times, 1) - 1, 30), BACKOFF_AT_MOST_S)


SPREAD_S = 2.0
BACK_PER_S = 25.0
SPREAD_AT_MOST_S = 120.0
RECHECK_S = 60.0
RECHECKS_PER_S = 10.0


def back_in_s(left_s: float, waiting: int, chance: float) -> float:
    """Return when a case that is held back comes back, seconds, if all workers know for how long: it may come early,
    and is then held back again without a call, so that a word to go on is heard within a minute or so.

    Args:
        left_s: until the provider may be asked.
        waiting: cases that wait; the more, the more rarely each comes, about ten a second in all.
        chance: from 0 to 1.

    >>> back_in_s(7.0, 3, 0.5), back_in_s(7.0, 3, 0.0), back_in_s(3600.0, 60, 1.0), back_in_s(3600.0, 6000, 0.0)
    (8.0, 7.0, 60.0, 300.0)
    """
    at_most = max(RECHECK_S, waiting / RECHECKS_PER_S)
    if left_s > at_most:
        return at_most * (0.5 + 0.5 * chance)
    return left_s + spread_s(waiting) * chance


def spread_s(waiting: int) -> float:
    """Return over how long those come back that wait for the same moment, after it and never before, seconds.

    >>> spread_s(1), spread_s(500), spread_s(100_000)
    (2.0, 20.0, 120.0)
    """
    return min(max(SPREAD_S, waiting / BACK_PER_S), SPREAD_AT_MOST_S)
