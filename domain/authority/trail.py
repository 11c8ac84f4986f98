"""The trail of approvals: what was asked, who was reminded, which decisions counted or not; each row seals the last.

Each row's hash is over the one before it and over what the row says. Whoever changes, removes or puts in a row breaks
the chain there, and everybody can compute that. Only the newest rows could be cut off unseen: keep the last number and
its hash elsewhere, and compare.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel

from domain.money.approval import ApprovalDecision, ApprovalRequest, ApprovalResult

BEGINNING = ""
"""What the first row seals."""


class Happened(StrEnum):
    """What a row tells of."""

    ASKED = "asked"
    REMINDED = "reminded"
    REFUSED = "refused"  # a decision that did not count
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


ENDINGS = frozenset({Happened.APPROVED, Happened.REJECTED, Happened.EXPIRED, Happened.CANCELLED})


class TrailEvent(BaseModel):
    """One thing that happened to an approval; `event_id` tells repetitions. No personal data of the customer.

    `decision` is the one that counted or not, with its signature; `said` is why it did not count.
    """

    event_id: str
    approval_id: str
    case_id: str
    what: Happened
    at: AwareDatetime
    said: str = ""
    decision: ApprovalDecision | None = None


class TrailRow(BaseModel):
    """A row as the store has it: `body` is the event as JSON in ASCII, `before` the hash of the row before it."""

    number: int
    event_id: str
    approval_id: str
    case_id: str
    before: str
    body: str
    hash: str

    @property
    def event(self) -> TrailEvent:
        """What happened. Raises ValueError if the body is not that of an event."""
        try:
            return TrailEvent.model_validate(json.loads(self.body))  # pydantic's own reader refuses lone surrogates
        except RecursionError:
            raise ValueError(f"row {self.number} is nested too deeply to be read") from None


def sealed_row(event: TrailEvent, last: TrailRow | None) -> TrailRow:
    """Return the row of an event that comes after the last one (None: it is the first)."""
    body = json.dumps(event.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    number, before = (last.number + 1, last.hash) if last is not None else (1, BEGINNING)
    return TrailRow(
        number=number,
        event_id=event.event_id,
        approval_id=event.approval_id,
        case_id=event.case_id,
        before=before,
        body=body,
        hash=_hash(number, before, body),
    )


def breaks_in(rows: Iterable[TrailRow]) -> Iterator[str]:
    """Yield what is wrong in the whole trail, in the order of its numbers: each row that was changed or is missing."""
    last: TrailRow | None = None
    for row in rows:
        expected = 1 if last is None else last.number + 1
        if row.number != expected:
            gone = f"row {expected} is" if row.number == expected + 1 else f"rows {expected} to {row.number - 1} are"
            yield f"{gone} missing"
        elif row.before != (last.hash if last is not None else BEGINNING):
            yield f"row {row.number} ({row.event_id}) does not follow the row before it: one of them was replaced"
        if row.hash != _hash(row.number, row.before, row.body) or not _is_its_own(row):
            yield f"row {row.number} ({row.event_id}) was changed"
        last = row


def missing_of(approval_id: str, standing: str, found: set[Happened]) -> str | None:
    """Return what the trail should tell of an approval as it stands on record and does not, None if nothing is missing.

    Args:
        approval_id: which.
        standing: on record.
        found: what the trail tells of it.
    """
    if Happened.ASKED not in found:
        return f"{approval_id}: the row that it was asked for is missing"
    told = found & ENDINGS
    if standing in tuple(ENDINGS) and told != {standing}:
        said = ", ".join(sorted(told)) or "nothing"
        return f"{approval_id}: it is {standing} on record, and the trail has {said}"
    if standing not in tuple(ENDINGS) and told:
        return f"{approval_id}: it is {standing} on record, and the trail has {', '.join(sorted(told))}"
    return None


def asked(request: ApprovalRequest, at: datetime) -> TrailEvent:
    """Return the event that an approval was asked for."""
    limits = {a.name: a.limit_minor for a in request.approvers}
    said = f"{request.brief.what}; digest {request.digest}; approvers {json.dumps(limits, sort_keys=True)}"
    return _event(request, Happened.ASKED, "asked", at, said)


def reminded(approval_id: str, case_id: str, number: int, at: datetime) -> TrailEvent:
    """Return the event that the approvers were reminded for the nth time."""
    return TrailEvent(
        event_id=f"{approval_id}/reminded/{number}",
        approval_id=approval_id,
        case_id=case_id,
        what=Happened.REMINDED,
        at=at.astimezone(UTC),
        said=f"reminder {number}",
    )


def refused(request: ApprovalRequest, decision: ApprovalDecision, why: str, at: datetime) -> TrailEvent:
    """Return the event that a decision did not count; the very same one again is the same event."""
    short = decision.model_copy(update={"reason": decision.reason[:500]})
    same = hashlib.sha256(f"{why}\n{decision.model_dump_json()}".encode("utf-8", "surrogatepass")).hexdigest()[:24]
    return _event(request, Happened.REFUSED, f"refused/{same}", at, why).model_copy(update={"decision": short})


def ended(
    request: ApprovalRequest, result: ApprovalResult, decision: ApprovalDecision | None, at: datetime
) -> TrailEvent:
    """Return the event that an approval ended."""
    event = _event(request, Happened(result.standing), "ended", at, result.as_line())
    return event.model_copy(update={"decision": decision})


def _event(request: ApprovalRequest, what: Happened, step: str, at: datetime, said: str) -> TrailEvent:
    return TrailEvent(
        event_id=f"{request.approval_id}/{step}",
        approval_id=request.approval_id,
        case_id=request.action.case_id,
        what=what,
        at=at.astimezone(UTC),
        said=said[:2_000],
    )


def _is_its_own(row: TrailRow) -> bool:
    try:
        event = row.event
    except ValueError:
        return False
    return (event.event_id, event.approval_id, event.case_id) == (row.event_id, row.approval_id, row.case_id)


def _hash(number: int, before: str, body: str) -> str:
    return hashlib.sha256(f"{number}\n{before}\n{body}".encode("utf-8", "surrogatepass")).hexdigest()
