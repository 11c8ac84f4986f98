"""The store's own tables of customers and orders as the system of record. Headgate's refunds are beside it.

Statements are built once: building one takes SQLAlchemy ten times as long as SQLite takes to answer it.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from adapters.store.database import Database
from adapters.store.effects import with_own_part
from adapters.store.tables import charges, customers, order_lines, orders
from domain.money.lookup import OWN_ORDERS, KnownCustomer, email_key, find_address, look_up
from domain.money.records import Account, Charge, Customer, Order, OrderLine, OrderStatus

_CUSTOMERS = sa.select(customers.c.customer_id, customers.c.lang, customers.c.email_key, customers.c.email).where(
    customers.c.tenant == sa.bindparam("tenant"),
    sa.or_(customers.c.customer_id == sa.bindparam("customer_id"), customers.c.email_key == sa.bindparam("email_key")),
)
_ORDER = sa.select(orders).where(
    orders.c.tenant == sa.bindparam("tenant"), orders.c.order_id == sa.bindparam("order_id")
)
_CHARGES = (
    sa.select(charges)
    .where(charges.c.tenant == sa.bindparam("tenant"), charges.c.order_id == sa.bindparam("order_id"))
    .order_by(charges.c.captured_at, charges.c.charge_id)
)
_LINES = (
    sa.select(order_lines)
    .where(order_lines.c.tenant == sa.bindparam("tenant"), order_lines.c.order_id == sa.bindparam("order_id"))
    .order_by(order_lines.c.place)
)
_OWN = (
    sa.select(orders.c.order_id)
    .where(orders.c.tenant == sa.bindparam("tenant"), orders.c.customer_id == sa.bindparam("customer_id"))
    .order_by(orders.c.placed_at.desc(), orders.c.order_id)
    .limit(OWN_ORDERS)
)


class SqlCustomerRecords:
    """`CustomerRecords` on the store's own tables."""

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
        """Find the customer and the order named, and what was refunded; see `ports.store.CustomerRecords`."""
        with self._database.reading() as connection:
            facts = look_up(
                _StoreView(connection),
                tenant=tenant,
                customer_id=customer_id,
                sender_email=sender_email,
                order_id=order_id,
            )
            return with_own_part(connection, facts, case_id=case_id, now=now)

    def address_of(self, *, tenant: str, customer_id: str) -> str | None:
        """Return the e-mail address of a customer; see `ports.store.CustomerRecords`."""
        with self._database.reading() as connection:
            return find_address(_StoreView(connection), tenant=tenant, customer_id=customer_id)


class _StoreView:
    """`RecordsView` within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def customers(self, tenant: str, *, customer_id: str | None, email: str | None) -> list[KnownCustomer]:
        values = {"tenant": tenant, "customer_id": customer_id, "email_key": email}
        return [
            KnownCustomer(
                customer=Customer(customer_id=row.customer_id, tenant=tenant, lang=row.lang),
                email_key=email_key(row.email) or row.email_key,  # a key of an earlier version folded more
                address=row.email,
            )
            for row in self._connection.execute(_CUSTOMERS, values)
        ]

    def order(self, tenant: str, order_id: str) -> Order | None:
        named = {"tenant": tenant, "order_id": order_id}
        row = self._connection.execute(_ORDER, named).mappings().one_or_none()
        if row is None:
            return None
        return Order(
            order_id=row["order_id"],
            customer_id=row["customer_id"],
            status=OrderStatus(row["status"]),
            placed_at=row["placed_at"],
            delivered_at=row["delivered_at"],
            promised_at=row["promised_at"],
            total_minor=row["total_minor"],
            currency=row["currency"],
            charges=[_charge(charge) for charge in self._connection.execute(_CHARGES, named).mappings()],
            lines=lines_of(self._connection, tenant, order_id),
        )

    def order_ids_of(self, tenant: str, customer_id: str) -> list[str]:
        return list(self._connection.execute(_OWN, {"tenant": tenant, "customer_id": customer_id}).scalars())


def lines_of(connection: Connection, tenant: str, order_id: str) -> list[OrderLine]:
    """Return the lines of an order as the store has them, in their order."""
    rows = connection.execute(_LINES, {"tenant": tenant, "order_id": order_id}).mappings()
    return [OrderLine.model_validate({name: row[name] for name in OrderLine.model_fields}) for row in rows]


def _charge(row: RowMapping) -> Charge:
    return Charge(
        charge_id=row["charge_id"],
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        captured_at=row["captured_at"],
        payee=row["payee"],
        refunded_minor=row["refunded_minor"],
        disputed=row["disputed"],
    )
