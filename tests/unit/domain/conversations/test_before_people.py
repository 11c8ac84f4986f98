"""Which older cases may take a wish for money back."""

import pytest

from domain.conversations.before_people import may_take_back, names_order
from domain.money.refund import Rule, ToHuman, describe
from tests.contracts.store_samples import case_input


@pytest.mark.parametrize(
    ("told", "takes_back"),
    [
        (describe(ToHuman(rule=Rule.NOT_WANTED_NOW)), True),
        (describe(ToHuman(rule=Rule.DISPUTE_TOLD)) + "; becomes a dead letter", True),
        ("maria approved, but the customer wrote again: refund of 20.00 USD", True),
        (describe(ToHuman(rule=Rule.NO_RULE)), False),
        ("no article explains it", False),
    ],
)
def test_which_findings_may_take_something_back(told: str, takes_back: bool) -> None:
    assert may_take_back(told) is takes_back


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("do not refund ORD-10038.", True),
        ("do not refund ord 10038", True),
        ("do not refund ORD-100381", False),
        ("do not refund XORD-10038", False),
        ("do not refund", False),
    ],
)
def test_an_order_is_known_however_its_number_is_written(text: str, names: bool) -> None:
    assert names_order(case_input().model_copy(update={"text": text, "subject": ""}), "ORD-10038") is names


def test_it_may_stand_in_a_field_or_a_later_message() -> None:
    plain = case_input().model_copy(update={"text": "x", "subject": "", "order_id": None})
    assert names_order(plain.model_copy(update={"order_id": "ord-10038"}), "ORD-10038")
    assert names_order(plain.model_copy(update={"answers": ["it was ORD-10038"]}), "ORD-10038")
    assert not names_order(plain, "-")
