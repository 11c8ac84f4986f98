"""An outage is paid of what can be down: of an order that is known to be for a service and for no goods."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from domain.money.claim import Claim, Origin, Reason, Wants
from domain.money.records import Account, Charge, Customer, LineKind, Order, OrderLine, OrderStatus
from domain.money.refund import Deny, Refund, RefundDecision, RefundPolicy, Rule, ToHuman, decide_refund

NOW = datetime(2026, 3, 1, tzinfo=UTC)
POLICY = RefundPolicy()
ITEM, SERVICE, SHIPPING, TAX, FEE = (LineKind(kind) for kind in ("item", "service", "shipping", "tax", "fee"))


def decide(kinds: Sequence[LineKind], *, back: int = 0, days: int = 10, counts: bool = True) -> RefundDecision:
    lines = [OrderLine(name=f"Line {n}", quantity=1, amount_minor=10, kind=kind) for n, kind in enumerate(kinds)]
    at = NOW - timedelta(days=days)
    charge = Charge(
        charge_id="CH-1", amount_minor=2_000, currency="USD", captured_at=at, payee="card:1", refunded_minor=back
    )
    order = Order(
        order_id="ORD-1", customer_id="C-1", status=OrderStatus.DELIVERED, placed_at=at, total_minor=2_000,
        currency="USD", charges=[charge], lines=lines,
    )  # fmt: skip
    told = Claim(wants=Wants.REFUND, reason=Reason.SERVICE_OUTAGE, order_id="ORD-1", order_origin=Origin.QUOTED)
    known = Account(customer=Customer(customer_id="C-1"), order=order, status_counts=True, kinds_count=counts)
    return decide_refund(told, known, POLICY, now=NOW)


@pytest.mark.parametrize(
    "kinds",
    [[], [ITEM], [ITEM, ITEM], [ITEM, SHIPPING, TAX], [SHIPPING], [TAX], [FEE], [SERVICE, ITEM], [ITEM, SERVICE, FEE]],
    ids=lambda kinds: "+".join(kinds) or "unknown",
)
def test_an_outage_of_goods_or_of_what_nobody_knows_is_for_a_person(kinds: list[LineKind]) -> None:
    assert decide(kinds) == ToHuman(rule=Rule.SERVICE_UNKNOWN)


@pytest.mark.parametrize("kinds", [[SERVICE], [SERVICE, SERVICE], [SERVICE, TAX], [FEE, SERVICE, SHIPPING]])
def test_an_outage_of_a_service_is_paid_by_the_policy(kinds: list[LineKind]) -> None:
    decided = decide(kinds)
    assert isinstance(decided, Refund)
    assert (decided.rule, decided.money.minor) == (Rule.OUTAGE, 500)


@pytest.mark.parametrize(("changes", "rule"), [({"days": 61}, Rule.WINDOW_PASSED), ({"back": 500}, Rule.NOTHING_LEFT)])
def test_what_is_denied_anyway_needs_no_person_to_look_what_was_ordered(changes: dict[str, int], rule: Rule) -> None:
    assert decide([ITEM], **changes) == Deny(rule=rule)  # type: ignore[arg-type]


def test_decisions_of_look_ups_from_before_kinds_counted_stand_on_replay() -> None:
    assert isinstance(decide([ITEM], counts=False), Refund)
