"""Whether the rows of an import may come into the store: what they refer to, and what they would change."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.imports.compared import Compared, Values, charge_terms, compare, fetch
from adapters.imports.order_lines import LineImport
from adapters.imports.spool import Dangling, RowChange, Spool
from adapters.store.effects import has_moved_of_order, moved_by_charge
from adapters.store.tables import charges, customers, order_lines
from domain.importing.kinds import Kind
from domain.importing.problems import Counts, Problems
from domain.importing.rows import Row
from domain.money.amount import format_minor
from domain.money.changes import ForbiddenChange, object_to_charge, object_to_order

_PARENT_OF = {
    Kind.CUSTOMERS: Kind.ACCOUNTS,
    Kind.ORDERS: Kind.CUSTOMERS,
    Kind.CHARGES: Kind.ORDERS,
    Kind.ORDER_LINES: Kind.ORDERS,
}
_COLUMN = {
    Kind.CUSTOMERS: "account_id",
    Kind.ORDERS: "customer_id",
    Kind.CHARGES: "order_id",
    Kind.ORDER_LINES: "order_id",
}
_ONE = {Kind.ACCOUNTS: "account", Kind.CUSTOMERS: "customer", Kind.ORDERS: "order"}


class Checker:
    """Checks all rows against the store; what is wrong is noted. `keep`: what the store has stays as it is."""

    def __init__(self, connection: Connection, spool: Spool, problems: Problems, *, keep: bool) -> None:
        self._connection = connection
        self._spool = spool
        self._problems = problems
        self._keep = keep

    def check_all(self) -> dict[str, Counts]:
        """Check every kind, mark the rows that are to be written, and return how many of a kind there are."""
        counts = {}
        for kind in Kind:
            self._check_references(kind)
            count = Counts()
            for chunk in self._spool.chunks(kind):
                found = compare(self._connection, kind, chunk, keep=self._keep)
                count.added += sum(one.is_new for one in found)
                count.changed += sum(one.is_changed for one in found)
                count.unchanged += sum(not one.is_new and not one.is_changed for one in found)
                self.check(kind, found)
                self._spool.mark((one.waiting for one in found if one.is_new), RowChange.NEW)
                self._spool.mark((one.waiting for one in found if one.is_changed), RowChange.CHANGED)
            if kind is Kind.ORDER_LINES:
                count.removed = self._check_lines()
            if count != Counts():
                counts[kind.value] = count
        return counts

    def check(self, kind: Kind, found: list[Compared]) -> None:
        """Note what the store forbids of these rows."""
        if kind is Kind.CUSTOMERS:
            self._check_emails(found)
        if kind is Kind.ORDERS:
            self._check_orders([one for one in found if one.is_changed])
        if kind is Kind.CHARGES:
            self._check_charges([one for one in found if one.is_changed])

    def _check_lines(self) -> int:
        lines = LineImport(self._connection, self._spool, self._problems, keep=self._keep)
        lines.check_sums()
        return lines.surplus()

    # --- references -------------------------------------------------------------------------------------------------

    def _check_references(self, kind: Kind) -> None:
        if kind is Kind.CHARGES:
            for row, currency in self._spool.other_currencies():
                self._other_currency(row, currency)
        if kind not in _PARENT_OF:
            return
        for some in self._spool.dangling(kind):
            self._check_parents(kind, some)

    def _check_parents(self, kind: Kind, some: list[Dangling]) -> None:
        wanted, column = _PARENT_OF[kind], _COLUMN[kind]
        there = fetch(self._connection, wanted, [dangling.parent for dangling in some])
        for row, parent in some:
            known = there.get(parent)
            if known is None and wanted not in self._spool.incomplete:
                expected = f"expected a known {_ONE[wanted]}: it is neither in the files nor in the store"
                self._note(row, column, parent[1], expected, f"add it to {wanted}.csv, or take this line out")
            currency = row.values.get("currency")
            if known is not None and kind is Kind.CHARGES and currency not in (None, known["currency"]):
                self._other_currency(row, known["currency"])

    def _other_currency(self, row: Row, currency: str) -> None:
        expected = f"expected {currency!r}, the currency of its order {row.values['order_id']!r}"
        self._note(row, "currency", row.values.get("currency"), expected, "mend the charge or the order")

    # --- changes ----------------------------------------------------------------------------------------------------

    def _check_emails(self, found: list[Compared]) -> None:
        """An address belongs to one customer: the one in the store may have to give it up first."""
        wanted = {(one.after["tenant"], one.after["email_key"]): one.row for one in found if one.after.get("email_key")}
        for tenant in {tenant for tenant, _ in wanted}:
            keys = [key for named, key in wanted if named == tenant]
            holders = sa.select(customers.c.customer_id, customers.c.email_key).where(
                customers.c.tenant == tenant, customers.c.email_key.in_(keys)
            )
            for holder in self._connection.execute(holders):
                row = wanted[tenant, holder.email_key]
                mine = row.values["customer_id"] == holder.customer_id
                # A holder who is in the files gets what stands there; twice in the files was told before.
                if not mine and not self._spool.holds(Kind.CUSTOMERS, (tenant, holder.customer_id)):
                    expected = f"expected an address of this customer alone, {holder.customer_id!r} has it in the store"
                    self._note(row, "email", row.values["email"], expected, "mend one of the two")

    def _check_orders(self, found: list[Compared]) -> None:
        for one in found:
            before, after = one.before or {}, one.after
            tenant, order_id = after["tenant"], after["order_id"]
            if before["customer_id"] != after["customer_id"]:
                moved = has_moved_of_order(self._connection, tenant, order_id)
                objection = object_to_order(before["customer_id"], after["customer_id"], moved=moved)
                self._object([objection] if objection else [], one)
            if before["currency"] != after["currency"]:
                self._check_left_charges(one)
            if (before["currency"], before["total_minor"]) != (after["currency"], after["total_minor"]):
                self._check_left_lines(one)

    def _check_left_charges(self, one: Compared) -> None:
        """An order may change its currency only together with its charges."""
        of_order = sa.select(charges.c.charge_id).where(
            charges.c.tenant == one.after["tenant"],
            charges.c.order_id == one.after["order_id"],
            charges.c.currency != one.after["currency"],
        )
        for charge_id in self._connection.execute(of_order).scalars():
            if not self._spool.holds(Kind.CHARGES, (charge_id,)):
                expected = f"expected the currency of its charge {charge_id!r} in the store"
                self._note(one.row, "currency", one.after["currency"], expected, "import order and charges together")

    def _check_left_lines(self, one: Compared) -> None:
        """An order may change its currency, or fall below what its lines come to, only together with its lines."""
        before, after = one.before or {}, one.after
        order = (after["tenant"], after["order_id"])
        if self._spool.has_lines(order):
            return
        wanted = sa.select(sa.func.count(), sa.cast(sa.func.sum(order_lines.c.amount_minor), sa.BigInteger)).where(
            order_lines.c.tenant == order[0], order_lines.c.order_id == order[1]
        )
        count, minor = self._connection.execute(wanted).one()
        remedy = "import order and lines together"
        if count and before["currency"] != after["currency"]:
            self._note(
                one.row, "currency", after["currency"], "expected the currency of its lines in the store", remedy
            )
        elif count and minor > after["total_minor"]:
            least, total = (format_minor(m, after["currency"]) for m in (minor, after["total_minor"]))
            self._note(
                one.row, "total", total, f"expected no less than its lines in the store come to, {least}", remedy
            )

    def _check_charges(self, found: list[Compared]) -> None:
        moved = moved_by_charge(self._connection, [one.after["charge_id"] for one in found])
        for one in found:
            before: Values = dict(one.before or {})
            terms = charge_terms(before | one.after)
            self._object(
                object_to_charge(charge_terms(before), terms, moved_minor=moved.get(one.after["charge_id"], 0)), one
            )

    def _object(self, objections: Iterable[ForbiddenChange], one: Compared) -> None:
        for term, why, remedy in objections:
            minor = one.row.values.get(f"{term}_minor")
            shown = one.row.values.get(term) if minor is None else format_minor(int(str(minor)), one.after["currency"])
            self._note(one.row, term, shown, why, remedy)

    # Any: a value of any column.
    def _note(self, row: Row, column: str, value: Any, expected: str, remedy: str) -> None:  # noqa: ANN401
        self._problems.add(row.file, expected, remedy, line=row.line, column=column, value=value)
