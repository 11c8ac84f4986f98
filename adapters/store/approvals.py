"""Approvals as recorded: asked for, decided once, looked up by the ledger before money moves."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from pydantic_core import to_json
from sqlalchemy.engine import Connection

from adapters.store.database import insert_first
from adapters.store.tables import approvals, cases, effects
from adapters.store.words import add_word
from domain.authority.on_record import ApprovalOnRecord, object_to_approval
from domain.case import CaseInput
from domain.conversations.before_people import names_order
from domain.errors import RefusedError
from domain.money.action import Action
from domain.money.approval import ApprovalRequest, ApprovalResult, Standing
from domain.words_to_people import word_on_approval
from ports.store import StoredCase


def announce(connection: Connection, request: ApprovalRequest, now: datetime) -> None:
    """Record that an approval was asked for, with the word to the approvers; again, or once decided, nothing."""
    if _keep_request(connection, request, now):
        add_word(connection, word_on_approval(request, now))


def _keep_request(connection: Connection, request: ApprovalRequest, now: datetime) -> bool:
    """Record a request; return whether it was new."""
    asked_at = request.requested_at or now
    return insert_first(
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
        },
    )


def record(connection: Connection, request: ApprovalRequest, result: ApprovalResult, now: datetime) -> ApprovalResult:
    """Record a decision, an expiry or a cancel; the first stands and is returned."""
    decided_at = result.at or now
    _keep_request(connection, request, decided_at)
    connection.execute(
        sa.update(approvals)
        .where(approvals.c.approval_id == request.approval_id, approvals.c.standing == Standing.PENDING)
        .values(standing=result.standing, decided_by=result.by, reason=result.reason, decided_at=decided_at)
    )
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
