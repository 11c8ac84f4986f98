"""Copies of what an outside system said of an order, in the store's own tables: the ledger and the audit rest on them.

What is copied was checked by the rules of `domain.money.changes`; no name and no address comes along.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from adapters.store.database import RECORDS_LOCK, Database, insert_new, upsert
from adapters.store.effects import has_moved_of_order, moved_by_charge
from adapters.store.records import lines_of
from adapters.store.tables import charges, customers, order_lines, orders
from domain.errors import OvertakenError, RefusedError
from domain.money.changes import ChargeTerms, object_to_charge, object_to_order
from domain.money.records import Charge, Order


class Mirror:
    """Keeps the copies.

    Args:
        database: of the store.
        source: the name of the system.
        counts_ours: whether its figure of what was refunded counts refunds that Headgate made.
    """

    def __init__(self, database: Database, source: str, *, counts_ours: bool) -> None:
        self._database = database
        self._source = source
        self._counts_ours = counts_ours

    def now(self) -> datetime:
        """Return the time of a look that begins now, by the clock of the store: all workers share it."""
        with self._database.reading() as connection:
            return self._database.clock(connection)

    def keep(
        self, connection: Connection, tenant: str, order: Order, seen_at: datetime, *, lang: str | None = None
    ) -> Order:
        """Copy an order with its charges, and return it as it stands now: `refunded_minor` is what others paid back.

        Of a charge that never goes down: a system that is late with our own refunds would else seem to take back those
        of others.

        Args:
            connection: of a writing transaction.
            tenant: whose records these are.
            order: as the system has it.
            seen_at: when the look began that saw it.
            lang: of the customer; None: not looked at.

        Raises:
            OvertakenError: a copy is newer than `seen_at`.
            RefusedError: the records changed what a refund of Headgate rests on.
        """
        # As the ledger takes them: a payment that is being written down sees all of this or nothing.
        self._database.lock(connection, RECORDS_LOCK, shared=True)
        self._database.lock(connection, *(f"charge:{charge.charge_id}" for charge in order.charges))
        now = self._database.clock(connection)
        self._keep_customer(connection, tenant, order.customer_id, seen_at, lang)
        self._keep_order(connection, tenant, order, seen_at, now)
        before = self._charges_before(connection, order)
        moved = moved_by_charge(connection, [charge.charge_id for charge in order.charges])
        kept = []
        for charge in order.charges:
            stands = before.get(charge.charge_id)
            _require_not_newer(stands, seen_at, now)
            kept.append(self._by_others(charge, stands, moved.get(charge.charge_id, 0)))
            _require_unchanged(stands, tenant, order, kept[-1], moved.get(charge.charge_id, 0))
        self._write(connection, tenant, order, kept, seen_at)
        return order.model_copy(update={"charges": kept})

    def owner(self, connection: Connection, tenant: str, order_id: str) -> str | None:
        """Return the customer of an order as it was copied."""
        found: str | None = connection.execute(
            sa.select(orders.c.customer_id).where(orders.c.tenant == tenant, orders.c.order_id == order_id)
        ).scalar_one_or_none()
        return found

    def _by_others(self, charge: Charge, before: RowMapping | None, moved_minor: int) -> Charge:
        others = max(charge.refunded_minor - moved_minor, 0) if self._counts_ours else charge.refunded_minor
        known = int(before["refunded_minor"]) if before is not None else 0
        return charge.model_copy(update={"refunded_minor": max(others, known)})

    def _keep_customer(
        self, connection: Connection, tenant: str, customer_id: str, seen_at: datetime, lang: str | None
    ) -> None:
        insert_new(
            connection,
            customers,
            [{"tenant": tenant, "customer_id": customer_id, "name": "", "lang": lang or "en"}],
        )
        seen = {"source": self._source, "seen_at": seen_at} | ({"lang": lang} if lang else {})
        connection.execute(
            sa.update(customers)
            .where(customers.c.tenant == tenant, customers.c.customer_id == customer_id)
            .values(**seen)
        )

    def _keep_order(self, connection: Connection, tenant: str, order: Order, seen_at: datetime, now: datetime) -> None:
        wanted = sa.select(orders).where(orders.c.tenant == tenant, orders.c.order_id == order.order_id)
        before = connection.execute(wanted).mappings().one_or_none()
        _require_not_newer(before, seen_at, now)
        if before is not None and before["customer_id"] != order.customer_id:
            moved = has_moved_of_order(connection, tenant, order.order_id)
            objection = object_to_order(before["customer_id"], order.customer_id, moved=moved)
            if objection is not None:
                gave = f"the records gave order {order.order_id!r} to {order.customer_id!r}"
                raise RefusedError(f"{gave}: {objection.why}; a person must look at it")
        row = order.model_dump(exclude={"charges", "lines"})
        upsert(connection, orders, [{**row, "tenant": tenant, "source": self._source, "seen_at": seen_at}])
        self._keep_lines(connection, tenant, order)

    def _keep_lines(self, connection: Connection, tenant: str, order: Order) -> None:
        """Copy the lines as they are now, even those of an order that was refunded: no refund rests on a line."""
        if lines_of(connection, tenant, order.order_id) == order.lines:
            return
        of_order = {"tenant": tenant, "order_id": order.order_id}
        connection.execute(sa.delete(order_lines).where(*(order_lines.c[name] == of_order[name] for name in of_order)))
        rows = [{**line.model_dump(), **of_order, "place": place} for place, line in enumerate(order.lines, start=1)]
        if rows:
            connection.execute(sa.insert(order_lines), rows)

    def _charges_before(self, connection: Connection, order: Order) -> dict[str, RowMapping]:
        wanted = sa.select(charges).where(charges.c.charge_id.in_([charge.charge_id for charge in order.charges]))
        return {row["charge_id"]: row for row in connection.execute(wanted).mappings()}

    def _write(self, connection: Connection, tenant: str, order: Order, kept: list[Charge], seen_at: datetime) -> None:
        beside = {"tenant": tenant, "order_id": order.order_id, "source": self._source, "seen_at": seen_at}
        rows = [{**charge.model_dump(), **beside} for charge in sorted(kept, key=lambda charge: charge.charge_id)]
        upsert(connection, charges, rows)


def _require_not_newer(row: RowMapping | None, seen_at: datetime, now: datetime) -> None:
    """A time ahead of the clock is none that somebody looked at: the clock was set back since."""
    if row is not None and row["seen_at"] is not None and seen_at < row["seen_at"] <= now:
        raise OvertakenError


def _require_unchanged(row: RowMapping | None, tenant: str, order: Order, charge: Charge, moved_minor: int) -> None:
    before = None if row is None else ChargeTerms(*(row[name] for name in ChargeTerms._fields))
    after = ChargeTerms(
        tenant, order.order_id, charge.amount_minor, charge.currency, charge.payee, charge.refunded_minor
    )
    objections = object_to_charge(before, after, moved_minor=moved_minor)
    if objections:
        why = "; ".join(f"{objection.term}: {objection.why}" for objection in objections)
        raise RefusedError(f"the records changed charge {charge.charge_id!r}: {why}; a person must look at it")
