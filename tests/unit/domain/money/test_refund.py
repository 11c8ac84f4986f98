"""Whether and how much is refunded; above all when not."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.money.amount import Money
from domain.money.claim import Claim, Origin, Reason, Wants
from domain.money.records import Account, Charge, Customer, Order, OrderStatus
from domain.money.refund import (
    Ask,
    Deny,
    Inform,
    Mark,
    Refund,
    RefundDecision,
    RefundPolicy,
    Rule,
    ToHuman,
    decide_refund,
    describe,
)

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
POLICY = RefundPolicy()
CENT = Money(minor=1, currency="USD")


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def charge(number: int = 1, minor: int = 2_000, *, days: float = 10, back: int = 0, currency: str = "USD") -> Charge:
    return Charge(
        charge_id=f"CH-{number}",
        amount_minor=minor,
        currency=currency,
        captured_at=ago(days),
        payee=f"card:{number}",
        refunded_minor=back,
    )


def disputed(one: Charge) -> Charge:
    return one.model_copy(update={"disputed": True})


def order(*charges: Charge, **changes: object) -> Order:
    values: dict[str, object] = {
        "order_id": "ORD-1",
        "customer_id": "C-1",
        "status": OrderStatus.DELIVERED,
        "placed_at": ago(10),
        "delivered_at": ago(5),
        "promised_at": ago(6),
        "total_minor": 2_000,
        "currency": "USD",
        "charges": list(charges) if charges else [charge()],
        **changes,
    }
    return Order.model_validate(values)


def account(of: Order | None = None, **changes: object) -> Account:
    found = {"customer": Customer(customer_id="C-1"), "order": of or order(), "status_counts": True}
    return Account.model_validate({**found, **changes})


def claim(reason: Reason = Reason.DAMAGED, **changes: object) -> Claim:
    values: dict[str, object] = {
        "wants": Wants.REFUND,
        "reason": reason,
        "order_id": "ORD-1",
        "order_origin": Origin.QUOTED,
        **changes,
    }
    return Claim.model_validate(values)


def decide(told: Claim, known: Account, *, suspicious: bool = False, policy: RefundPolicy = POLICY) -> RefundDecision:
    return decide_refund(told, known, policy, now=NOW, suspicious=suspicious)


def usd(minor: int) -> Money:
    return Money(minor=minor, currency="USD")


@pytest.mark.parametrize(
    ("told", "known", "kind", "rule"),
    [
        (claim(unreadable=["amount"]), account(), ToHuman, Rule.UNREADABLE_FIELD),
        (claim(unreadable=["amount"], wants=Wants.INFORMATION), account(), ToHuman, Rule.UNREADABLE_FIELD),
        (claim(wants=Wants.INFORMATION), account(), Inform, Rule.NOT_A_REFUND),
        (claim(), Account(), Ask, Rule.NO_CUSTOMER),
        (claim(order_id=None), account(), Ask, Rule.NO_ORDER_NAMED),
        (claim(), Account(customer=Customer(customer_id="C-1")), Ask, Rule.ORDER_NOT_FOUND),
        (claim(), Account(customer=Customer(customer_id="C-1"), order_of_somebody_else=True), Ask, Rule.NOT_THE_OWNER),
        (claim(), account(order(customer_id="C-2")), Ask, Rule.NOT_THE_OWNER),
        (claim(), account(order().model_copy(update={"charges": []})), Deny, Rule.NO_CHARGE),
        (claim(), account(order(disputed(charge()))), ToHuman, Rule.DISPUTE_OPEN),
        (claim(), account(order(disputed(charge(back=2_000)))), ToHuman, Rule.DISPUTE_OPEN),
        (
            claim(Reason.DUPLICATE_CHARGE),
            account(order(disputed(charge(1, days=3)), charge(2, days=2))),
            ToHuman,
            Rule.DISPUTE_OPEN,
        ),
        (claim(amount=Money(minor=1, currency="EUR")), account(), ToHuman, Rule.CURRENCY_DIFFERS),
        (claim(), account(order(charge(currency="EUR"))), ToHuman, Rule.CURRENCY_DIFFERS),
        (
            claim(Reason.DUPLICATE_CHARGE),
            account(order(charge(1, days=3, currency="EUR"), charge(2, days=2))),
            ToHuman,
            Rule.CURRENCY_DIFFERS,
        ),
        (claim(Reason.LATE_DELIVERY), account(order(charge(back=400))), Deny, Rule.NOTHING_LEFT),
        (claim(Reason.SERVICE_OUTAGE), account(order(charge(back=500))), Deny, Rule.NOTHING_LEFT),
        (claim(Reason.OVERCHARGED), account(order(charge(minor=2_700, back=700))), Deny, Rule.NOTHING_LEFT),
        (claim(), account(order(charge(back=2_000))), Deny, Rule.ALREADY_REFUNDED),
        (claim(), account(order(charge(days=60.01))), Deny, Rule.WINDOW_PASSED),
        (claim(amount=usd(2_001)), account(), ToHuman, Rule.ABOVE_THE_CHARGE),
        (claim(amount=usd(0)), account(), Deny, Rule.NOTHING_LEFT),
        (claim(Reason.DUPLICATE_CHARGE), account(), Deny, Rule.NO_DUPLICATE),
        # Two instalments of what the order costs are no charge too many.
        (
            claim(Reason.DUPLICATE_CHARGE),
            account(order(charge(1), charge(2), total_minor=4_000)),
            Deny,
            Rule.NO_DUPLICATE,
        ),
        (claim(Reason.DUPLICATE_CHARGE), account(order(charge(1), charge(2, 1_999))), Deny, Rule.NO_DUPLICATE),
        # A third part was taken twice, and as much was paid back already, wherever it was.
        (
            claim(Reason.DUPLICATE_CHARGE),
            account(
                order(charge(1, 4_000, days=9, back=2_000), charge(2, days=3), charge(3, days=2), total_minor=6_000)
            ),
            Deny,
            Rule.NOTHING_LEFT,
        ),
        (claim(Reason.OVERCHARGED), account(), Deny, Rule.CHARGED_AS_ORDERED),
        (claim(Reason.NOT_RECEIVED), account(), ToHuman, Rule.DELIVERED_ALREADY),
        (claim(Reason.NOT_RECEIVED), account(order(status=OrderStatus.SHIPPED)), Deny, Rule.ON_ITS_WAY),
        (claim(Reason.DAMAGED), account(order(status=OrderStatus.SHIPPED)), Deny, Rule.NOT_DELIVERED_YET),
        (claim(Reason.WRONG_ITEM), account(order(status=OrderStatus.SHIPPED)), Deny, Rule.NOT_DELIVERED_YET),
        *(
            (claim(reason), account(order(status=status)), ToHuman, Rule.STATUS_DIFFERS)
            for reason in (Reason.DAMAGED, Reason.WRONG_ITEM, Reason.LATE_DELIVERY, Reason.SERVICE_OUTAGE)
            for status in (OrderStatus.LOST, OrderStatus.CANCELLED)
        ),
        *(
            (claim(Reason.CHANGED_MIND), account(order(status=status)), ToHuman, Rule.STATUS_DIFFERS)
            for status in (OrderStatus.SHIPPED, OrderStatus.LOST, OrderStatus.CANCELLED)
        ),
        (claim(Reason.LATE_DELIVERY), account(order(delivered_at=ago(6))), Deny, Rule.NOT_LATE),
        (claim(Reason.LATE_DELIVERY), account(order(promised_at=None)), Deny, Rule.NOT_LATE),
        (claim(Reason.CHANGED_MIND), account(order(charge(days=14.01))), Deny, Rule.WINDOW_PASSED),
        (claim(Reason.UNKNOWN_CHARGE), account(), ToHuman, Rule.UNKNOWN_CHARGE),
        (claim(Reason.OTHER), account(), ToHuman, Rule.NO_RULE),
        (claim(Reason.LATE_DELIVERY), account(order(charge(minor=4), total_minor=4)), Deny, Rule.NOTHING_LEFT),
    ],
)
def test_when_nothing_is_paid(told: Claim, known: Account, kind: type, rule: Rule) -> None:
    decision = decide(told, known)
    assert (type(decision), decision.rule) == (kind, rule)


@pytest.mark.parametrize(
    ("told", "known", "rule", "minor", "paid_charge"),
    [
        (claim(), account(), Rule.FAULTY, 2_000, "CH-1"),
        (claim(amount=usd(300)), account(), Rule.FAULTY, 300, "CH-1"),
        (claim(), account(order(charge(back=500))), Rule.FAULTY, 1_500, "CH-1"),
        (claim(amount=usd(2_000)), account(order(charge(back=500))), Rule.FAULTY, 1_500, "CH-1"),
        (
            claim(Reason.DUPLICATE_CHARGE),
            account(order(charge(1, days=3), charge(2, days=2))),
            Rule.DUPLICATE,
            2_000,
            "CH-2",
        ),
        (
            claim(Reason.DUPLICATE_CHARGE),
            account(order(charge(1, days=3, back=500), charge(2, days=2))),
            Rule.DUPLICATE,
            1_500,
            "CH-2",
        ),
        # Never more than was taken beyond the order's total.
        (
            claim(Reason.DUPLICATE_CHARGE),
            account(order(charge(1, days=3), charge(2, days=2), total_minor=2_500)),
            Rule.DUPLICATE,
            1_500,
            "CH-2",
        ),
        (claim(Reason.OVERCHARGED), account(order(charge(minor=2_700))), Rule.OVERCHARGE, 700, "CH-1"),
        (claim(Reason.NOT_RECEIVED), account(order(status=OrderStatus.LOST)), Rule.UNDELIVERED, 2_000, "CH-1"),
        (
            claim(Reason.NOT_RECEIVED),
            account(order(status=OrderStatus.SHIPPED, placed_at=ago(15))),
            Rule.UNDELIVERED,
            2_000,
            "CH-1",
        ),
        (claim(Reason.LATE_DELIVERY), account(), Rule.LATE, 400, "CH-1"),
        (claim(Reason.SERVICE_OUTAGE), account(), Rule.OUTAGE, 500, "CH-1"),
        (claim(Reason.CHANGED_MIND), account(), Rule.CHANGE_OF_MIND, 2_000, "CH-1"),
        (claim(), account(order(charge(days=60))), Rule.FAULTY, 2_000, "CH-1"),
    ],
)
def test_how_much_is_paid(told: Claim, known: Account, rule: Rule, minor: int, paid_charge: str) -> None:
    decision = decide(told, known)
    assert isinstance(decision, Refund)
    assert (decision.rule, decision.money, decision.charge_id) == (rule, usd(minor), paid_charge)
    assert decision.payee == f"card:{paid_charge[-1]}"


def test_a_twin_that_was_paid_back_already_is_not_paid_back_again() -> None:
    decision = decide(claim(Reason.DUPLICATE_CHARGE), account(order(charge(1, days=3, back=2_000), charge(2, days=2))))
    assert (type(decision), decision.rule) == (Deny, Rule.NOTHING_LEFT)


def test_a_message_that_hides_text_never_pays_by_itself() -> None:
    assert decide(claim(), account(), suspicious=True) == ToHuman(rule=Rule.SUSPICIOUS_TEXT)


def test_who_is_only_named_by_strangers_is_not_paid_without_a_person() -> None:
    """Anybody can write `Reply-To:` a customer."""
    found = decide_refund(claim(), account(), POLICY, now=NOW, vouched=False)
    assert found == ToHuman(rule=Rule.SENDER_NOT_VOUCHED_FOR)


def test_while_an_older_case_may_take_the_wish_back_nothing_is_paid() -> None:
    waits = account().model_copy(update={"before_people": ["case/mail/a"]})
    assert decide(claim(), waits) == ToHuman(rule=Rule.OPEN_ELSEWHERE)


@pytest.mark.parametrize(
    ("told", "known", "marks"),
    [
        (claim(), account(order(charge(minor=499_999))), []),
        (claim(), account(order(charge(minor=500_000))), [Mark.AT_OR_ABOVE_LIMIT]),
        # The rest of a charge whose first part was paid below the limit.
        (claim(), account(order(charge(minor=900_000, back=499_999))), [Mark.AT_OR_ABOVE_LIMIT]),
        (
            claim(amount=Money(minor=1, currency="USD")),
            account(order(charge(minor=900_000, back=499_999))),
            [Mark.AT_OR_ABOVE_LIMIT, Mark.PAID_IN_PART],
        ),
        # "25 percent", then "10 percent": a correction, or one part more? Nobody knows.
        (
            claim(amount=Money(minor=1, currency="USD")),
            account(order(charge(minor=900_000, back=499_998))),
            [Mark.PAID_IN_PART],
        ),
        (claim(order_origin=Origin.GUESSED), account(), [Mark.GUESSED_ORDER]),
        (claim(), account(refunded_today_minor=998_000), []),
        (claim(), account(refunded_today_minor=998_001), [Mark.ABOVE_DAILY_CAP]),
        (claim(), account(order(charge(currency="SEK"), currency="SEK")), [Mark.NO_LIMIT_FOR_CURRENCY]),
    ],
)
def test_what_needs_a_person(told: Claim, known: Account, marks: list[Mark]) -> None:
    decision = decide(told, known)
    assert isinstance(decision, Refund)
    assert decision.marks == marks


money = st.integers(0, 10**9)
currencies = st.sampled_from(["USD", "EUR", "SEK"])


@st.composite
def any_charge(draw: st.DrawFn) -> Charge:
    minor = draw(money)
    return charge(
        draw(st.integers(1, 9)),
        minor,
        days=draw(st.floats(-1, 90)),
        back=draw(st.integers(0, minor)),
        currency=draw(currencies),
    )


any_claim = st.builds(
    Claim,
    wants=st.sampled_from(Wants),
    reason=st.sampled_from(Reason),
    order_id=st.sampled_from([None, "ORD-1", "ORD-2"]),
    order_origin=st.sampled_from(Origin),
    amount=st.none() | st.builds(Money, minor=money, currency=currencies),
    amount_origin=st.sampled_from(Origin),
    unreadable=st.sampled_from([[], [], ["amount"]]),
)
any_order = st.builds(
    Order,
    order_id=st.sampled_from(["ORD-1", "ORD-2"]),
    customer_id=st.sampled_from(["C-1", "C-2"]),
    status=st.sampled_from(OrderStatus),
    placed_at=st.floats(-1, 90).map(ago),
    delivered_at=st.none() | st.floats(-1, 90).map(ago),
    promised_at=st.none() | st.floats(-1, 90).map(ago),
    total_minor=money,
    currency=currencies,
    charges=st.lists(any_charge(), max_size=3, unique_by=lambda c: c.charge_id),
)
any_account = st.builds(
    Account,
    customer=st.none() | st.just(Customer(customer_id="C-1")),
    order=st.none() | any_order,
    order_of_somebody_else=st.booleans(),
    refunded_today_minor=money,
)


@settings(max_examples=400)
@given(any_claim, any_account, st.booleans())
def test_whatever_is_claimed_no_refund_goes_beyond_the_records(told: Claim, known: Account, suspicious: bool) -> None:
    decision = decide(told, known, suspicious=suspicious)
    assert describe(decision)
    if not isinstance(decision, Refund):
        return
    assert told.wants is Wants.REFUND
    assert not suspicious
    assert not told.unreadable
    assert known.customer is not None
    assert known.order is not None
    assert known.order.customer_id == known.customer.customer_id
    assert not known.order_of_somebody_else
    paid = next(c for c in known.order.charges if c.charge_id == decision.charge_id)
    assert 0 < decision.money.minor <= paid.amount_minor - paid.refunded_minor
    assert (decision.money.currency, decision.payee) == (paid.currency, paid.payee)
    if told.amount is not None:
        assert decision.money.minor <= told.amount.minor
        assert decision.money.currency == told.amount.currency
    limit = POLICY.approval_limit_minor.get(decision.money.currency)
    if limit is None or decision.money.minor >= limit:
        assert decision.marks


@given(st.sampled_from(Reason), st.lists(st.none() | st.integers(1, 3_000), min_size=8, max_size=8))
def test_complaining_again_and_again_brings_no_more_than_complaining_once(
    reason: Reason, amounts: list[int | None]
) -> None:
    of = order(charge(1, 2_500, days=3), charge(2, 2_500, days=2))
    once = decide(claim(reason), account(of))
    owed = once.money.minor if isinstance(once, Refund) else 0
    paid = 0
    for amount in amounts:
        decision = decide(claim(reason, amount=usd(amount) if amount else None), account(of))
        if isinstance(decision, Refund):
            paid += decision.money.minor
            charges = [
                c.model_copy(update={"refunded_minor": c.refunded_minor + decision.money.minor})
                if c.charge_id == decision.charge_id
                else c
                for c in of.charges
            ]
            of = of.model_copy(update={"charges": charges})
    assert paid <= owed


@given(any_claim, any_order)
def test_an_order_of_somebody_else_never_pays(told: Claim, of: Order) -> None:
    stolen = of.model_copy(update={"customer_id": "C-2"})
    assert not isinstance(decide(told, account(stolen)), Refund)
    assert not isinstance(decide(told, account(of, order_of_somebody_else=True)), Refund)


def test_decisions_of_look_ups_from_before_the_status_counted_stand_on_replay() -> None:
    on_its_way = order(status=OrderStatus.SHIPPED)
    for counts, decided in ((True, ToHuman), (False, Refund)):
        known = account(on_its_way, status_counts=counts)
        assert isinstance(decide_refund(claim(Reason.CHANGED_MIND), known, POLICY, now=NOW), decided)


def test_what_is_settled_already_needs_no_person_to_look_where_the_order_is() -> None:
    paid_back = order(charge(back=5_000), status=OrderStatus.CANCELLED)
    decided = decide_refund(claim(Reason.CHANGED_MIND), account(paid_back), POLICY, now=NOW)
    assert isinstance(decided, Deny)
