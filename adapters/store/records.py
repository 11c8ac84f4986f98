"""The system of record for customers, orders and charges. Headgate only reads it; its own refunds are in the ledger.

Statements are built once: building one takes SQLAlchemy ten times as long as SQLite takes to answer it.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from adapters.store.database import Database
from adapters.store.tables import charges, customers, effects, orders
from domain.case import EffectRecord
from domain.money.amount import Money
from domain.money.records import Account, Charge, Customer, Order, OrderStatus, OwnEffect

CANDIDATE_ORDERS = 5
MAX_ID_LENGTH = 128  # no id of ours is longer; a longer one is not looked up

_MOVED = effects.c.state.in_(("intended", "executed"))  # money that is being moved counts as moved
_OF_OTHERS = effects.c.case_id != sa.bindparam("except_case", type_=sa.Text)

_CUSTOMERS = sa.select(customers.c.customer_id, customers.c.lang, customers.c.email_key).where(
    customers.c.tenant == sa.bindparam("tenant"),
    sa.or_(customers.c.customer_id == sa.bindparam("customer_id"), customers.c.email_key == sa.bindparam("email_key")),
)
_ORDERS = sa.select(orders).where(
    orders.c.tenant == sa.bindparam("tenant"),
    sa.or_(orders.c.order_id == sa.bindparam("order_id"), orders.c.order_id == sa.bindparam("order_id_upper")),
)
_BACK = sa.select(sa.func.coalesce(sa.func.sum(effects.c.amount_minor), 0)).where(
    effects.c.charge_id == charges.c.charge_id, _MOVED, _OF_OTHERS
)
_CHARGES = (
    sa.select(charges, sa.cast(_BACK.scalar_subquery(), sa.BigInteger).label("by_headgate"))
    .where(charges.c.tenant == sa.bindparam("tenant"), charges.c.order_id == sa.bindparam("order_id"))
    .order_by(charges.c.captured_at, charges.c.charge_id)
)
_CANDIDATES = (
    sa.select(orders.c.order_id)
    .where(orders.c.tenant == sa.bindparam("tenant"), orders.c.customer_id == sa.bindparam("customer_id"))
    .order_by(orders.c.placed_at.desc(), orders.c.order_id)
    .limit(CANDIDATE_ORDERS)
)
_SINCE = sa.select(sa.func.coalesce(sa.func.sum(effects.c.amount_minor), 0)).where(
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


class SqlCustomerRecords:
    """`CustomerRecords` on SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find_account(
        self,
        *,
        tenant: str,
        customer_id: str | None,
        sender_email: str | None,
        order_id: str | None,
        now: datetime,
        case_id: str | None = None,
    ) -> Account:
        """Find the customer (by id, else by the sender's address), the order named, and what was refunded today.

        An address that is given must be the customer's: the reply goes there, with what the records say. Refunds that
        `case_id` itself made are left out of what was refunded, so that a replayed case decides as it did before;
        they come as `own_effect`.
        """
        with self._database.reading() as connection:
            customer = _find_customer(connection, tenant, customer_id, sender_email)
            if customer is None:
                return Account()
            row = _find_order(connection, tenant, order_id)
            of_somebody_else = row is not None and row["customer_id"] != customer.customer_id
            order = _order(connection, row, case_id) if row is not None and not of_somebody_else else None
            named = {"tenant": tenant, "customer_id": customer.customer_id}
            today = 0
            if order is not None:
                today = refunded_since_midnight(connection, named, order.currency, now=now, except_case=case_id)
            return Account(
                customer=customer,
                order=order,
                order_of_somebody_else=of_somebody_else,
                candidate_orders=list(connection.execute(_CANDIDATES, named).scalars()),
                refunded_today_minor=today,
                own_effect=_own_effect(connection, case_id) if case_id else None,
            )


def _find_customer(
    connection: Connection, tenant: str, customer_id: str | None, sender_email: str | None
) -> Customer | None:
    values = {"tenant": tenant, "customer_id": _looked_up(customer_id), "email_key": _email_key(sender_email)}
    if values["customer_id"] is None and values["email_key"] is None:
        return None
    found = connection.execute(_CUSTOMERS, values).all()
    if len(found) != 1:  # none, or the id and the address name two people
        return None
    if values["email_key"] not in (None, found[0].email_key):  # who knows a customer's id is not the customer
        return None
    return Customer(customer_id=found[0].customer_id, tenant=tenant, lang=found[0].lang)


def _email_key(sender_email: str | None) -> str | None:
    return sender_email.strip().casefold() or None if sender_email else None


def _looked_up(given: str | None) -> str | None:
    """Return an id as it is looked up, or None for what cannot be one (PostgreSQL would refuse NUL with an error)."""
    wanted = (given or "").strip().lstrip("#")
    return wanted if wanted and len(wanted) <= MAX_ID_LENGTH and wanted.isprintable() else None


def _find_order(connection: Connection, tenant: str, order_id: str | None) -> RowMapping | None:
    wanted = _looked_up(order_id)
    if wanted is None:
        return None
    values = {"tenant": tenant, "order_id": wanted, "order_id_upper": wanted.upper()}
    found = connection.execute(_ORDERS, values).mappings().all()
    return min(found, key=lambda row: row["order_id"] != wanted, default=None)


def _order(connection: Connection, row: RowMapping, case_id: str | None) -> Order:
    values = {"tenant": row["tenant"], "order_id": row["order_id"], "except_case": case_id or ""}
    return Order(
        order_id=row["order_id"],
        customer_id=row["customer_id"],
        status=OrderStatus(row["status"]),
        placed_at=row["placed_at"],
        delivered_at=row["delivered_at"],
        promised_at=row["promised_at"],
        total_minor=row["total_minor"],
        currency=row["currency"],
        charges=[_charge(charge) for charge in connection.execute(_CHARGES, values).mappings()],
    )


def _charge(row: RowMapping) -> Charge:
    return Charge(
        charge_id=row["charge_id"],
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        captured_at=row["captured_at"],
        payee=row["payee"],
        refunded_minor=row["refunded_minor"] + row["by_headgate"],
    )


def refunded_since_midnight(
    connection: Connection, customer: dict[str, str], currency: str, *, now: datetime, except_case: str | None
) -> int:
    """Return what a customer (`tenant`, `customer_id`) was refunded since midnight UTC in a currency, minor units."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    values = {**customer, "currency": currency, "since": midnight, "except_case": except_case or ""}
    return int(connection.execute(_SINCE, values).scalar_one())


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
