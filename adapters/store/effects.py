"""What Headgate itself paid back, or is about to: the part of an account that only our own ledger knows.

Statements are built once: building one takes SQLAlchemy ten times as long as SQLite takes to answer it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from adapters.store.tables import approvals, effects
from domain.case import EffectRecord
from domain.money.amount import Money
from domain.money.approval import ApprovalRequest
from domain.money.lookup import Facts
from domain.money.records import Account, Customer, OwnEffect

_MOVED = effects.c.state.in_(("intended", "executed"))  # money that is being moved counts as moved
_OF_OTHERS = effects.c.case_id != sa.bindparam("except_case", type_=sa.Text)
_SUM = sa.cast(sa.func.coalesce(sa.func.sum(effects.c.amount_minor), 0), sa.BigInteger)

_BY_CHARGE = (
    sa.select(effects.c.charge_id, _SUM.label("minor"))
    .where(effects.c.charge_id.in_(sa.bindparam("charge_ids", expanding=True)), _MOVED, _OF_OTHERS)
    .group_by(effects.c.charge_id)
)
_OF_ORDER = (
    sa.select(effects.c.key)
    .where(
        effects.c.tenant == sa.bindparam("tenant"),
        effects.c.order_id == sa.bindparam("order_id"),
        effects.c.charge_id.is_not(None),
        _MOVED,
    )
    .limit(1)
)
_SINCE = sa.select(_SUM).where(
    effects.c.tenant == sa.bindparam("tenant"),
    effects.c.customer_id == sa.bindparam("customer_id"),
    effects.c.currency == sa.bindparam("currency"),
    effects.c.intended_at >= sa.bindparam("since"),
    _MOVED,
    _OF_OTHERS,
)
_OWN_EFFECT = (
    sa.select(effects)
    .where(effects.c.case_id == sa.bindparam("case_id"), effects.c.kind == "refund", effects.c.state == "executed")
    .order_by(effects.c.executed_at)
    .limit(1)
)

_OPEN_ELSEWHERE = (
    sa.select(approvals.c.case_id, approvals.c.request)
    .where(
        approvals.c.tenant == sa.bindparam("tenant"),
        approvals.c.order_id == sa.bindparam("order_id"),
        approvals.c.standing == "pending",
        approvals.c.expires_at > sa.bindparam("now"),
        approvals.c.case_id != sa.bindparam("except_case", type_=sa.Text),
    )
    .order_by(approvals.c.requested_at, approvals.c.approval_id)
)


def with_own_part(connection: Connection, facts: Facts, *, case_id: str | None, now: datetime) -> Account:
    """Return what the records say together with what Headgate paid back.

    Refunds that `case_id` itself made are left out of what was refunded, so that a replayed case decides as it did
    before; they come as `own_effect`.
    """
    if facts.customer is None:
        return Account()
    order, today, elsewhere = facts.order, 0, None
    if order is not None:
        elsewhere = _open_elsewhere(connection, facts.customer, order.order_id, now=now, except_case=case_id)
        by_headgate = moved_by_charge(connection, [c.charge_id for c in order.charges], except_case=case_id)
        charges = [
            c.model_copy(update={"refunded_minor": c.refunded_minor + by_headgate.get(c.charge_id, 0)})
            for c in order.charges
        ]
        order = order.model_copy(update={"charges": charges})
        customer = {"tenant": facts.customer.tenant, "customer_id": facts.customer.customer_id}
        today = refunded_since_midnight(connection, customer, order.currency, now=now, except_case=case_id)
    return Account(
        customer=facts.customer,
        order=order,
        order_of_somebody_else=facts.order_of_somebody_else,
        candidate_orders=facts.candidate_orders,
        refunded_today_minor=today,
        open_elsewhere=elsewhere,
        own_effect=_own_effect(connection, case_id) if case_id else None,
    )


def moved_by_charge(
    connection: Connection, charge_ids: Sequence[str], *, except_case: str | None = None
) -> dict[str, int]:
    """Return what Headgate paid back of each charge, or is about to, minor units; those without are left out."""
    if not charge_ids:
        return {}
    values = {"charge_ids": list(charge_ids), "except_case": except_case or ""}
    return {row.charge_id: int(row.minor) for row in connection.execute(_BY_CHARGE, values)}


def has_moved_of_order(connection: Connection, tenant: str, order_id: str) -> bool:
    """Return whether Headgate paid money of this order back, or is about to."""
    return connection.execute(_OF_ORDER, {"tenant": tenant, "order_id": order_id}).first() is not None


def refunded_since_midnight(
    connection: Connection, customer: dict[str, str], currency: str, *, now: datetime, except_case: str | None
) -> int:
    """Return what a customer (`tenant`, `customer_id`) was refunded since midnight UTC in a currency, minor units."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    values = {**customer, "currency": currency, "since": midnight, "except_case": except_case or ""}
    return int(connection.execute(_SINCE, values).scalar_one())


def _open_elsewhere(
    connection: Connection, customer: Customer, order_id: str, *, now: datetime, except_case: str | None
) -> str | None:
    """Return the oldest other case in which this customer waits for an approval about an order."""
    values = {"tenant": customer.tenant, "order_id": order_id, "now": now, "except_case": except_case or ""}
    for row in connection.execute(_OPEN_ELSEWHERE, values):
        if ApprovalRequest.model_validate_json(row.request).requester == customer.customer_id:
            return str(row.case_id)
    return None


def _own_effect(connection: Connection, case_id: str) -> OwnEffect | None:
    row = connection.execute(_OWN_EFFECT, {"case_id": case_id}).mappings().one_or_none()
    if row is None:
        return None
    return OwnEffect(
        key=row["key"],
        order_id=row["order_id"],
        charge_id=row["charge_id"],
        money=Money(minor=row["amount_minor"], currency=row["currency"]),
        provider_ref=row["provider_ref"] or "",
    )


def effect_record(row: RowMapping) -> EffectRecord:
    """Return an effect as people see it."""
    return EffectRecord(
        key=row["key"],
        kind=row["kind"],
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        payee=row["payee"],
        approval_id=row["approval_id"],
        provider_ref=row["provider_ref"],
    )
