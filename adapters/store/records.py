"""The system of record for customers, orders and charges. Headgate reads it; refunds that it made itself are added from the ledger."""

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from adapters.store.database import Database
from adapters.store.tables import charges, customers, effects, orders
from domain.case import EffectRecord
from domain.money import Money
from domain.refund import Account, Charge, Customer, Order, OrderStatus, OwnEffect

CANDIDATE_ORDERS = 5
MAX_ID_LENGTH = 128  # no id of ours is longer; a longer one is not looked up

_COUNTS = effects.c.state.in_(("intended", "executed"))  # money that is being moved counts as moved


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

        If both an id and an address are known and name different customers, there is no customer. Refunds that `case_id` itself made
        are left out of what was refunded, so that a replayed case decides as it did before; they come as `own_effect`.
        """
        with self._database.reading() as connection:
            customer = _find_customer(connection, tenant, customer_id, sender_email)
            if customer is None:
                return Account()
            order, somebody_else = _find_order(connection, tenant, customer.customer_id, order_id, case_id)
            return Account(
                customer=customer,
                order=order,
                order_of_somebody_else=somebody_else,
                candidate_orders=_candidate_orders(connection, tenant, customer.customer_id),
                refunded_today_minor=(
                    refunded_since_midnight(connection, tenant, customer.customer_id, order.currency, now, case_id)
                    if order
                    else 0
                ),
                own_effect=_own_effect(connection, case_id) if case_id else None,
            )


def _find_customer(
    connection: Connection, tenant: str, customer_id: str | None, sender_email: str | None
) -> Customer | None:
    given_id = customer_id if customer_id and len(customer_id) <= MAX_ID_LENGTH and "\0" not in customer_id else None
    email_key = sender_email.strip().casefold() if sender_email else None
    named = []
    if given_id:
        named.append(customers.c.customer_id == given_id)
    if email_key:
        named.append(customers.c.email_key == email_key)
    if not named:
        return None
    statement = sa.select(customers.c.customer_id, customers.c.lang).where(customers.c.tenant == tenant, sa.or_(*named))
    found = connection.execute(statement).all()
    if len(found) != 1:  # none, or the id and the address name two people
        return None
    return Customer(customer_id=found[0].customer_id, tenant=tenant, lang=found[0].lang)


def _find_order(
    connection: Connection, tenant: str, customer_id: str, order_id: str | None, case_id: str | None
) -> tuple[Order | None, bool]:
    wanted = (order_id or "").strip().lstrip("#")
    if not wanted or len(wanted) > MAX_ID_LENGTH or "\0" in wanted:
        return None, False
    spellings = sorted({wanted, wanted.upper()})
    statement = sa.select(orders).where(orders.c.tenant == tenant, orders.c.order_id.in_(spellings))
    found = sorted(connection.execute(statement).all(), key=lambda row: row.order_id != wanted)
    if not found:
        return None, False
    row = found[0]
    if row.customer_id != customer_id:
        return None, True
    return (
        Order(
            order_id=row.order_id,
            customer_id=row.customer_id,
            status=OrderStatus(row.status),
            placed_at=row.placed_at,
            delivered_at=row.delivered_at,
            promised_at=row.promised_at,
            total_minor=row.total_minor,
            currency=row.currency,
            charges=[_charge(charge) for charge in _charges_of(connection, tenant, row.order_id, case_id)],
        ),
        False,
    )


def _charge(row: Row[tuple[object, ...]]) -> Charge:
    values = row._mapping
    return Charge(
        charge_id=values["charge_id"],
        amount_minor=values["amount_minor"],
        currency=values["currency"],
        captured_at=values["captured_at"],
        payee=values["payee"],
        refunded_minor=values["refunded_minor"] + values["by_headgate"],
    )


def _charges_of(
    connection: Connection, tenant: str, order_id: str, case_id: str | None
) -> list[Row[tuple[object, ...]]]:
    back = sa.select(sa.func.coalesce(sa.func.sum(effects.c.amount_minor), 0)).where(
        effects.c.charge_id == charges.c.charge_id, _COUNTS, _not_of(case_id)
    )
    statement = (
        sa.select(charges, sa.cast(back.scalar_subquery(), sa.BigInteger).label("by_headgate"))
        .where(charges.c.tenant == tenant, charges.c.order_id == order_id)
        .order_by(charges.c.captured_at, charges.c.charge_id)
    )
    return list(connection.execute(statement).all())


def _candidate_orders(connection: Connection, tenant: str, customer_id: str) -> list[str]:
    statement = (
        sa.select(orders.c.order_id)
        .where(orders.c.tenant == tenant, orders.c.customer_id == customer_id)
        .order_by(orders.c.placed_at.desc(), orders.c.order_id)
        .limit(CANDIDATE_ORDERS)
    )
    return list(connection.execute(statement).scalars())


def refunded_since_midnight(
    connection: Connection, tenant: str, customer_id: str, currency: str, now: datetime, except_case: str | None
) -> int:
    """Return what a customer was refunded since midnight UTC over all charges of a currency, minor units."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    statement = sa.select(sa.func.coalesce(sa.func.sum(effects.c.amount_minor), 0)).where(
        effects.c.tenant == tenant,
        effects.c.customer_id == customer_id,
        effects.c.currency == currency,
        effects.c.intended_at >= midnight,
        _COUNTS,
        _not_of(except_case),
    )
    return int(connection.execute(statement).scalar_one())


def _own_effect(connection: Connection, case_id: str) -> OwnEffect | None:
    statement = (
        sa.select(effects)
        .where(effects.c.case_id == case_id, effects.c.kind == "refund", effects.c.state == "executed")
        .order_by(effects.c.executed_at)
        .limit(1)
    )
    row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    return OwnEffect(
        key=row.key,
        order_id=row.order_id,
        charge_id=row.charge_id,
        money=Money(minor=row.amount_minor, currency=row.currency),
        provider_ref=row.provider_ref or "",
    )


def _not_of(case_id: str | None) -> sa.ColumnElement[bool]:
    return effects.c.case_id != case_id if case_id else sa.true()


def effect_record(row: Row[tuple[object, ...]]) -> EffectRecord:
    """Return an effect as people see it."""
    values = row._mapping
    return EffectRecord(
        key=values["key"],
        kind=values["kind"],
        amount_minor=values["amount_minor"],
        currency=values["currency"],
        payee=values["payee"],
        approval_id=values["approval_id"],
        provider_ref=values["provider_ref"],
    )
