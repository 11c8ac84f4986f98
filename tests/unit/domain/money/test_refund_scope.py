"""How much is paid of what is asked: shares, figures that the records know, and every doubt a person's."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.money.amount import Money
from domain.money.claim import Claim, Doubt, Doubted, Mood, Origin, Reason, Wants
from domain.money.records import Account, Charge, Customer, LineKind, Order, OrderLine, OrderStatus
from domain.money.refund import Inform, Mark, Refund, RefundDecision, RefundPolicy, Rule, ToHuman, decide_refund

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def account(*, amount: int = 12_000, total: int | None = None, currency: str = "USD", charges: int = 1) -> Account:
    captured = NOW - timedelta(days=5)
    return Account(
        customer=Customer(customer_id="C-1"),
        order=Order(
            order_id="ORD-1",
            customer_id="C-1",
            status=OrderStatus.DELIVERED,
            placed_at=captured,
            delivered_at=NOW - timedelta(days=1),
            promised_at=NOW - timedelta(days=3),
            total_minor=amount if total is None else total,
            currency=currency,
            charges=[
                Charge(
                    charge_id=f"CH-{n}", amount_minor=amount, currency=currency, captured_at=captured, payee="card:1"
                )
                for n in range(charges)
            ],
        ),
    )


def decide(account_: Account | None = None, **read: object) -> RefundDecision:
    fields = {"wants": Wants.REFUND, "reason": Reason.DAMAGED, "order_id": "ORD-1", "order_origin": Origin.QUOTED}
    claim = Claim.model_validate({**fields, **read})
    return decide_refund(claim, account_ or account(), RefundPolicy(), now=NOW)


@pytest.mark.parametrize(
    ("doubt", "rule"),
    [
        (Doubt.NUMBER, Rule.CLAIM_UNREAD),
        (Doubt.PERCENT, Rule.CLAIM_UNREAD),
        (Doubt.CURRENCY, Rule.CLAIM_UNREAD),
        (Doubt.PART, Rule.CLAIM_UNREAD),
        (Doubt.RANGE, Rule.CLAIM_UNREAD),
        (Doubt.EXCEPTION, Rule.CLAIM_UNREAD),
        (Doubt.LANGUAGE, Rule.CLAIM_UNREAD),
        (Doubt.WORDING, Rule.CLAIM_UNREAD),
        (Doubt.ITEM, Rule.ITEM_UNKNOWN),
        (Doubt.OTHER_ORDER, Rule.SEVERAL_ORDERS),
        (Doubt.WITHDRAWN, Rule.NOT_WANTED_NOW),
        (Doubt.CONDITION, Rule.NOT_WANTED_NOW),
        (Doubt.DISPUTE, Rule.DISPUTE_TOLD),
        (Doubt.OTHER_REMEDY, Rule.SEVERAL_WISHES),
        (Doubt.OTHER_WISH, Rule.SEVERAL_WISHES),
    ],
)
def test_no_doubt_pays_by_itself(doubt: Doubt, rule: Rule) -> None:
    assert decide(doubts=[Doubted(doubt=doubt)]) == ToHuman(rule=rule)
    with_amount = decide(doubts=[Doubted(doubt=doubt)], amount=Money(minor=1, currency="USD"))
    assert with_amount == ToHuman(rule=rule)


def test_every_doubt_is_in_the_table_above() -> None:
    assert all(isinstance(decide(doubts=[Doubted(doubt=doubt)]), ToHuman) for doubt in Doubt)


@pytest.mark.parametrize("mood", [Mood.WITHDRAWN, Mood.CONDITIONAL])
def test_what_is_not_wanted_now_is_not_paid(mood: Mood) -> None:
    assert decide(mood=mood) == ToHuman(rule=Rule.NOT_WANTED_NOW)


def test_a_question_is_answered_unless_it_takes_something_back_or_asks_for_more() -> None:
    question = {"wants": Wants.INFORMATION}
    assert isinstance(decide(**question), Inform)
    assert isinstance(decide(**question, doubts=[Doubted(doubt=Doubt.NUMBER)]), Inform)
    assert decide(**question, doubts=[Doubted(doubt=Doubt.WITHDRAWN)]) == ToHuman(rule=Rule.NOT_WANTED_NOW)
    assert decide(**question, doubts=[Doubted(doubt=Doubt.OTHER_WISH)]) == ToHuman(rule=Rule.SEVERAL_WISHES)
    assert decide(**question, doubts=[Doubted(doubt=Doubt.LANGUAGE)]) == ToHuman(rule=Rule.CLAIM_UNREAD)


@pytest.mark.parametrize(("points", "minor"), [(2500, 3000), (5000, 6000), (3333, 3999), (1, 1), (10_000, 12_000)])
def test_a_share_is_of_the_charge_and_never_rounded_up(points: int, minor: int) -> None:
    verdict = decide(share_bp=points)
    assert isinstance(verdict, Refund)
    assert (verdict.money.minor, verdict.partial, verdict.marks) == (minor, minor < 12_000, [])


def test_a_share_never_beats_what_policy_grants() -> None:
    verdict = decide(reason=Reason.LATE_DELIVERY, share_bp=5000)
    assert isinstance(verdict, Refund)
    assert verdict.money.minor == 2400  # a fifth, whatever was asked


def test_a_share_of_a_large_charge_is_for_a_person() -> None:
    verdict = decide(account(amount=700_000), share_bp=1000)
    assert isinstance(verdict, Refund)
    assert (verdict.money.minor, verdict.marks) == (70_000, [Mark.SHARE_OF_LARGE_CHARGE])


def test_figures_and_numbers_must_be_the_records_own() -> None:
    charged = account(amount=7900, total=5900)
    known = {"figures": [Money(minor=7900, currency="USD")], "numbers": ["59", "20.00"], "reason": Reason.OVERCHARGED}
    verdict = decide(charged, **known)
    assert isinstance(verdict, Refund)
    assert verdict.money.minor == 2000
    assert decide(charged, **{**known, "numbers": ["15"]}) == ToHuman(rule=Rule.CLAIM_UNREAD)
    foreign = {**known, "figures": [Money(minor=7900, currency="EUR")]}
    assert decide(charged, **foreign) == ToHuman(rule=Rule.CURRENCY_DIFFERS)


def test_a_number_that_the_currency_cannot_have_is_unread() -> None:
    assert decide(account(currency="JPY"), numbers=["15.50"]) == ToHuman(rule=Rule.CLAIM_UNREAD)
    assert isinstance(decide(account(currency="JPY"), numbers=["12000"]), Refund)


def test_items_without_a_price_are_for_a_person() -> None:
    assert decide(items=["the lid"]) == ToHuman(rule=Rule.ITEM_UNKNOWN)


def _with_lines(*quantities: int) -> Account:
    found = account()
    assert found.order is not None
    goods = [OrderLine(name=f"Mug {n}", quantity=q, amount_minor=4_000) for n, q in enumerate(quantities)]
    lines = [*goods, OrderLine(name="Shipping", quantity=1, amount_minor=1_000, kind=LineKind.SHIPPING)]
    return found.model_copy(update={"order": found.order.model_copy(update={"lines": lines})})


def test_words_that_may_name_goods_are_a_persons_where_an_order_has_several() -> None:
    for several in (_with_lines(2), _with_lines(1, 1)):
        assert decide(several, things=["lid"]) == ToHuman(rule=Rule.ITEM_UNKNOWN)
        assert isinstance(decide(several), Refund)
    assert isinstance(decide(_with_lines(1), things=["lid"]), Refund)  # whatever is broken, it is the one thing
    assert isinstance(decide(things=["lid"]), Refund)  # what the order is made of is not known


def test_of_what_policy_fixes_other_words_make_no_matter() -> None:
    late = decide(_with_lines(2), things=["driver"], reason=Reason.LATE_DELIVERY)
    assert isinstance(late, Refund)
    assert late.money == Money(minor=2_400, currency="USD")


@pytest.mark.parametrize(("minor", "paid"), [(3_000, 3_000), (12_000, None)])
def test_who_wants_a_part_does_not_mean_an_amount_that_is_all(minor: int, paid: int | None) -> None:
    decision = decide(is_part_told=True, amount=Money(minor=minor, currency="USD"), amount_origin=Origin.GIVEN)
    assert decision.rule is (Rule.FAULTY if paid else Rule.CLAIM_UNREAD)
    assert not isinstance(decision, Refund) or decision.money.minor == paid


def test_what_policy_fixes_is_a_part_by_itself() -> None:
    amount = Money(minor=12_000, currency="USD")
    over = account(amount=12_000, total=9_000)
    assert isinstance(decide(over, reason=Reason.OVERCHARGED, amount=amount), Refund)


def test_a_share_of_a_price_that_was_charged_otherwise_is_a_persons() -> None:
    """Of what was charged, or of what it should have cost? Nobody knows."""
    assert decide(account(amount=7_900, total=5_900), share_bp=2_500) == ToHuman(rule=Rule.CLAIM_UNREAD)
