"""When a provider counts as out, how rarely it is asked then, and how gradually its cases come back."""

OPENS_AFTER = 5  # calls that failed in a row ...
OPENS_CASES = 2  # ... of so many cases at least: what fails for one alone may be its own matter, and climbs the ladder
PROBE_FIRST_S = 5.0
PROBE_AT_MOST_S = 300.0
LOOK_FIRST_S = 60.0
LOOK_AT_MOST_S = 900.0
OUTAGE_S = 3 * 86_400.0  # a case that waits for longer is a dead letter
LOOKS_PER_S = 5.0  # of all parked cases together, about


def is_persistent(failures: int, cases: int) -> bool:
    """Return whether so many calls that failed in a row, of so many cases, are an outage.

    >>> is_persistent(5, 2), is_persistent(4, 4), is_persistent(50, 1)
    (True, False, False)
    """
    return failures >= OPENS_AFTER and cases >= OPENS_CASES


def probe_in_s(times: int) -> float:
    """Return when a provider that is out is asked again, by one call, after the `times`-th time that it was found so.

    >>> [probe_in_s(n) for n in (1, 2, 3, 6, 7, 5000)]
    [5.0, 10.0, 20.0, 160.0, 300.0, 300.0]
    """
    return float(min(PROBE_FIRST_S * 2.0 ** min(max(times, 1) - 1, 30), PROBE_AT_MOST_S))


def look_again_s(lasted_s: float, waiting: int) -> tuple[float, float]:
    """Return when a parked case looks again: after so many seconds at the earliest, and over how many they all do.

    A case waits as long again as the outage has lasted, so an hour costs it a handful of looks; all of them together
    look no faster than about `LOOKS_PER_S`, which is the rate at which they are let go when the provider is back.

    >>> look_again_s(0.0, 1), look_again_s(240.0, 100), look_again_s(7200.0, 1000), look_again_s(7200.0, 18_000)
    ((60.0, 60.0), (240.0, 240.0), (900.0, 900.0), (900.0, 12000.0))
    """
    wait_s = min(max(lasted_s, LOOK_FIRST_S), LOOK_AT_MOST_S)
    # Those of one priority, the usual case, share 0.3 of the spread (`domain/spend/resuming.py`).
    return wait_s, max(wait_s, waiting / (LOOKS_PER_S * 0.3))
