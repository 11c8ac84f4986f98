"""A claim that a document makes by its fields: given values count, and every other word is a doubt."""

import pytest

from domain.money.amount import Money
from domain.money.claim import Claim, Origin, Reason, Scope, Wants
from domain.reading.claim_reading import GivenFields
from domain.reading.documents.claim_fields import claim_from_fields, filled_places
from tests.fakes.blueprint import WORDS

LABELS = ["condition of the goods", "item_condition"]
GIVEN = GivenFields(order_id="ORD-1", amount="20.00", currency="USD")


def claim(text: str = "", *values: str, given: GivenFields = GIVEN) -> Claim:
    filled = filled_places(text, values, LABELS)
    return claim_from_fields(Reason.DAMAGED, given, text=text, filled=filled, words=WORDS, lang="en")


def test_given_values_count_as_given() -> None:
    found = claim()
    assert (found.wants, found.reason, found.order_id, found.order_origin) == (
        Wants.REFUND, Reason.DAMAGED, "ORD-1", Origin.GIVEN
    )  # fmt: skip
    assert (found.amount, found.amount_origin) == (Money(minor=2000, currency="USD"), Origin.GIVEN)
    assert found.doubts == []
    assert claim(given=GivenFields(order_id="ORD-1")).scope is Scope.ALL


@pytest.mark.parametrize(
    ("given", "unreadable"),
    [
        (GivenFields(order_id="ORD-1", amount="half", currency="USD"), ["amount"]),
        (GivenFields(order_id="ORD-1", amount="1.234", currency=None), ["amount"]),
        (GivenFields(order_id="ORD-1", currency="EURO"), ["amount"]),
    ],
)
def test_what_has_no_one_reading_is_unread(given: GivenFields, unreadable: list[str]) -> None:
    found = claim(given=given)
    assert (found.unreadable, found.amount, found.scope) == (unreadable, None, Scope.UNREAD)


@pytest.mark.parametrize(
    "text",
    [
        "condition of the goods: cracked glass",
        "Hello,\n\ncondition of the goods: cracked glass\n\nThank you\n[NAME_1]",
        "> - Condition of the goods = cracked glass",
        "item_condition: cracked glass",
        "cracked glass\n",
    ],
)
def test_an_answer_that_only_says_what_was_asked_raises_no_doubt(text: str) -> None:
    assert claim(text, "cracked glass").doubts == []


@pytest.mark.parametrize(
    "text",
    [
        "condition of the goods: cracked glass. Scrap that, I keep it.",
        "condition of the goods: cracked glass, do not refund me",
        "condition of the goods: cracked glass\nsend me a voucher",
        "condition of the goods: cracked glass and 3 others",
        "cracked glass? that is not what I wrote",
        "vergiss es: cracked glass",
        "condition of the goods: cracked glass. Please cancel my request.",
    ],
)
def test_any_other_word_is_a_doubt(text: str) -> None:
    assert claim(text, "cracked glass").scope is Scope.UNREAD


@pytest.mark.parametrize(("said", "is_doubted"), [("cracked", False), ("please do not refund it", True)])
def test_a_document_that_answers_is_no_words_but_what_turns_them_round_is(said: str, *, is_doubted: bool) -> None:
    text = f'{{"item_condition": "{said}", "why": "defect"}}'
    assert bool(claim(text, text).doubts) is is_doubted


def test_a_value_within_a_longer_word_is_none_of_it() -> None:
    assert filled_places("DE12 and DE1", ["DE1"], []) == [(9, 12)]
    assert filled_places("anything", [" ", ""], LABELS) == []


def test_looking_for_places_ends() -> None:
    assert len(filled_places("a " * 5_000, ["a"], LABELS)) == 50
