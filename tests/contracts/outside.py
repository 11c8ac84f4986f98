"""What is promised where the records are in another system, on any store. Sub-classed with a `store` fixture.

The other system is a fake of a few lines: `tests.integration.test_records_http` and `test_records_sql` have real ones.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.records.fresh_ledger import FreshLedger
from adapters.records.outside import LOOKS, OutsideRecords
from adapters.records.source import Deadline
from adapters.store import Store
from adapters.store.tables import charges, customers, order_lines, orders
from domain.errors import RecordsMovedError, RefusedError, TransientError
from domain.money.action import Action
from domain.money.amount import Money
from domain.money.effect import LedgerState
from domain.money.lookup import KnownCustomer
from domain.money.records import Charge, Customer, Order, OrderLine, OrderStatus
from domain.money.refund_action import RefundTerms
from tests.contracts.records import find
from tests.contracts.store_samples import NOW, action, case_input, stored_case

LIMIT = 500_000


def order(**changes: Any) -> Order:
    values = {
        "order_id": "ORD-1", "customer_id": "C-1", "status": OrderStatus.LOST, "placed_at": NOW - timedelta(days=9),
        "total_minor": 2_000, "currency": "USD", "charges": [charge()], **changes,
    }  # fmt: skip
    return Order.model_validate(values)


def charge(**changes: Any) -> Charge:
    values = {
        "charge_id": "CH-1", "amount_minor": 2_000, "currency": "USD", "captured_at": NOW - timedelta(days=9),
        "payee": "card:visa-1", **changes,
    }  # fmt: skip
    return Charge.model_validate(values)


def line(name: str, quantity: int) -> OrderLine:
    return OrderLine(name=name, quantity=quantity, amount_minor=600)


class FakeSource:
    """Another system with one customer for each tenant, and the orders that a test gives it."""

    name = "fake"

    def __init__(self, *, counts_ours: bool = False) -> None:
        self.refunded_includes_headgate = counts_ours
        self.orders: dict[str, Order] = {"ORD-1": order()}
        self.looks = 0
        self.away = False
        self.meanwhile: list[Any] = []

    @contextmanager
    def view(self, deadline: Deadline) -> Iterator["FakeSource"]:
        self.looks += 1
        if self.away:
            raise TransientError("the records cannot be reached")
        yield self

    def customers(self, tenant: str, *, customer_id: str | None, email: str | None) -> list[KnownCustomer]:
        named = customer_id or "C-1"
        return [KnownCustomer(customer=Customer(customer_id=named, tenant=tenant, lang="de"), email_key=email)]

    def order(self, tenant: str, order_id: str) -> Order | None:
        found = self.orders.get(order_id)
        while self.meanwhile:
            self.meanwhile.pop(0)()
        return found

    def order_ids_of(self, tenant: str, customer_id: str) -> list[str]:
        return [one.order_id for one in self.orders.values() if one.customer_id == customer_id]

    def check(self) -> str:
        return "fake"

    def close(self) -> None:
        pass


class OutsideContract:
    """Copies that the ledger can rest on: never older than what was decided on, never somebody else's."""

    @pytest.fixture
    def source(self) -> FakeSource:
        return FakeSource()

    @pytest.fixture
    def records(self, source: FakeSource, store: Store) -> OutsideRecords:
        store.cases.admit([stored_case("e1"), stored_case("e2"), stored_case("e3")])
        return OutsideRecords(source, store.database)

    @pytest.fixture
    def ledger(self, store: Store, records: OutsideRecords) -> FreshLedger:
        return FreshLedger(store.database, records)

    def look(self, records: OutsideRecords, *, tenant: str = "default", customer_id: str = "C-1") -> list[int]:
        """Look ORD-1 up and return what was paid back of its charges, minor units."""
        account = find(records, tenant=tenant, customer_id=customer_id, order_id="ORD-1", case_id="case/shop/other")
        return [one.refunded_minor for one in account.order.charges] if account.order else []

    def intend(self, ledger: Any, asked: Action, **more: Any) -> LedgerState:
        terms = RefundTerms(limit_minor=LIMIT, seen_back_minor=more.pop("seen_back_minor", None))
        values = {"step": "refund", "approval_id": None, "terms": terms, "now": NOW, **more}
        state: LedgerState = ledger.intend(asked, **values).state
        return state

    def rows(self, store: Store, table: sa.Table) -> list[dict[str, Any]]:
        with store.database.reading() as connection:
            return [dict(row) for row in connection.execute(sa.select(table)).mappings()]

    # --- what is copied ---------------------------------------------------------------------------------------------

    def test_what_was_not_looked_at_cannot_be_paid(self, store: Store, records: OutsideRecords) -> None:
        with pytest.raises(RefusedError, match="not in the records"):
            self.intend(store.ledger, action())

    def test_what_was_looked_at_is_copied_and_can_be_paid_within_its_charge(
        self, store: Store, records: OutsideRecords
    ) -> None:
        self.look(records)
        assert self.intend(store.ledger, action()) is LedgerState.INTENDED
        with pytest.raises(RefusedError, match=r"only 15\.00 USD"):
            self.intend(store.ledger, action("e2", money=Money(minor=1_501, currency="USD")))
        assert [fact.charge_id for fact in store.audit.read(["CH-1"]).charges] == ["CH-1"]

    def test_no_name_and_no_address_comes_along_and_the_copy_says_where_it_is_from(
        self, store: Store, records: OutsideRecords
    ) -> None:
        find(records, customer_id="C-1", sender_email="ann@example.com", order_id="ORD-1")
        [customer] = self.rows(store, customers)
        assert (customer["email"], customer["email_key"], customer["name"], customer["lang"]) == (None, None, "", "de")
        for table in (customers, orders, charges):
            [row] = self.rows(store, table)
            assert (row["source"], row["seen_at"] is not None) == ("fake", True)

    def test_somebody_elses_order_and_what_is_not_there_leave_no_trace(
        self, store: Store, source: FakeSource, records: OutsideRecords
    ) -> None:
        assert self.look(records, customer_id="C-2") == []
        source.orders.clear()
        assert self.look(records) == []
        assert [self.rows(store, table) for table in (customers, orders, charges)] == [[], [], []]

    def test_a_later_look_brings_the_copy_up_to_date(
        self, store: Store, source: FakeSource, records: OutsideRecords
    ) -> None:
        self.look(records)
        changed = charge(amount_minor=3_000, payee="card:visa-2")
        source.orders["ORD-1"] = order(status=OrderStatus.DELIVERED, charges=[changed, charge(charge_id="CH-2")])
        self.look(records)
        assert [row["status"] for row in self.rows(store, orders)] == ["delivered"]
        found = {row["charge_id"]: (row["amount_minor"], row["payee"]) for row in self.rows(store, charges)}
        assert found == {"CH-1": (3_000, "card:visa-2"), "CH-2": (2_000, "card:visa-1")}

    def test_lines_are_copied_as_they_are_now_even_of_an_order_that_was_refunded(
        self, store: Store, source: FakeSource, records: OutsideRecords
    ) -> None:
        """No refund rests on a line: the ledger holds it to its charge."""
        source.orders["ORD-1"] = order(lines=[line("Cup", 3), line("Jug", 1)])
        account = find(records, customer_id="C-1", order_id="ORD-1")
        assert account.order is not None
        assert [one.name for one in account.order.lines] == ["Cup", "Jug"]
        self.intend(store.ledger, action())
        source.orders["ORD-1"] = order(lines=[line("Teapot", 1)])
        self.look(records)
        assert self.line_names(store) == ["Teapot"]
        self.look(records)
        assert self.line_names(store) == ["Teapot"]
        source.orders["ORD-1"] = order()
        self.look(records)
        assert self.line_names(store) == [], "what the system does not say any more is not known"

    def test_a_payment_looks_at_the_lines_again_and_pays_what_was_decided(
        self, store: Store, source: FakeSource, records: OutsideRecords, ledger: FreshLedger
    ) -> None:
        source.orders["ORD-1"] = order(lines=[line("Cup", 3)])
        self.look(records)
        source.orders["ORD-1"] = order(lines=[line("Cup", 2)])
        assert self.intend(ledger, action()) is LedgerState.INTENDED
        assert [row["quantity"] for row in self.rows(store, order_lines)] == [2]

    def line_names(self, store: Store) -> list[str]:
        return [row["name"] for row in self.rows(store, order_lines)]

    # --- what others paid back --------------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        ("counts_ours", "told", "counted"),
        [(False, 500, 1_000), (True, 500, 500), (True, 1_200, 1_200), (True, 0, 500)],
    )
    def test_our_own_refunds_are_counted_once(
        self, store: Store, records: OutsideRecords, counts_ours: bool, told: int, counted: int
    ) -> None:
        source = FakeSource(counts_ours=counts_ours)
        outside = OutsideRecords(source, store.database)
        self.look(outside)
        self.intend(store.ledger, action())  # 5.00 USD
        source.orders["ORD-1"] = order(charges=[charge(refunded_minor=told)])
        assert self.look(outside) == [counted]

    def test_a_system_that_is_late_with_our_refund_does_not_hide_those_of_others(
        self, store: Store, records: OutsideRecords
    ) -> None:
        source = FakeSource(counts_ours=True)
        outside = OutsideRecords(source, store.database)
        source.orders["ORD-1"] = order(charges=[charge(refunded_minor=300)])  # by a clerk
        self.look(outside)
        self.intend(store.ledger, action())
        assert self.look(outside) == [800], "300 would read as a part of our own 500"
        source.orders["ORD-1"] = order(charges=[charge(refunded_minor=800)])
        assert self.look(outside) == [800]

    def test_what_was_paid_back_never_goes_down(self, source: FakeSource, records: OutsideRecords) -> None:
        source.orders["ORD-1"] = order(charges=[charge(refunded_minor=700)])
        self.look(records)
        source.orders["ORD-1"] = order()
        assert self.look(records) == [700]

    # --- what may not change ----------------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        "change", [{"amount_minor": 9_000}, {"payee": "card:thief"}, {"currency": "EUR"}, {"refunded_minor": 1_900}]
    )
    def test_a_charge_that_was_refunded_keeps_its_terms(
        self, store: Store, source: FakeSource, records: OutsideRecords, change: dict[str, Any]
    ) -> None:
        self.look(records)
        self.intend(store.ledger, action())
        source.orders["ORD-1"] = order(charges=[charge(**change)])
        with pytest.raises(RefusedError, match="the records changed charge 'CH-1'"):
            self.look(records)
        [row] = self.rows(store, charges)
        assert (row["amount_minor"], row["payee"], row["refunded_minor"]) == (2_000, "card:visa-1", 0)

    def test_a_charge_that_was_refunded_stays_with_its_order(
        self, store: Store, source: FakeSource, records: OutsideRecords
    ) -> None:
        self.look(records)
        self.intend(store.ledger, action())
        source.orders["ORD-2"] = order(order_id="ORD-2")
        with pytest.raises(RefusedError, match="order_id: expected 'ORD-1'"):
            find(records, customer_id="C-1", order_id="ORD-2")

    def test_an_order_that_was_refunded_stays_with_its_customer(
        self, store: Store, source: FakeSource, records: OutsideRecords
    ) -> None:
        self.look(records)
        self.intend(store.ledger, action())
        source.orders["ORD-1"] = order(customer_id="C-2")
        with pytest.raises(RefusedError, match="gave order 'ORD-1' to 'C-2'"):
            self.look(records, customer_id="C-2")

    def test_a_charge_is_of_one_tenant(self, store: Store, records: OutsideRecords) -> None:
        """Two shops that count their payments from 1 must not pay from each other's."""
        self.look(records)
        store.cases.admit([stored_case("x", case=case_input("x", tenant="other"))])
        with pytest.raises(RefusedError, match="the tenant that has this charge already"):
            self.look(records, tenant="other")
        with pytest.raises(RefusedError, match="not in the records of 'other'"):
            self.intend(store.ledger, action("x"))

    # --- races ------------------------------------------------------------------------------------------------------

    def test_who_looked_earlier_does_not_write_over_who_looked_later(
        self, store: Store, source: FakeSource, records: OutsideRecords
    ) -> None:
        """The first look sees the old payee, stands still, and a second one sees the new."""
        self.look(records)

        def second() -> None:
            source.orders["ORD-1"] = order(charges=[charge(payee="card:new")])
            self.look(records)

        source.meanwhile = [second]
        self.look(records)
        assert [row["payee"] for row in self.rows(store, charges)] == ["card:new"]

    def test_who_is_always_overtaken_tries_again_later(
        self, source: FakeSource, records: OutsideRecords, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before_all = records._mirror.now()
        self.look(records)
        monkeypatch.setattr(records._mirror, "now", lambda: before_all)
        source.looks = 0
        with pytest.raises(TransientError, match="looked at by others"):
            self.look(records)
        assert source.looks == LOOKS

    def test_a_clock_that_was_set_back_locks_nobody_out(self, store: Store, records: OutsideRecords) -> None:
        self.look(records)
        with store.database.engine.begin() as connection:
            connection.execute(sa.update(charges).values(seen_at=NOW + timedelta(days=10_000)))
        assert self.look(records) == [0]

    # --- before a payment begins ------------------------------------------------------------------------------------

    def test_what_a_clerk_paid_back_since_the_decision_counts(
        self, source: FakeSource, records: OutsideRecords, ledger: FreshLedger
    ) -> None:
        """An approval may take days; meanwhile the customer rings somebody up."""
        self.look(records)
        source.orders["ORD-1"] = order(charges=[charge(refunded_minor=2_000)])
        with pytest.raises(RecordsMovedError, match="has to be decided again"):
            self.intend(ledger, action(), seen_back_minor=0)
        with pytest.raises(RecordsMovedError, match="is left"):
            self.intend(ledger, action())
        assert ledger.find("case/shop/e1/refund") is None

    @pytest.mark.parametrize("gone", [True, False])
    def test_an_order_that_is_gone_or_somebody_elses_is_decided_again(
        self, source: FakeSource, records: OutsideRecords, ledger: FreshLedger, gone: bool
    ) -> None:
        self.look(records)
        source.orders = {} if gone else {"ORD-1": order(customer_id="C-2")}
        with pytest.raises(RecordsMovedError, match="has to be decided again"):
            self.intend(ledger, action())

    @pytest.mark.parametrize("left", [[], [charge(charge_id="CH-2")]])
    def test_a_charge_that_its_order_has_no_more_is_decided_again(
        self, source: FakeSource, records: OutsideRecords, ledger: FreshLedger, left: list[Charge]
    ) -> None:
        self.look(records)
        source.orders["ORD-1"] = order(charges=left)
        with pytest.raises(RecordsMovedError, match="charge 'CH-1' is not one of order 'ORD-1' any more"):
            self.intend(ledger, action())

    def test_a_charge_that_is_disputed_since_the_decision_is_decided_again(
        self, source: FakeSource, records: OutsideRecords, ledger: FreshLedger
    ) -> None:
        self.look(records)
        source.orders["ORD-1"] = order(charges=[charge(disputed=True)])
        with pytest.raises(RecordsMovedError, match="'CH-1' is disputed now"):
            self.intend(ledger, action())
        account = find(records, customer_id="C-1", order_id="ORD-1")
        assert account.order is not None
        assert [one.disputed for one in account.order.charges] == [True]
        source.orders["ORD-1"] = order()
        assert self.intend(ledger, action()) is LedgerState.INTENDED

    def test_a_payee_that_changed_since_the_decision_is_not_paid(
        self, source: FakeSource, records: OutsideRecords, ledger: FreshLedger
    ) -> None:
        self.look(records)
        source.orders["ORD-1"] = order(charges=[charge(payee="card:new")])
        with pytest.raises(RefusedError, match="money goes back where it came from"):
            self.intend(ledger, action())

    def test_records_that_are_away_stop_what_is_new_and_not_what_was_begun(
        self, source: FakeSource, records: OutsideRecords, ledger: FreshLedger
    ) -> None:
        self.look(records)
        self.intend(ledger, action())
        source.away = True
        assert self.intend(ledger, action()) is LedgerState.INTENDED
        with pytest.raises(TransientError):
            self.intend(ledger, action("e2"))
        source.away = False
        ledger.abandon("case/shop/e1/refund", "test", NOW, seen=NOW)
        source.away = True
        with pytest.raises(TransientError):
            self.intend(ledger, action())

    def test_the_language_of_the_customer_outlives_the_second_look(
        self, store: Store, records: OutsideRecords, ledger: FreshLedger
    ) -> None:
        self.look(records)
        self.intend(ledger, action())
        assert [row["lang"] for row in self.rows(store, customers)] == ["de"]

    def test_a_case_that_was_never_admitted_asks_nobody(
        self, source: FakeSource, records: OutsideRecords, ledger: FreshLedger
    ) -> None:
        with pytest.raises(RefusedError, match="never admitted"):
            self.intend(ledger, action("unheard"))
        assert source.looks == 0
