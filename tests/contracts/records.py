"""What every system of record promises, wherever it keeps customers and orders. Sub-classed with fixtures `store` and
`records`, which know the same people and orders as `tests.contracts.store_samples`.
"""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from adapters.store import Store
from domain.money.amount import Money
from domain.money.records import Account, LineKind, OrderStatus
from domain.money.refund_action import RefundTerms
from ports.store import CustomerRecords
from tests.contracts.store_samples import NOW, action, stored_case


def find(records: CustomerRecords, *, now: datetime = NOW, case_id: str | None = None, **wanted: str | None) -> Account:
    values: dict[str, Any] = {
        "tenant": "default",
        "customer_id": None,
        "sender_email": None,
        "order_id": None,
        **wanted,
    }
    return records.find_account(**values, now=now, case_id=case_id)


class RecordsContract:
    """Who is found, whose order it is, and what went back."""

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            ({}, (None, None, False)),
            ({"order_id": "ORD-1"}, (None, None, False)),
            ({"sender_email": "nobody@example.com", "order_id": "ORD-1"}, (None, None, False)),
            ({"customer_id": "C-2", "sender_email": "ann@example.com"}, (None, None, False)),
            ({"tenant": "nowhere", "customer_id": "C-1"}, (None, None, False)),
            ({"tenant": "../default", "customer_id": "C-1"}, (None, None, False)),
            ({"customer_id": "C-1", "order_id": "ORD-3"}, ("C-1", None, True)),
            ({"tenant": "other", "customer_id": "C-1", "order_id": "ORD-1"}, ("C-1", None, False)),
            ({"customer_id": "C-1", "order_id": "ORD-99"}, ("C-1", None, False)),
            ({"customer_id": "C-1", "order_id": "%"}, ("C-1", None, False)),
            ({"customer_id": "C-1", "order_id": "ORD-1' OR '1'='1"}, ("C-1", None, False)),
            ({"customer_id": "C-1", "order_id": "../customers/C-1"}, ("C-1", None, False)),
            ({"customer_id": "C-1", "order_id": ".."}, ("C-1", None, False)),
            ({"customer_id": "C-1", "order_id": "ORD-1?x=1"}, ("C-1", None, False)),
            ({"customer_id": "C-1", "order_id": "ORD-1/"}, ("C-1", "ORD-1", False)),
            ({"customer_id": "C-1", "order_id": "ord\u20131"}, ("C-1", "ORD-1", False)),
            ({"customer_id": "C-1", "order_id": "ORD \u0661"}, ("C-1", "ORD-1", False)),
            ({"customer_id": "C-1", "order_id": "ORD 3"}, ("C-1", None, False)),
            ({"customer_id": "C-1", "order_id": "1"}, ("C-1", None, False)),
            ({"customer_id": "C-1", "order_id": "O\0"}, ("C-1", None, False)),
            ({"customer_id": "C-1", "order_id": "x" * 5000}, ("C-1", None, False)),
            ({"customer_id": "\0", "sender_email": "a\0@b"}, (None, None, False)),
            ({"customer_id": "C-1", "sender_email": "a\0@b"}, (None, None, False)),
            ({"customer_id": "C-1", "sender_email": "x" * 300 + "@b.example"}, (None, None, False)),
            ({"sender_email": "%@example.com"}, (None, None, False)),
            ({"sender_email": "*"}, (None, None, False)),
            ({"customer_id": "' OR 1=1 --"}, (None, None, False)),
            ({"customer_id": "c-1"}, (None, None, False)),
            ({"sender_email": " ANN@example.COM ", "order_id": "#ord-1 "}, ("C-1", "ORD-1", False)),
            ({"customer_id": "C-1", "sender_email": "unknown@x.example"}, (None, None, False)),
            ({"customer_id": "C-1", "sender_email": "unknown@x.example", "order_id": "ORD-1"}, (None, None, False)),
            ({"customer_id": "C-1", "sender_email": " "}, ("C-1", None, False)),
            ({"customer_id": "C-1", "sender_email": "Ann@example.COM"}, ("C-1", None, False)),
            ({"customer_id": "C-404", "sender_email": "bob@example.com"}, ("C-2", None, False)),
        ],
    )
    def test_who_is_found(
        self, records: CustomerRecords, wanted: dict[str, str | None], found: tuple[str | None, str | None, bool]
    ) -> None:
        account = find(records, **wanted)
        customer = account.customer.customer_id if account.customer else None
        order = account.order.order_id if account.order else None
        assert (customer, order, account.order_of_somebody_else) == found

    def test_of_nobody_and_of_other_peoples_orders_nothing_is_told(self, records: CustomerRecords) -> None:
        assert find(records, sender_email="nobody@example.com", order_id="ORD-1") == Account()
        account = find(records, customer_id="C-2", order_id="ORD-1")
        assert (account.order, account.candidate_orders, account.refunded_today_minor) == (None, ["ORD-3"], 0)

    @pytest.mark.parametrize(
        ("written", "matched"), [("ORD-1", False), ("#ord-1 ", False), ("ord\u20131", False), ("ORD 1", True)]
    )
    def test_an_order_says_whether_its_number_was_written_another_way(
        self, records: CustomerRecords, written: str, matched: bool
    ) -> None:
        account = find(records, customer_id="C-1", order_id=written)
        assert account.order is not None
        assert account.order_matched is matched

    def test_an_order_comes_with_all_that_a_decision_needs(self, records: CustomerRecords) -> None:
        account = find(records, customer_id="C-1", order_id="ORD-1")
        assert account.customer is not None
        assert (account.customer.tenant, account.customer.lang) == ("default", "en")
        order = account.order
        assert order is not None
        assert (order.status, order.total_minor, order.currency) == (OrderStatus.DELIVERED, 2_000, "USD")
        assert order.placed_at == NOW - timedelta(days=10)
        assert (order.delivered_at, order.promised_at) == (NOW - timedelta(days=7), NOW - timedelta(days=6))
        [charge] = order.charges
        assert (charge.charge_id, charge.amount_minor, charge.currency) == ("CH-1", 2_000, "USD")
        assert (charge.payee, charge.refunded_minor, charge.disputed) == ("card:visa-1", 0, False)
        assert charge.captured_at == NOW - timedelta(days=10)
        assert account.candidate_orders == ["ORD-2", "ORD-1"]

    def test_an_order_comes_with_its_lines_where_they_are_known(self, records: CustomerRecords) -> None:
        order = find(records, customer_id="C-1", order_id="ORD-1").order
        other = find(records, customer_id="C-1", order_id="ORD-2").order
        assert order is not None
        assert other is not None
        assert {line.name: (line.quantity, line.amount_minor, line.kind) for line in order.lines} == {
            "Tea cup, blue": (3, 1_510, LineKind.ITEM),
            "Standard parcel": (1, 490, LineKind.SHIPPING),
        }
        assert other.lines == []

    def test_what_was_refunded_by_others_counts(self, records: CustomerRecords) -> None:
        account = find(records, customer_id="C-2", order_id="ORD-3")
        assert account.order is not None
        assert account.order.charges[0].refunded_minor == 1_000
        assert account.order.charges[0].disputed is True
        assert account.order.promised_at == NOW + timedelta(days=4)
        assert account.order.delivered_at is None

    def test_refunds_count_from_the_intention_on_but_not_for_their_own_case(
        self, store: Store, records: CustomerRecords
    ) -> None:
        store.cases.admit([stored_case("e1")])
        of = {"customer_id": "C-1", "order_id": "ORD-1"}
        find(records, **of)
        store.ledger.intend(action("e1"), step="refund", approval_id=None, terms=RefundTerms(), now=NOW)
        other = find(records, **of, case_id="case/shop/e2")
        own = find(records, **of, case_id="case/shop/e1")
        assert other.order is not None
        assert own.order is not None
        assert (other.order.charges[0].refunded_minor, other.refunded_today_minor) == (500, 500)
        assert (own.order.charges[0].refunded_minor, own.refunded_today_minor, own.own_effect) == (0, 0, None)
        store.ledger.execute("case/shop/e1/refund", "ref", NOW)
        own = find(records, **of, case_id="case/shop/e1")
        assert own.own_effect is not None
        assert own.own_effect.money == Money(minor=500, currency="USD")

    def test_what_headgate_paid_back_for_other_cases_comes_with_its_time(
        self, store: Store, records: CustomerRecords
    ) -> None:
        store.cases.admit([stored_case("e1"), stored_case("e2"), stored_case("e3")])
        of = {"customer_id": "C-1", "order_id": "ORD-1"}
        find(records, **of)
        for number, name in enumerate(("e1", "e2", "e3")):
            at = NOW + timedelta(minutes=number)
            store.ledger.intend(action(name), step="refund", approval_id=None, terms=RefundTerms(), now=at)
        store.ledger.execute("case/shop/e1/refund", "ref", NOW + timedelta(hours=1))
        store.ledger.abandon("case/shop/e3/refund", "refused", NOW, seen=NOW + timedelta(minutes=2))
        paid = find(records, **of, case_id="case/shop/other").paid_back
        assert [(p.charge_id, p.money.minor, p.at) for p in paid] == [
            ("CH-1", 500, NOW + timedelta(hours=1)),
            ("CH-1", 500, None),
        ]
        own = find(records, **of, case_id="case/shop/e1")
        assert [p.at for p in own.paid_back] == [None]
        assert own.order is not None
        assert own.order.charges[0].refunded_minor == 500

    def test_today_is_counted_from_midnight_utc_wherever_the_clock_is(
        self, store: Store, records: CustomerRecords
    ) -> None:
        store.cases.admit([stored_case("e1")])
        of = {"customer_id": "C-1", "order_id": "ORD-1"}
        find(records, **of)
        late = datetime(2026, 6, 14, 23, 59, tzinfo=UTC)
        store.ledger.intend(action("e1"), step="refund", approval_id=None, terms=RefundTerms(), now=late)
        tokyo = (late + timedelta(minutes=2)).astimezone(timezone(timedelta(hours=9)))
        just_before = late.astimezone(timezone(timedelta(hours=9)))
        assert find(records, **of, now=tokyo).refunded_today_minor == 0
        assert find(records, **of, now=just_before).refunded_today_minor == 500

    @pytest.mark.parametrize(
        ("tenant", "customer_id", "address"),
        [
            ("default", "C-1", "ann@example.com"),
            ("default", "#C-2", "bob@example.com"),
            ("default", "C-9", None),
            ("default", "c-1", None),
            ("default", "", None),
            ("default", "\0", None),
            ("default", "%", None),
            ("nowhere", "C-1", None),
        ],
    )
    def test_a_customer_s_address_is_the_one_on_record(
        self, records: CustomerRecords, tenant: str, customer_id: str, address: str | None
    ) -> None:
        found = records.address_of(tenant=tenant, customer_id=customer_id)
        assert (found.lower() if found else None) == address
