"""What a provider's reply says of its rate limits, in whatever way it says so."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from domain.model_call import RateHeaders, RateWindow

_MOST = 10**12
_LONGEST_S = 366 * 86_400.0
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|d|h|m|s)")
_PARTS = re.compile(rf"(?:{_PART.pattern})+")
_UNITS_S = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def rate_headers(headers: Mapping[str, str], now: datetime | None = None) -> RateHeaders | None:
    """Return the limits that a reply's headers tell, by OpenAI's names (`x-ratelimit-limit-requests`) or Anthropic's
    (`anthropic-ratelimit-requests-limit`); None where there are none that make sense.

    Where tokens are told apart, those of the input count, as they are what runs out.

    Args:
        headers: the reply's, names in lower case or case-insensitive.
        now: the time to count a date from when the reply has no `date`; default the clock.
    """
    start = _date(headers.get("date")) or now or datetime.now(UTC)
    requests, tokens = RateWindow(), RateWindow()
    for form in ("x-ratelimit-{part}-{what}", "anthropic-ratelimit-{what}-{part}"):
        requests = _first(requests, _window(headers, form, "requests", start))
        tokens = _first(tokens, _window(headers, form, "tokens", start))
        tokens = _first(tokens, _window(headers, form, "input-tokens", start))
    if requests == tokens == RateWindow():
        return None
    return RateHeaders(requests=requests, tokens=tokens)


def _first(known: RateWindow, other: RateWindow) -> RateWindow:
    return other if known == RateWindow() else known


def _window(headers: Mapping[str, str], form: str, what: str, start: datetime) -> RateWindow:
    limit, remaining, reset = (headers.get(form.format(part=p, what=what)) for p in ("limit", "remaining", "reset"))
    return RateWindow(limit=_whole(limit), remaining=_whole(remaining), reset_s=seconds_until(reset, start))


def _whole(text: str | None) -> int | None:
    """Return a count; a negative one is none left."""
    said = (text or "").strip()
    if not re.fullmatch(r"-?[0-9]{1,15}", said):
        return None
    return min(max(0, int(said)), _MOST)


def seconds_until(text: str | None, start: datetime) -> float | None:
    """Return the seconds that a reset says: `12`, `0.5`, `6m0s`, `1h2m3s`, `20ms`, an ISO or HTTP date; a time that is
    over is 0. None for what is none of these, or further away than a year.
    """
    said = (text or "").strip()
    if not said or len(said) > 64:
        return None
    if _PARTS.fullmatch(said):
        return _bounded(sum(float(number) * _UNITS_S[unit] for number, unit in _PART.findall(said)))
    try:
        return _bounded(float(said))
    except ValueError:
        pass
    until = _date(said)
    return None if until is None else _bounded(max(0.0, (until - start).total_seconds()))


def _bounded(seconds: float) -> float | None:
    return seconds if math.isfinite(seconds) and 0 <= seconds <= _LONGEST_S else None


def _date(text: str | None) -> datetime | None:
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(text or "")
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return None
