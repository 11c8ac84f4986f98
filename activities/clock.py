"""The clock that activities read; tests hand in their own."""

from collections.abc import Callable
from datetime import UTC, date, datetime

from temporalio import activity

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time of this machine, in UTC."""
    return datetime.now(UTC)


def asked_on() -> date:
    """Return the day, UTC, on which the case asks: that of Temporal's clock for this try of its step."""
    if not activity.in_activity():
        return utc_now().date()
    return activity.info().current_attempt_scheduled_time.astimezone(UTC).date()
