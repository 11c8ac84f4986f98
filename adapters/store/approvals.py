"""Approvals as recorded: asked for, decided once, looked up by the ledger before money moves."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.store.database import insert_first
from adapters.store.tables import approvals, effects
from adapters.store.words import add_word
from domain.errors import RefusedError
from domain.money.action import Action
from domain.money.approval import ApprovalRequest, ApprovalResult, Standing
from domain.words_to_people import word_on_approval


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


def require_approved(connection: Connection, action: Action, approval_id: str) -> None:
    """Check that a person approved exactly this action and that no other effect used the approval.

    Raises:
        RefusedError: the approval is unknown, was not given, is for another action, or is used up.
    """
    row = connection.execute(sa.select(approvals).where(approvals.c.approval_id == approval_id)).one_or_none()
    if row is None:
        raise RefusedError(f"approval {approval_id!r} of {action.key!r} is not on record: ask for one first")
    if row.standing != Standing.APPROVED:
        raise RefusedError(f"approval {approval_id!r} of {action.key!r} is {row.standing}, not approved")
    if row.case_id != action.case_id or row.digest != action.digest():
        raise RefusedError(f"approval {approval_id!r} was given for another action than {action.key!r} as it is now")
    user = connection.execute(sa.select(effects.c.key).where(effects.c.approval_id == approval_id)).scalar_one_or_none()
    if user is not None and user != action.key:
        raise RefusedError(f"approval {approval_id!r} of {action.key!r} was used by {user!r} before")
