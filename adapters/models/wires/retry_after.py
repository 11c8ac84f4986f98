"""How long a provider said to wait, in whatever way it said so."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

UNSAID_S = 20.0  # told to slow down but not for how long: longer than a burst, shorter than a queue's patience
LONGEST_S = 6 * 3600.0  # whoever names more (a date next year, 10^9 seconds) is asked again after this


def wait_seconds(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return the wait that the headers name, seconds, between 0 and `LONGEST_S`; None if they name none that makes
    sense.

    Read in this order: `retry-after-ms`, `retry-after` as a number (whole or not), `retry-after` as an HTTP date
    against the reply's own `date` where it has one, so that a wrong clock here does not matter.

    Args:
        headers: the reply's, names in lower case or case-insensitive.
        now: the time to count a date from when the reply has none; default the clock.
    """
    in_ms = _number(headers.get("retry-after-ms"))
    if in_ms is not None:
        return _bounded(in_ms / 1000)
    said = headers.get("retry-after")
    if said is None:
        return None
    seconds = _number(said)
    if seconds is not None:
        return _bounded(seconds)
    until = _date(said)
    if until is None:
        return None
    start = _date(headers.get("date")) or now or datetime.now(UTC)
    return _bounded((until - start).total_seconds())


def _number(text: str | None) -> float | None:
    try:
        value = float((text or "").strip())
    except ValueError:
        return None
    return None if math.isnan(value) or value < 0 else value


def _date(text: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(text or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST_S)
