"""Whose order a number is, and what is said where it is nobody's or somebody else's."""

from datetime import UTC, datetime

import pytest

from domain.money.lookup import CANDIDATE_ORDERS, OWN_ORDERS, Facts, KnownCustomer, email_key, look_up
from domain.money.records import Customer, Order, OrderStatus

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)


class Records:
    """Orders by id, each with its customer; counts the questions about orders."""

    def __init__(self, **orders: str) -> None:
        self.orders = {name.replace("_", "-"): owner for name, owner in orders.items()}
        self.listed: dict[str, list[str]] = {}
        self.asked: list[str] = []

    def customers(self, tenant: str, *, customer_id: str | None, email: str | None) -> list[KnownCustomer]:
        return [KnownCustomer(customer=Customer(customer_id=customer_id or "", tenant=tenant), email_key=email)]

    def order(self, tenant: str, order_id: str) -> Order | None:
        self.asked.append(order_id)
        if order_id not in self.orders:
            return None
        return Order(
            order_id=order_id, customer_id=self.orders[order_id], status=OrderStatus.PLACED, placed_at=NOW,
            total_minor=100, currency="USD",
        )  # fmt: skip

    def order_ids_of(self, tenant: str, customer_id: str) -> list[str]:
        own = [name for name, owner in self.orders.items() if owner == customer_id]
        return self.listed.get(customer_id, own)[:OWN_ORDERS]


def look(records: Records, written: str | None, customer_id: str = "C-1") -> Facts:
    return look_up(records, tenant="t", customer_id=customer_id, sender_email=None, order_id=written)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("strasse@a.example", "straße@a.example"),
        ("kate@a.example", "\u212aate@a.example"),
        ("ı@a.example", "i@a.example"),
    ],
)
def test_an_address_that_only_looks_alike_is_another_person(one: str, other: str) -> None:
    class OneCustomer(Records):
        def customers(self, tenant: str, *, customer_id: str | None, email: str | None) -> list[KnownCustomer]:
            return [KnownCustomer(customer=Customer(customer_id="C-1", tenant=tenant), email_key=email_key(one))]

    records = OneCustomer(ORD_1="C-1")
    found = look_up(records, tenant="t", customer_id=None, sender_email=one.upper(), order_id="ORD-1")
    assert (found.order is not None) == one.isascii()
    assert look_up(records, tenant="t", customer_id=None, sender_email=other, order_id="ORD-1") == Facts()


@pytest.mark.parametrize("written", ["ORD-50002", "50002", "ord 50002", "ORD-5000\u0662"])
def test_an_order_of_somebody_else_is_answered_as_one_that_does_not_exist(written: str) -> None:
    """But for a word to people, which no customer sees."""
    records = Records(ORD_50001="C-1", ORD_50002="C-2")
    theirs = look(records, written)
    missing = look(Records(ORD_50001="C-1"), written)
    assert theirs.model_copy(update={"order_of_somebody_else": False}) == missing
    assert missing.order is None
    assert missing.candidate_orders == ["ORD-50001"]


def test_a_strangers_exact_number_does_not_hide_the_own_order() -> None:
    """Else the difference would tell that the other one exists."""
    found = look(Records(**{"70001": "C-2", "ORD_70001": "C-1"}), "70001")
    assert found.order is not None
    assert (found.order.order_id, found.order_matched, found.order_of_somebody_else) == ("ORD-70001", True, False)


def test_the_exact_number_wins() -> None:
    found = look(Records(**{"ORD_70001": "C-1", "70001": "C-1"}), "70001")
    assert found.order is not None
    assert (found.order.order_id, found.order_matched) == ("70001", False)


def test_only_the_own_orders_are_compared() -> None:
    assert look(Records(ORD_50002="C-2"), "50002").order is None


def test_an_order_that_went_to_somebody_else_between_two_looks_is_none() -> None:
    records = Records(ORD_50002="C-2")
    records.listed["C-1"] = ["ORD-50002"]
    found = look(records, "50002")
    assert (found.order, found.order_matched) == (None, False)


def test_candidates_begin_with_what_may_be_meant() -> None:
    records = Records(**{f"ORD_{90000 + n}": "C-1" for n in range(9)}, ORD_12345="C-1")
    assert look(records, "ORD-12354").candidate_orders[0] == "ORD-12345"
    assert len(look(records, "ORD-12354").candidate_orders) == CANDIDATE_ORDERS
    assert look(records, None).candidate_orders == ["ORD-90000", "ORD-90001", "ORD-90002", "ORD-90003", "ORD-90004"]


def test_an_old_order_among_many_is_recognised_by_all_its_signs_only() -> None:
    records = Records(**{f"ORD_{10000 + n}": "C-1" for n in range(OWN_ORDERS)})
    assert look(records, "10150").order is None
    found = look(records, "ord 10150")
    assert found.order is not None
    assert found.order.order_id == "ORD-10150"


@pytest.mark.parametrize("written", ["", " ", "#", "\0", "O\0", "x" * 100_000, "\u00ad" * 100_000, "'; --", "\ud800"])
def test_what_is_no_number_asks_for_little_and_finds_nothing(written: str) -> None:
    records = Records(ORD_50001="C-1")
    assert look(records, written).order is None
    assert all(len(asked) <= 128 and asked.isprintable() for asked in records.asked)
