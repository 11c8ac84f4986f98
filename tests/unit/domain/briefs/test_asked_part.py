"""Whose part a partial refund is: the customer's who asked for just that, or policy's."""

from datetime import UTC, datetime

import pytest

from domain.briefs.asked_part import is_part_asked_for
from domain.money.amount import Money
from domain.money.claim import Claim, Origin, Reason, Wants
from domain.money.records import Account, Charge, Customer, Order, OrderLine, OrderStatus
from domain.money.refund import Refund, RefundPolicy, decide_refund

NOW = datetime(2026, 11, 20, tzinfo=UTC)
LINES = [
    OrderLine(name="Blue mug", quantity=2, amount_minor=4_000),
    OrderLine(name="Lamp", quantity=1, amount_minor=6_000),
]
ORDER = Order(
    order_id="ORD-1", customer_id="C-1", status=OrderStatus.DELIVERED, placed_at=NOW, delivered_at=NOW,
    promised_at=NOW.replace(day=1), total_minor=10_000, currency="EUR", lines=LINES,
    charges=[Charge(charge_id="CH-1", amount_minor=10_000, currency="EUR", captured_at=NOW, payee="card:1")],
)  # fmt: skip
ACCOUNT = Account(customer=Customer(customer_id="C-1"), order=ORDER)


def euros(minor: int) -> Money:
    return Money(minor=minor, currency="EUR")


@pytest.mark.parametrize(
    ("reason", "asked", "paid", "is_asked"),
    [
        (Reason.DAMAGED, {"amount": euros(3_725), "amount_origin": Origin.QUOTED}, 3_725, True),
        (Reason.DAMAGED, {"amount": euros(3_725), "amount_origin": Origin.GIVEN}, 3_725, True),
        (Reason.DAMAGED, {"amount": euros(3_725), "amount_origin": Origin.GUESSED}, 3_725, False),
        (Reason.DAMAGED, {"share_bp": 3_333}, 3_333, True),
        (Reason.DAMAGED, {"items": ["the lamp"]}, 6_000, True),
        (Reason.LATE_DELIVERY, {}, 2_000, False),
        (Reason.LATE_DELIVERY, {"amount": euros(5_000), "amount_origin": Origin.QUOTED}, 2_000, False),
        (Reason.LATE_DELIVERY, {"amount": euros(1_000), "amount_origin": Origin.QUOTED}, 1_000, True),
        (Reason.LATE_DELIVERY, {"share_bp": 5_000}, 2_000, False),
        (Reason.DAMAGED, {}, 10_000, False),  # no part at all
    ],
)
def test_a_part_is_the_customers_where_just_that_was_asked_for(
    reason: Reason, asked: dict[str, object], paid: int, is_asked: bool
) -> None:
    claim = Claim.model_validate(
        {"wants": Wants.REFUND, "reason": reason, "order_id": "ORD-1", "order_origin": Origin.QUOTED, **asked}
    )
    refund = decide_refund(claim, ACCOUNT, RefundPolicy(), now=NOW)
    assert isinstance(refund, Refund)
    assert refund.money.minor == paid
    assert is_part_asked_for(refund, claim, ACCOUNT) is is_asked
