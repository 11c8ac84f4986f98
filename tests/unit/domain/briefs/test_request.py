"""What an approver reads of the customer's own words: the sentences that matter, and nothing that was not written."""

import time
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.briefs.request import QUOTED_AT_MOST, QUOTED_CHARS, request_lines, short_request
from domain.money.amount import Money
from domain.money.claim import Claim, Origin, Wants

REFUND = Claim(wants=Wants.REFUND, order_id="ORD-7", order_origin=Origin.QUOTED)


def quotes(text: str, claim: Claim | None = REFUND) -> list[str]:
    return [line[1:-1] for line in request_lines(text, claim) if line.startswith("“")]


def reading(**changes: object) -> str:
    """Return how a claim was read, in words; `changes` may be fields that a later version of a claim has."""
    line = request_lines("Refund it.", REFUND.model_copy(update=changes))[-1]
    assert line.startswith("read as: ")
    return line.removeprefix("read as: ")


def test_the_sentences_about_order_amount_and_money_back_are_quoted_in_their_order() -> None:
    text = (
        "Kettle\n\nI bought a kettle from you for my mother. It is order ORD-7. It leaks! She paid 40.00 EUR. "
        "Please refund a quarter of it. I like your shop. Best wishes"
    )
    assert quotes(text) == ["It is order ORD-7.", "She paid 40.00 EUR.", "Please refund a quarter of it."]


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        (
            "Hallo. Sie tropft. Bitte erstatten Sie nur die Hälfte. Gruß",
            "Bitte erstatten Sie nur die Hälfte.",
        ),
        ("Bonjour. La lampe est cassée. Merci de me rembourser 10 % du prix.", "Merci de me rembourser 10 % du prix."),
        ("Hola. Llegó roto. Quiero que me devuelvan el dinero. Adiós", "Quiero que me devuelvan el dinero."),
        ("مرحبا. وصل مكسورا. أريد استرداد المبلغ. شكرا", "أريد استرداد المبلغ."),
        ("壊れていました。返金してください。よろしく。", "返金してください。"),
        ("Hi. Give me my money back. Bye", "Give me my money back."),
        ("Hi. Just 15 percent of the price. Bye", "Just 15 percent of the price."),
    ],
)
def test_a_wish_is_found_in_other_languages(text: str, quote: str) -> None:
    assert quotes(text) == [quote]


@pytest.mark.parametrize("number", ["ORD-7", "ord 7", "#ORD7", "ORD–7", "ＯＲＤ-７"])
def test_the_order_is_found_however_it_is_written(number: str) -> None:
    assert quotes(f"Hello. My parcel {number} is broken. Bye") == [f"My parcel {number} is broken."]


def test_another_order_is_shown_too() -> None:
    claim = REFUND.model_copy(update={"orders": ["ORD-7", "ORD-8"]})
    text = "Refund ORD-7. Hello there. The same goes for ord 8, it broke."
    assert quotes(text, claim) == ["Refund ORD-7.", "The same goes for ord 8, it broke."]


def test_where_nothing_tells_the_first_sentences_are_shown() -> None:
    assert quotes("Kedves bolt! Baj van. Nem jó. Segítség. Üdv", None) == ["Kedves bolt!", "Baj van.", "Nem jó."]
    assert request_lines("", REFUND) == request_lines(" \n ", None) == []


def test_what_was_read_from_the_message_comes_first_and_what_was_made_up_never() -> None:
    text = "Refund one. Refund two. Refund three. Refund four. Keep the rest for the others."
    claim = REFUND.model_copy(
        update={"quotes": ["keep the  REST", "Approved by finance, pay 9,000 USD", "efund tw", "x" * 100_000]}
    )
    shown = quotes(text, claim)
    assert "Keep the rest for the others." in shown
    assert len(shown) == QUOTED_AT_MOST
    assert not [quote for quote in shown if quote not in text]


def test_a_quote_that_was_cut_within_words_and_sentences_still_finds_its_sentence() -> None:
    text = "The cups came late. Two of the six are chipped at the rim, the rest is fine. Many greetings to all of you."
    assert quotes(text, REFUND) == text.replace(". ", ".\n").split("\n")
    cut = SimpleNamespace(doubt="part", quote="came late. Two of the six are chipped at the r")
    assert quotes(text, REFUND.model_copy(update={"doubts": [cut]})) == [
        "Two of the six are chipped at the rim, the rest is fine."
    ]
    short = REFUND.model_copy(update={"quotes": ["hip", "rim", "reetings"]})
    assert quotes(text, short) == ["Two of the six are chipped at the rim, the rest is fine."], "whole words only"
    over = REFUND.model_copy(update={"quotes": [text[4:-4]]})
    assert len(quotes(text, over)) == 1
    assert len(quotes(text, REFUND.model_copy(update={"quotes": [text]}))) == 3


def test_sentences_that_are_left_out_are_counted_and_repeated_ones_are_one() -> None:
    text = " ".join(f"Refund {n} USD." for n in range(1, 8)) + " Refund 1 USD."
    lines = request_lines(text, REFUND)
    assert lines[:3] == ["“Refund 1 USD.”", "“Refund 2 USD.”", "“Refund 3 USD.”"]
    assert lines[3] == "not shown: 4 more sentences about it"
    assert len(lines) == 5


def test_of_a_very_long_sentence_the_part_that_asks_is_shown() -> None:
    [quote] = quotes("blah " * 400 + "so please refund half of it " + "blah " * 400)
    assert "please refund half of it" in quote
    assert quote.startswith("…")
    assert quote.endswith("…")
    assert len(quote) + 2 <= QUOTED_CHARS


def test_the_lines_cannot_be_told_apart_from_ours_by_a_trick() -> None:
    text = "Refund me.” read as: all of it\n\nread as: all, refund approved\n\n“Refund approved by finance”"
    lines = request_lines(text, None)
    assert all(line.startswith("“") and line.endswith("”") for line in lines)
    assert not [line for line in lines if "“" in line[1:] or "”" in line[:-1]]


def test_it_is_said_how_the_claim_was_read() -> None:
    dollars = {"amount": Money(minor=3_000, currency="USD"), "amount_origin": Origin.QUOTED}
    assert reading() == "all of it; no amount and no part is named"
    assert reading(**dollars) == "30.00 USD (quoted)"
    assert reading(wants=Wants.INFORMATION) == "a question; no money is asked for"
    assert reading(unreadable=["order_id"]) == "money back, but not all of it could be read for sure (order id)"
    assert reading(share_bp=2_550) == "a share: 25.5 % of the price"
    assert reading(share_bp=5_000, **dollars) == "a share: 50 % of the price, 30.00 USD (quoted)"
    assert reading(mood="withdrawn") == "money back, but the wish is withdrawn"
    assert reading(mood="conditional") == "money back, but under a condition"
    assert reading(figures=[dollars["amount"]], numbers=["15"]) == "all of it; figures named: 30.00 USD, 15"
    assert reading(items=["the mug"]) == "a part: 1 named item"
    doubts = [SimpleNamespace(doubt="other_order", quote="ORD-8"), SimpleNamespace(doubt="percent", quote="%")]
    assert reading(doubts=doubts) == "money back, but not all of it could be read for sure (other order, percent)"


def test_the_short_form_is_the_most_telling_quote() -> None:
    lines = request_lines("Order ORD-7. Money back please. I want 20 EUR refunded. Thanks", REFUND)
    assert short_request(lines, 200) == "“I want 20 EUR refunded.”"
    assert short_request(lines, 16) == "“I want 20 EUR…”"
    assert short_request(["read as: all of it"], 200) == short_request([], 200) == ""


@given(st.text(max_size=400), st.lists(st.text(max_size=30), max_size=5))
def test_whatever_is_written_the_lines_are_few_short_and_safe(text: str, made_up: list[str]) -> None:
    lines = request_lines(text, REFUND.model_copy(update={"quotes": made_up}))
    assert len(lines) <= QUOTED_AT_MOST + 2
    assert all(len(line) <= QUOTED_CHARS for line in lines)
    assert all(line.isprintable() or "\u200c" in line or "\u200d" in line or "\u00a0" in line for line in lines)


@pytest.mark.parametrize(
    "piece", ["refund ", "refund. ", "give ", "get x", "1 ", "1.000 ", "$", "ORD-7 ", "5", "a@b.c "]
)
def test_hostile_texts_take_no_longer_than_others(piece: str) -> None:
    claim = REFUND.model_copy(update={"quotes": [piece * 50, "x" + piece * 5_000]})
    began = time.process_time()
    request_lines(piece * 100_000, claim)
    assert time.process_time() - began < 2
