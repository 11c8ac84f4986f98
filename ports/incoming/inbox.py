"""The holding pen: what was accepted and waits to be let in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from pydantic import BaseModel, Field

from domain.inbound.message.inbound import DEFAULT_TENANT
from domain.turns import PenLane, Priority


@dataclass(frozen=True, slots=True)
class InboxItem:
    """A payload as received.

    `digest` is the SHA-256 of the body, hex; `deliveries` counts how often it was leased,
    `excused` how many of these times ended for no reason of its own. `reading` says by which names
    the body is read (`SourceReading` as JSON), empty where its source has none of its own. `fault` says why it cannot
    be worked, where the pen itself found so.
    """

    case_id: str
    source: str
    event_id: str
    content_type: str
    body: bytes
    digest: str
    received_at: datetime
    deliveries: int = 0
    reading: str = ""
    tenant: str = DEFAULT_TENANT
    priority: Priority = Priority.NORMAL
    excused: int = 0
    fault: str = ""

    @property
    def lane(self) -> PenLane:
        """Where it waits in line."""
        return PenLane(self.tenant, self.priority)


@dataclass(frozen=True, slots=True)
class KeptPayload:
    """What the pen knows of a payload that came before.

    `body` is empty some time after it was acknowledged; from that on there is `meaning`, the digest of what it said,
    empty where it could not be read. `unread`: it waits where nobody can look into it, so what it says is unknown.
    """

    content_type: str
    body: bytes
    reading: str
    meaning: str
    unread: bool = False


class PutOutcome(StrEnum):
    """What became of a payload handed to the inbox."""

    ACCEPTED = "accepted"  # on disk
    DUPLICATE = "duplicate"  # the same event with the same body is there already
    CONFLICT = "conflict"  # the same event id with other bytes: the first stands (`kept` tells what it said)


class InboxDepth(BaseModel):
    """How much waits: `ready` to be leased, `leased` and unacknowledged; `oldest_s`. `total` were accepted ever,
    or as long as they are remembered. `lanes` says how much is ready in each lane, by name (`PenLane.name`).
    """

    ready: int
    leased: int
    total: int
    oldest_s: float = 0.0
    lanes: dict[str, int] = Field(default_factory=dict)


class Inbox(Protocol):
    """The durable holding pen."""

    async def put(self, item: InboxItem) -> PutOutcome:
        """Store a payload; returns once it is on disk. Raises TransientError when the pen refuses it."""
        ...

    async def lease(self, limit: int, lease_s: float, *, wait_s: float = 0.0) -> list[InboxItem]:
        """Take up to `limit` payloads by turns (`domain/turns.py`), in each lane the oldest first; they come back after
        `lease_s` seconds unless acknowledged.

        An empty pen is waited for, up to `wait_s` seconds: what comes meanwhile is taken at once.
        """
        ...

    async def release(self, case_ids: Sequence[str]) -> None:
        """Give back what was leased and not worked, for no reason of its own: this time is excused."""
        ...

    async def ack(self, case_ids: Sequence[str]) -> None:
        """Say that these are done; acknowledging twice changes nothing."""
        ...

    async def acknowledged(self, case_ids: Sequence[str]) -> dict[str, bool]:
        """Return those that are done, and of each whether its body is there still."""
        ...

    async def put_back(self, case_ids: Sequence[str]) -> int:
        """Let payloads be taken once more that are done, where their body is there still; return how many."""
        ...

    async def kept(self, case_id: str) -> KeptPayload | None:
        """Return what is known of a payload by its case, None if it never came."""
        ...

    async def depth(self) -> InboxDepth:
        """Count what waits."""
        ...

    async def check_writable(self) -> None:
        """Return if a payload could be stored now. Raises TransientError, saying why, if not."""
        ...

    async def accepted(self, after: str = "", limit: int = 1000) -> list[str]:
        """Return case ids that were accepted and are remembered, in order, after the given one (for the audit)."""
        ...

    async def close(self) -> None:
        """Write what is pending and let go of the pen."""
        ...
