"""A second ticket about money that went back already is told so, and the same sum is not paid twice in a day."""

from datetime import timedelta

import pytest

from domain.money.claim import Claim, Reason
from domain.money.paid_before import PaidBefore, paid_before, rule_told
from domain.money.records import Account, PaidBack
from domain.money.refund import Deny, Refund, Rule
from tests.unit.domain.money.test_refund import NOW, account, ago, charge, claim, decide, order, usd


def paid(minor: int, *, days: float | None = 2, number: int = 1) -> PaidBack:
    return PaidBack(charge_id=f"CH-{number}", money=usd(minor), at=None if days is None else ago(days))


def told(said: Claim, known: Account) -> PaidBefore | None:
    decision = decide(said, known)
    assert isinstance(decision, Refund | Deny)
    return paid_before(decision, said, known, now=NOW)


@pytest.mark.parametrize(
    ("said", "known"),
    [
        (claim(Reason.LATE_DELIVERY), account(order(delivered_at=ago(6)))),  # a no for another reason
        (claim(Reason.LATE_DELIVERY), account(order(charge(minor=4), total_minor=4))),  # nothing owed, nothing paid
        (claim(amount=usd(0)), account(order(charge(back=500)), paid_back=[paid(500)])),
        (claim(), account(order(charge(days=70, back=500)), paid_back=[paid(500)])),  # the time is over
        (claim(), account(order().model_copy(update={"charges": []}))),
    ],
)
def test_another_no_stays_a_no(said: Claim, known: Account) -> None:
    assert isinstance(decide(said, known), Deny)
    assert told(said, known) is None


def test_a_charge_that_headgate_paid_back_is_told_with_its_day() -> None:
    known = account(order(charge(back=2_000)), paid_back=[paid(2_000)])
    assert told(claim(), known) == PaidBefore(money=usd(2_000), dates=["2026-06-13"])


def test_several_payments_are_told_together() -> None:
    payments = [paid(500, days=2), paid(700, days=2.1), paid(800, days=1.2)]
    known = account(order(charge(back=2_000)), paid_back=payments)
    assert told(claim(), known) == PaidBefore(money=usd(2_000), dates=["2026-06-13", "2026-06-14"])


@pytest.mark.parametrize("payments", [[], [paid(500)]])
def test_no_day_is_told_where_others_paid_a_part(payments: list[PaidBack]) -> None:
    known = account(order(charge(back=2_000)), paid_back=payments)
    assert told(claim(), known) == PaidBefore(money=usd(2_000))


def test_a_share_that_was_paid_is_told_as_a_share() -> None:
    known = account(order(charge(back=400)), paid_back=[paid(400)])
    assert told(claim(Reason.LATE_DELIVERY), known) == PaidBefore(money=usd(400), dates=["2026-06-13"], share=True)


def test_a_charge_taken_twice_counts_wherever_it_went_back() -> None:
    charges = (charge(1, days=9, back=2_000), charge(2, days=2))
    known = account(order(*charges), paid_back=[paid(2_000, number=1)])
    said = told(claim(Reason.DUPLICATE_CHARGE), known)
    assert said is not None
    assert (said.money, said.dates, said.share) == (usd(2_000), ["2026-06-13"], True)


def test_what_another_case_is_paying_is_not_said_to_be_paid() -> None:
    said = told(claim(), account(order(charge(back=2_000)), paid_back=[paid(500), paid(1_500, days=None)]))
    assert said is not None
    assert said.under_way


@pytest.mark.parametrize(("part", "back"), [(None, 2_000), (300, 300)])
def test_what_the_provider_has_not_done_yet_is_not_said_to_be_refunded(part: int | None, back: int) -> None:
    said = claim() if part is None else claim(amount=usd(part))
    lately = paid(back, days=0.5).model_copy(update={"pending": True})
    before = told(said, account(order(charge(back=back)), paid_back=[lately]))
    assert before is not None
    assert (before.pending, before.under_way) == (True, False)


@pytest.mark.parametrize("unsure", [paid(2_000, days=None), paid(2_000).model_copy(update={"pending": True})])
def test_a_no_does_not_say_refunded_of_money_that_is_only_about_to_go_back(unsure: PaidBack) -> None:
    for payment, rule in ((unsure, Rule.NOTHING_LEFT), (paid(2_000), Rule.ALREADY_REFUNDED)):
        known = account(order(charge(back=2_000)), paid_back=[payment])
        decision = decide(claim(amount=usd(0)), known)
        assert isinstance(decision, Deny)
        assert decision.rule is Rule.ALREADY_REFUNDED
        assert rule_told(decision, known) is rule


# --- the same request twice: a form and a mail, a double click ---


def test_the_same_sum_of_the_same_charge_within_a_day_is_not_paid_again() -> None:
    part = claim(amount=usd(300))
    known = account(order(charge(back=300)), paid_back=[paid(300, days=0.9)])
    assert told(part, known) == PaidBefore(money=usd(300), dates=["2026-06-14"])


def test_the_same_sum_that_is_being_paid_is_waited_for() -> None:
    said = told(claim(amount=usd(300)), account(order(charge(back=300)), paid_back=[paid(300, days=None)]))
    assert said is not None
    assert (said.under_way, said.dates) == (True, [])


@pytest.mark.parametrize(
    "payments",
    [
        [paid(300, days=1.01)],
        [paid(299, days=0)],
        [paid(300, days=0, number=9)],
        [PaidBack(charge_id="CH-1", money=usd(300).model_copy(update={"currency": "EUR"}), at=NOW)],
    ],
)
def test_any_other_payment_is_another_request(payments: list[PaidBack]) -> None:
    known = account(order(charge(back=300)), paid_back=payments)
    assert isinstance(decide(claim(amount=usd(300)), known), Refund)
    assert told(claim(amount=usd(300)), known) is None


def test_a_payment_ahead_of_our_clock_is_the_same_request() -> None:
    ahead = PaidBack(charge_id="CH-1", money=usd(300), at=NOW + timedelta(minutes=5))
    assert told(claim(amount=usd(300)), account(order(charge(back=300)), paid_back=[ahead])) is not None
