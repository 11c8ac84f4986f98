"""Which dead letters are meant: by reason, source, tenant, step, time, case, status."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pydantic import BaseModel, Field

from domain.case import case_of
from domain.deadletter import DeadLetterStatus
from domain.errors import FailureKind, UsageError, not_among

REASONS: dict[str, tuple[FailureKind, ...]] = {
    "provider_down": (FailureKind.TRANSIENT, FailureKind.TOLD_TO_WAIT),
    **{str(kind): (kind,) for kind in FailureKind},
}
"""What `--reason` takes: each kind of failure, and a word for those that an outage makes."""

_SPAN = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*([smhdw])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:?\d{2})?)?", re.ASCII)


class Cursor(BaseModel):
    """The place after a letter in the order in which letters are gone through: the oldest first."""

    at: datetime
    dead_letter_id: str


class LetterFilter(BaseModel):
    """Which dead letters are meant; an empty list means whatever. `until` is not among them, `since` is."""

    ids: list[str] = Field(default_factory=list)
    kinds: list[FailureKind] = Field(default_factory=list)
    sources: list[str] = Field(default_factory=list)
    tenants: list[str] = Field(default_factory=list)
    steps: list[str] = Field(default_factory=list)
    case_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    statuses: list[DeadLetterStatus] = Field(default_factory=lambda: [DeadLetterStatus.OPEN])

    @property
    def narrows(self) -> bool:
        """Whether it names anything but the status: whoever names nothing has to say that all are meant."""
        lists = (self.ids, self.kinds, self.sources, self.tenants, self.steps)
        return any(lists) or self.case_id is not None or self.since is not None or self.until is not None

    def up_to(self, now: datetime) -> "LetterFilter":
        """Return the choice without what is given up from now on; letters that are named are there already."""
        return self if self.ids else self.model_copy(update={"until": min(self.until or now, now)})


class LetterCount(NamedTuple):
    """How many letters of a reason came from a source."""

    kind: str
    source: str
    letters: int


def kinds_of(reasons: Sequence[str]) -> list[FailureKind]:
    """Return the kinds of failure that reasons name, each once.

    Raises:
        UsageError: there is no such reason.

    >>> kinds_of(["provider_down", "transient"])
    [<FailureKind.TRANSIENT: 'transient'>, <FailureKind.TOLD_TO_WAIT: 'told_to_wait'>]
    """
    for reason in reasons:
        if reason not in REASONS:
            raise not_among("reason", reason, REASONS)
    return list(dict.fromkeys(kind for reason in reasons for kind in REASONS[reason]))


def statuses_of(status: str) -> list[DeadLetterStatus]:
    """Return the statuses that a word names; `all` names every one. Raises UsageError if there is no such status."""
    if status == "all":
        return list(DeadLetterStatus)
    if status not in set(DeadLetterStatus):
        raise not_among("status", status, [*DeadLetterStatus, "all"])
    return [DeadLetterStatus(status)]


def case_meant(text: str | None) -> str | None:
    """Return the case that an id of a case, an approval or a dead letter names."""
    return None if text is None else case_of(text)


def moment(name: str, text: str | None, now: datetime) -> datetime | None:
    """Return a time that somebody wrote: a span back from now (`90s`, `30m`, `2h`, `7d`, `1w`), or a date or time (ISO
    8601, UTC where it says no zone).

    Raises:
        UsageError: it is neither, or out of all bounds.

    >>> noon = datetime(2026, 6, 15, 12, tzinfo=UTC)
    >>> str(moment("--since", "2h", noon)), str(moment("--since", "2026-06-15T09:30", noon))
    ('2026-06-15 10:00:00+00:00', '2026-06-15 09:30:00+00:00')
    """
    if text is None:
        return None
    try:
        if span := _SPAN.fullmatch(text.strip()):
            return now - timedelta(**{_UNITS[span[2]]: float(span[1])})
        if _MOMENT.fullmatch(text.strip()):
            found = datetime.fromisoformat(text.strip())
            return found if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    raise UsageError(
        f"{name} {text[:60]!r}: expected a span such as 90s, 30m, 2h, 7d, or a time such as 2026-06-15T09:30 (UTC)"
    )
