"""How long a provider said to wait, in whatever way it said so."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from domain.errors import ToldToWaitError
from domain.moods.waits import UNSAID_S, sane_s


def wait_seconds(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return the wait that the headers name, seconds; None if they name none that makes sense (`sane_s`).

    Read in this order: `retry-after-ms`, `retry-after` as a number (whole or not), `retry-after` as an HTTP date
    against the reply's own `date` where it has one, so that a wrong clock here does not matter.

    Args:
        headers: the reply's, names in lower case or case-insensitive.
        now: the time to count a date from when the reply has none; default the clock.
    """
    in_ms = _number(headers.get("retry-after-ms"))
    if in_ms is not None and (wait := sane_s(in_ms / 1000)) is not None:
        return wait
    said = headers.get("retry-after")
    if said is None:
        return None
    seconds = _number(said)
    if seconds is not None:
        return sane_s(seconds)
    until = _date(said)
    if until is None:
        return None
    start = _date(headers.get("date")) or now or datetime.now(UTC)
    return sane_s(max(0.0, (until - start).total_seconds()))


def told_to_wait(said: str, wait: float | None) -> ToldToWaitError:
    """Return the error of a call that was told to wait: so many seconds, or None where no sensible time was named."""
    return ToldToWaitError(said, UNSAID_S if wait is None else wait, named=wait is not None)


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
