"""When a customer is asked once more instead of being refused."""

import pytest

from domain.conversations.asking import asked_again
from domain.money.amount import Money
from domain.money.records import Account
from domain.money.refund import DENYING, Ask, Deny, Refund, RefundDecision, Rule, ToHuman

ACCOUNT = Account(candidate_orders=["ORD-1"])


@pytest.mark.parametrize("rule", [Rule.ORDER_NOT_FOUND, Rule.NOT_THE_OWNER])
def test_an_order_that_is_not_theirs_is_asked_about_alike(rule: Rule) -> None:
    """A stranger must not learn from the letter which orders exist."""
    again = asked_again(Deny(rule=rule), ACCOUNT, in_conversation=True)
    assert isinstance(again, Ask)
    assert (again.missing, again.candidate_orders) == (["order_id"], ["ORD-1"])


@pytest.mark.parametrize("rule", DENYING)
def test_outside_a_conversation_every_refusal_stays(rule: Rule) -> None:
    assert asked_again(Deny(rule=rule), ACCOUNT, in_conversation=False) == Deny(rule=rule)


@pytest.mark.parametrize(
    "decision",
    [
        Deny(rule=Rule.ALREADY_REFUNDED),
        Deny(rule=Rule.WINDOW_PASSED),
        ToHuman(rule=Rule.NO_RULE),
        Refund(
            rule=Rule.FAULTY,
            order_id="ORD-1",
            charge_id="CH-1",
            money=Money(minor=1, currency="USD"),
            payee="c",
            partial=False,
        ),
    ],
)
def test_every_other_decision_stays(decision: RefundDecision) -> None:
    assert asked_again(decision, ACCOUNT, in_conversation=True) == decision
