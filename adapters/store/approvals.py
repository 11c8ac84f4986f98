"""Approvals as recorded: asked for, decided once, looked up by the ledger before money moves; and their trail, to which
rows are only added, each sealing the one before it.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa
from pydantic_core import to_json
from sqlalchemy.engine import Connection

from adapters.store.database import Database, insert_first
from adapters.store.tables import approvals, cases, effects, metadata
from adapters.store.words import add_word
from domain.authority.on_record import ApprovalOnRecord, object_to_approval
from domain.authority.trail import Happened, TrailEvent, TrailRow, asked, breaks_in, ended, missing_of, sealed_row
from domain.case import CaseInput
from domain.conversations.before_people import names_order
from domain.errors import RefusedError
from domain.money.action import Action
from domain.money.approval import ApprovalDecision, ApprovalRequest, ApprovalResult, Standing
from domain.words_to_people import word_on_approval
from ports.store import StoredCase

_LOCK = "approval-trail"
_AT_ONCE = 1_000

approval_trail = sa.Table(
    "approval_trail",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),  # 1, 2, 3 …, without a gap
    sa.Column("event_id", sa.Text, nullable=False, unique=True),
    sa.Column("approval_id", sa.Text, nullable=False, index=True),
    sa.Column("case_id", sa.Text, nullable=False, index=True),
    sa.Column("before", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),  # TrailEvent as JSON, ASCII
    sa.Column("hash", sa.Text, nullable=False),
)


def announce(database: Database, connection: Connection, request: ApprovalRequest, now: datetime) -> None:
    """Record that an approval was asked for, with the word to the approvers; again, or once decided, nothing."""
    if _keep_request(database, connection, request, now):
        add_word(connection, word_on_approval(request, now))


def _keep_request(database: Database, connection: Connection, request: ApprovalRequest, now: datetime) -> bool:
    """Record a request; return whether it was new."""
    asked_at = request.requested_at or now
    is_new = insert_first(
        connection,
        approvals,
        {
            "approval_id": request.approval_id,
            "case_id": request.action.case_id,
            "tenant": request.tenant,
            "digest": request.digest,
            "standing": Standing.PENDING,
            "amount_minor": request.action.money.minor,
            "currency": request.action.money.currency,
            "request": request.model_dump_json(),
            "requested_at": asked_at,
            "expires_at": asked_at + timedelta(seconds=request.expires_after_s),
            "order_id": getattr(request.action, "order_id", None),
            "on_trail": True,
        },
    )
    if is_new:
        add_to_trail(database, connection, asked(request, asked_at))
    return is_new


def record(
    database: Database,
    connection: Connection,
    request: ApprovalRequest,
    result: ApprovalResult,
    decision: ApprovalDecision | None,
    now: datetime,
) -> ApprovalResult:
    """Record a decision, an expiry or a cancel, with its row of the trail; the first stands and is returned."""
    decided_at = result.at or now
    _keep_request(database, connection, request, decided_at)
    first = connection.execute(
        sa.update(approvals)
        .where(approvals.c.approval_id == request.approval_id, approvals.c.standing == Standing.PENDING)
        .values(standing=result.standing, decided_by=result.by, reason=result.reason, decided_at=decided_at)
    )
    if first.rowcount:
        add_to_trail(database, connection, ended(request, result, decision, decided_at))
    row = connection.execute(sa.select(approvals).where(approvals.c.approval_id == request.approval_id)).one()
    return ApprovalResult(
        approval_id=row.approval_id,
        digest=row.digest,
        standing=Standing(row.standing),
        by=row.decided_by or "",
        reason=row.reason or "",
        at=row.decided_at,
    )


def require_approved(connection: Connection, action: Action, approval_id: str, case: CaseInput) -> None:
    """Check that a person who may do so approved exactly this action of the case, and that no other effect used it.

    Raises:
        RefusedError: the approval is unknown, does not count for this action, or is used up.
    """
    row = connection.execute(sa.select(approvals).where(approvals.c.approval_id == approval_id)).one_or_none()
    if row is None:
        raise RefusedError(f"approval {approval_id!r} of {action.key!r} is not on record: ask for one first")
    recorded = ApprovalOnRecord(
        approval_id=approval_id,
        case_id=row.case_id,
        tenant=row.tenant,
        digest=row.digest,
        standing=Standing(row.standing),
        by=row.decided_by or "",
        requested_at=row.requested_at,
        expires_at=row.expires_at,
        decided_at=row.decided_at,
        request=ApprovalRequest.model_validate_json(row.request),
    )
    objection = object_to_approval(recorded, action, case)
    if objection is not None:
        raise RefusedError(f"approval {approval_id!r} of {action.key!r} does not count: {objection}")
    user = connection.execute(sa.select(effects.c.key).where(effects.c.approval_id == approval_id)).scalar_one_or_none()
    if user is not None and user != action.key:
        raise RefusedError(f"approval {approval_id!r} of {action.key!r} was used by {user!r} before")


def approval_of(connection: Connection, case_id: str, digest: str) -> str | None:
    """Return the approval that was given for an action of a case and that no effect has used, None if there is none."""
    used = sa.select(effects.c.approval_id).where(effects.c.approval_id.is_not(None))
    wanted = sa.select(approvals.c.approval_id).where(
        approvals.c.case_id == case_id,
        approvals.c.digest == digest,
        approvals.c.standing == Standing.APPROVED,
        approvals.c.approval_id.not_in(used),
    )
    found: str | None = connection.execute(wanted.order_by(approvals.c.decided_at).limit(1)).scalar()
    return found


def of_requester(customer_id: str) -> str:
    """Return the pattern (escaped by `!`) by which the stored requests of a customer are found."""
    own = to_json({"requester": customer_id}).decode()[1:-1]  # as it stands in the JSON
    return f"%{own.replace('!', '!!').replace('%', '!%').replace('_', '!_')}%"


def asked_about(connection: Connection, stored: StoredCase) -> list[str]:
    """Return the sender's other cases that wait for an approval about an order that a message names."""
    case = stored.case
    if stored.sender_email is not None:
        of_sender = cases.c.sender_email == stored.sender_email
    elif case.customer_id is not None:
        of_sender = approvals.c.request.like(of_requester(case.customer_id), escape="!")
    else:
        return []
    wanted = (
        sa.select(approvals.c.case_id, approvals.c.order_id)
        .join(cases, cases.c.case_id == approvals.c.case_id)
        .where(
            approvals.c.standing == Standing.PENDING,
            approvals.c.tenant == case.tenant,
            approvals.c.case_id != case.case_id,
            approvals.c.order_id.is_not(None),
            of_sender,
        )
        .order_by(approvals.c.requested_at, approvals.c.approval_id)
    )
    return list(dict.fromkeys(r.case_id for r in connection.execute(wanted) if names_order(case, r.order_id)))


# --- the trail ------------------------------------------------------------------------------------------------


def add_to_trail(database: Database, connection: Connection, event: TrailEvent) -> None:
    """Add a row in a transaction that writes; an event that is there already changes nothing."""
    database.lock(connection, _LOCK)
    known = sa.select(approval_trail.c.number).where(approval_trail.c.event_id == event.event_id)
    if connection.execute(known).first() is not None:
        return
    newest = sa.select(approval_trail).order_by(approval_trail.c.number.desc()).limit(1)
    found = connection.execute(newest).mappings().first()
    row = sealed_row(event, TrailRow.model_validate(dict(found)) if found is not None else None)
    connection.execute(sa.insert(approval_trail).values(row.model_dump()))


class SqlApprovalTrail:
    """`ApprovalTrail` on SQL, and what people read of it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, event: TrailEvent) -> None:
        """Add a row; an event that is there already changes nothing. Raises TransientError if the store is away."""
        self._database.writing(lambda connection: add_to_trail(self._database, connection, event))

    def of(self, subject: str) -> list[TrailRow]:
        """Return the rows of a case or an approval, oldest first."""
        table = approval_trail
        wanted = sa.select(table).where(sa.or_(table.c.case_id == subject, table.c.approval_id == subject))
        with self._database.reading() as connection:
            found = connection.execute(wanted.order_by(table.c.number)).mappings()
            return [TrailRow.model_validate(dict(row)) for row in found]

    def newest(self) -> TrailRow | None:
        """Return the newest row of all: its number and hash, kept elsewhere, tell whether later ones were cut off."""
        with self._database.reading() as connection:
            wanted = sa.select(approval_trail).order_by(approval_trail.c.number.desc()).limit(1)
            row = connection.execute(wanted).mappings().first()
            return None if row is None else TrailRow.model_validate(dict(row))

    def breaks(self) -> list[str]:
        """Return what is wrong in the whole trail: each row that was changed or is missing, by name."""
        with self._database.reading() as connection:
            told: dict[str, set[Happened]] = defaultdict(set)
            return [*breaks_in(_noting(_all(connection), told)), *_missing(connection, told)]


def _all(connection: Connection) -> Iterator[TrailRow]:
    rows = connection.execution_options(yield_per=_AT_ONCE).execute(
        sa.select(approval_trail).order_by(approval_trail.c.number)
    )
    for row in rows.mappings():
        yield TrailRow.model_validate(dict(row))


def _noting(rows: Iterator[TrailRow], told: dict[str, set[Happened]]) -> Iterator[TrailRow]:
    """Hand rows on, and note what they tell of which approval."""
    for row in rows:
        try:
            told[row.approval_id].add(row.event.what)
        except ValueError:
            told[row.approval_id].add(Happened.REFUSED)  # unreadable: it is named as changed
        yield row


def _missing(connection: Connection, told: dict[str, set[Happened]]) -> Iterator[str]:
    """Yield what the trail does not tell of approvals on record; those from before there was a trail have none."""
    wanted = sa.select(approvals.c.approval_id, approvals.c.standing).where(approvals.c.on_trail)
    for row in connection.execute(wanted.order_by(approvals.c.requested_at, approvals.c.approval_id)):
        if (said := missing_of(row.approval_id, row.standing, told.pop(row.approval_id, set()))) is not None:
            yield said
