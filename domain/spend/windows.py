"""The time that a budget is for: a calendar day where its owner lives."""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo


class Window(NamedTuple):
    """A calendar day: its name, and the times in UTC at which it opens and ends."""

    name: str
    opens: datetime
    ends: datetime


def is_zone(zone: str) -> bool:
    """Return whether there is a time zone of this name.

    >>> is_zone("Europe/Berlin"), is_zone("Mars/Base"), is_zone("../etc/passwd"), is_zone("")
    (True, False, False, False)
    """
    try:
        ZoneInfo(zone)
    except (OSError, ValueError, KeyError):  # a folder, a name that leads out, a name that nobody knows
        return False
    return True


def day_of(now: datetime, zone: str) -> Window:
    """Return the day that a time falls into; where the clocks change it has 23 or 25 hours.

    >>> day_of(datetime(2026, 3, 29, 12, tzinfo=UTC), "Europe/Berlin")[1:] == (
    ...     datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC))
    True
    """
    day = now.astimezone(ZoneInfo(zone)).date()
    return Window(f"{day.isoformat()} {zone}", _opens(day, zone), _opens(day + timedelta(days=1), zone))


def _opens(day: date, zone: str) -> datetime:
    # Where midnight is left out, fold 0 takes the offset before it: the very moment at which the clock jumps.
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
