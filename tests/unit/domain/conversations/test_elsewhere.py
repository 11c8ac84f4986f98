"""Which waiting case of a customer a message has to reach, and when it says nothing new."""

import pytest

from domain.conversations.elsewhere import PutTo, put_to
from domain.money.amount import Money
from domain.money.claim import Claim, Origin, Reason, Wants
from domain.money.records import Account, Customer, OpenRequest, Order, OrderStatus
from domain.money.refund import Ask, Deny, Inform, Refund, RefundDecision, Rule, ToHuman
from tests.contracts.store_samples import NOW

BIG = Money(minor=500_000, currency="USD")
WAITS = OpenRequest(case_id="case/mail/a", order_id="ORD-1", charge_id="CH-1", money=BIG, reason=Reason.NOT_RECEIVED)
OTHER = WAITS.model_copy(update={"case_id": "case/mail/b", "order_id": "ORD-2", "charge_id": "CH-2"})


def claim(**fields: object) -> Claim:
    return Claim(
        wants=Wants.REFUND, reason=Reason.NOT_RECEIVED, order_id="ORD-1", order_origin=Origin.QUOTED, orders=["ORD-1"]
    ).model_copy(update=fields)


def account(*waiting: OpenRequest, order: str | None = "ORD-1") -> Account:
    known = order and Order(
        order_id=order, customer_id="C-1", status=OrderStatus.LOST, placed_at=NOW, total_minor=1, currency="USD"
    )
    return Account(customer=Customer(customer_id="C-1"), order=known or None, open_requests=list(waiting))


def refund(minor: int = 500_000, charge: str = "CH-1") -> Refund:
    money = Money(minor=minor, currency="USD")
    return Refund(
        rule=Rule.UNDELIVERED, order_id="ORD-1", charge_id=charge, money=money, payee="card_1", partial=minor < 500_000
    )


def put(decision: RefundDecision, read: Claim, *waiting: OpenRequest, order: str | None = "ORD-1") -> PutTo | None:
    return put_to(decision, read, account(*waiting, order=order))


def test_the_same_order_sum_and_reason_is_the_same_request() -> None:
    found = put(refund(), claim(), WAITS)
    assert found == PutTo(cases=["case/mail/a"], order_id="ORD-1", repeats=True, alone=True)


@pytest.mark.parametrize(
    ("decision", "read"),
    [
        (refund(250_000), claim(share_bp=5000)),  # "refund half of it"
        (refund(499_999), claim()),
        (refund(charge="CH-9"), claim()),
        (refund(), claim(reason=Reason.DAMAGED)),
        (refund(), claim(order_origin=Origin.GUESSED)),
        (Deny(rule=Rule.ON_ITS_WAY), claim()),
        (ToHuman(rule=Rule.NOT_WANTED_NOW), claim()),
        (ToHuman(rule=Rule.DISPUTE_TOLD), claim()),
        (ToHuman(rule=Rule.CLAIM_UNREAD), claim()),
        (ToHuman(rule=Rule.SUSPICIOUS_TEXT), claim()),
    ],
)
def test_everything_else_about_the_order_is_news(decision: RefundDecision, read: Claim) -> None:
    """What was approved is not paid over it before a person has read it."""
    found = put(decision, read, OTHER, WAITS)
    assert found == PutTo(cases=["case/mail/a"], order_id="ORD-1", repeats=False, alone=True)


def test_a_request_of_an_earlier_version_does_not_say_why_and_is_never_the_same() -> None:
    found = put(refund(), claim(), WAITS.model_copy(update={"reason": ""}))
    assert found is not None
    assert not found.repeats


@pytest.mark.parametrize("decision", [Inform(), Ask(rule=Rule.NO_ORDER_NAMED, missing=["order_id"])])
def test_questions_are_matters_of_their_own(decision: RefundDecision) -> None:
    assert put(decision, claim(), WAITS) is None


@pytest.mark.parametrize("decision", [refund(), Deny(rule=Rule.NO_DUPLICATE), ToHuman(rule=Rule.NOT_WANTED_NOW)])
def test_what_is_about_another_order_stays_apart(decision: RefundDecision) -> None:
    assert put(decision, claim(order_id="ORD-7", orders=["ORD-7"]), WAITS, OTHER, order="ORD-7") is None


def test_a_withdrawal_that_names_no_order_reaches_all_that_waits() -> None:
    """ "Please forget the refund": nobody can say which one."""
    bare = claim(order_id=None, orders=[])
    found = put(ToHuman(rule=Rule.NOT_WANTED_NOW), bare, WAITS, OTHER, order=None)
    assert found == PutTo(cases=["case/mail/a", "case/mail/b"], order_id="ORD-1")
    assert put(ToHuman(rule=Rule.UNREADABLE_FIELD), bare, WAITS, order=None) is None


def test_a_message_on_several_orders_reaches_what_waits_and_a_person_as_well() -> None:
    """ "Forget ORD-1, but refund ORD-2." """
    read = claim(order_id="ORD-2", orders=["ORD-2", "ord 1"])
    found = put(ToHuman(rule=Rule.NOT_WANTED_NOW), read, WAITS, order="ORD-2")
    assert found == PutTo(cases=["case/mail/a"], order_id="ORD-1", alone=False)


def test_a_number_written_another_way_is_the_order_that_the_records_found() -> None:
    found = put(ToHuman(rule=Rule.NOT_WANTED_NOW), claim(order_id="order 1", orders=["order 1"]), WAITS)
    assert found is not None
    assert found.alone


def test_of_an_earlier_version_only_the_case_is_known() -> None:
    told = account().model_copy(update={"open_elsewhere": "case/mail/a"})
    assert put_to(refund(), claim(), told) == PutTo(cases=["case/mail/a"], order_id="ORD-1")
    assert put_to(refund(), claim(), account()) is None
