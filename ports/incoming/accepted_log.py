"""What was accepted: the truth about event ids, where the payloads themselves are with a broker.

A broker cannot say what it ever took, and forgets an id with its message. So the store remembers each accepted event
for `REMEMBERED_S` after it was let in: a duplicate is one on every gateway and after days.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class AcceptedEvent:
    """An event as it was accepted. `digest` is the SHA-256 of its body, hex; `meaning` that of what it says, empty
    until it was read, and where it cannot be.
    """

    case_id: str
    digest: str
    received_at: datetime
    content_type: str = ""
    reading: str = ""
    meaning: str = ""
    done_at: datetime | None = None  # since when its case is started, or it is a dead letter


class Recorded(NamedTuple):
    """What stands for an event id: the digest that was recorded first, and whether that was just now."""

    digest: str
    new: bool


class AcceptedLog(Protocol):
    """The log, on the store. Every method may raise TransientError: the store is away."""

    def known(self, case_ids: Sequence[str]) -> dict[str, AcceptedEvent]:
        """Return what is remembered of these."""
        ...

    def record(self, events: Sequence[AcceptedEvent]) -> dict[str, Recorded]:
        """Remember events; return for each case what stands: of two with one id the first."""
        ...

    def finish(self, meanings: Mapping[str, str], at: datetime) -> None:
        """Remember that cases are done and what they say, and forget some of those that are done for long enough."""
        ...

    def ids(self, after: str, limit: int) -> list[str]:
        """Return case ids in order, after the given one."""
        ...

    def done(self, after: str, limit: int) -> list[AcceptedEvent]:
        """Return what is done and remembered, in order of id, after the given one."""
        ...

    def forget(self, case_ids: Sequence[str]) -> None:
        """Forget what is not done: another pen remembers it now."""
        ...

    def total(self) -> int:
        """Count what is remembered."""
        ...

    def waiting(self) -> tuple[int, datetime | None]:
        """Count those that are not done, and return when the oldest of them came."""
        ...

    def lanes(self) -> list[str]:
        """Return the lanes in use, by their names."""
        ...

    def add_lane(self, lane: str) -> None:
        """Remember a lane, so that whoever lets work in looks into it."""
        ...

    def key(self) -> bytes:
        """Return the installation's own key for what it puts into a broker, made at the first call; 32 bytes."""
        ...

    def keep_body(self, case_id: str, digest: str, body: bytes, at: datetime) -> None:
        """Keep a body that is too large for the broker, until its case is done."""
        ...

    def body(self, case_id: str, digest: str) -> bytes | None:
        """Return such a body, None if it is not there."""
        ...
