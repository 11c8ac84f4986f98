"""What of a model's answer counts: only what the message itself proves, and never an amount with two readings."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money.claim import Claim, Origin, Reason, Wants
from domain.reading.answers import (
    ClaimAnswer,
    QuotedAmount,
    QuotedOrder,
)
from domain.reading.claim_reading import GivenFields, claim_from_answer
from domain.reading.quoted import normal_order_id
from domain.reading.words import Words, joined
from domain.reading.written import find_amounts, read_amount
from tests.fakes.blueprint import WORDS


def answer(
    *,
    amount: str | None = None,
    quote: str | None = None,
    currency: str | None = None,
    order: str | None = None,
    order_quote: str | None = None,
) -> ClaimAnswer:
    return ClaimAnswer(
        wants=Wants.REFUND,
        reason=Reason.DAMAGED,
        order_id=QuotedOrder(value=order, quote=order if order_quote is None else order_quote) if order else None,
        amount=QuotedAmount(value=amount, currency=currency, quote=amount if quote is None else quote)
        if amount is not None
        else None,
    )


# --- amounts: what has no reading ---


@pytest.mark.parametrize(
    "raw",
    [
        "NaN",
        "nan",
        "inf",
        "-inf",
        "Infinity",
        "1e3",
        "1E3",
        "0x10",
        "5_000",
        "five hundred",
        "fünfhundert",
        "-5",
        "−5",
        "- 5",
        "+5",
        "(5)",
        "5-",
        "",
        " ",
        "5 000 00",
        "1,00,000",
        "1.2.3",
        "1,2,3",
        "1.234.56",
        "1,234,56",
        "0,500",
        "12345678901234",
        "20.001",
        ".5",
        "5.",
        "5..0",
        "5,,0",
        "1 2",
        "５００",
        "٥٠٠",
        "५००",
        "5\u06f0",
        "²",
        "½",
        "Ⅴ",
        "5%",
        "5/1",
        "$",
        "USD",
        "5 USD or 6",
        "5\n6",
        "0",
        "0.00",
        "00",
        "9" * 41,
    ],
)
def test_what_is_no_plain_positive_amount_has_no_reading(raw: str) -> None:
    with pytest.raises(ValueError):
        read_amount(raw, currency="USD")


@given(st.text(max_size=30))
def test_no_text_ever_reads_as_an_amount_with_other_digits_than_its_own(raw: str) -> None:
    try:
        money = read_amount(raw, currency="USD", lang="en")
    except ValueError:
        return
    written = "".join(c for c in raw if c in "0123456789").lstrip("0")
    assert str(money.minor).rstrip("0").startswith(written.rstrip("0")) or written.rstrip("0") == ""
    assert money.minor > 0


@given(st.text(alphabet=st.characters(categories=["Nd", "Nl", "No"], exclude_characters="0123456789"), min_size=1))
def test_digits_of_other_scripts_never_give_money(digits: str) -> None:
    for raw in (digits, f"${digits}", f"1{digits}", f"{digits} EUR"):
        with pytest.raises(ValueError):
            read_amount(raw, currency=None)


@given(st.decimals(min_value="-1000000", max_value="0", places=2))
def test_a_negative_amount_or_zero_never_gives_money(amount: object) -> None:
    for raw in (str(amount), f"${amount}", f"{amount} EUR"):
        with pytest.raises(ValueError):
            read_amount(raw, currency=None if raw != str(amount) else "USD")


@pytest.mark.parametrize(
    ("raw", "currency", "lang"),
    [
        ("20", None, "en"),  # no currency anywhere
        ("$20", "EUR", "en"),  # two currencies
        ("$20 EUR", None, "en"),
        ("20", "dollars", "en"),
        ("20", "US", "en"),
        ("1.234", "EUR", "und"),  # thousands or decimals?
        ("1,234", "EUR", "und"),
        ("1,234", "EUR", "de"),
        ("1.234", "USD", "en"),
        ("1.234", "KWD", "de"),  # three decimals are possible there
        ("1.5", "JPY", "en"),
        ("kr 20", None, "sv"),  # Swedish, Norwegian or Danish
    ],
)
def test_an_amount_with_two_readings_or_no_currency_has_none(raw: str, currency: str | None, lang: str) -> None:
    with pytest.raises(ValueError):
        read_amount(raw, currency=currency, lang=lang)


@pytest.mark.parametrize(
    ("raw", "currency", "lang", "minor", "code"),
    [
        ("20", "USD", "en", 2000, "USD"),
        ("20.5", "usd ", "en", 2050, "USD"),
        ("$1,234.50", None, "und", 123450, "USD"),
        ("$1,234", None, "und", 123400, "USD"),
        ("US$ 5,000.00", None, "en", 500000, "USD"),
        ("$20 CAD", None, "en", 2000, "CAD"),
        ("$20", "CAD", "en", 2000, "CAD"),
        ("1.234,50 EUR", None, "de", 123450, "EUR"),
        ("1.234,50 €", None, "und", 123450, "EUR"),
        ("1 234,50 €", None, "fr", 123450, "EUR"),
        ("1\u202f234\u00a0€", None, "fr", 123400, "EUR"),
        ("CHF 1'234.50", None, "de", 123450, "CHF"),
        ("50,- €", None, "nl", 5000, "EUR"),
        ("1.234 Euro", None, "de", 123400, "EUR"),
        ("1,234,567.89", "GBP", "en", 123456789, "GBP"),
        ("880,000 yen", None, "en", 880000, "JPY"),
        ("£20", None, "en", 2000, "GBP"),
    ],
)
def test_listed_spellings_are_read(raw: str, currency: str | None, lang: str, minor: int, code: str) -> None:
    money = read_amount(raw, currency=currency, lang=lang)
    assert (money.minor, money.currency) == (minor, code)


def test_amounts_are_found_with_their_marks_and_nothing_else() -> None:
    text = "On 12/10/2026 I paid $1,234.50 for ORD-10023, then 20 EUR, CHF 50.- and 7 apples."
    assert [w.text for w in find_amounts(text)] == ["$1,234.50", "20 EUR", "CHF 50.-"]
    assert all(text[w.start : w.end] == w.text for w in find_amounts(text))


# --- the amount of a claim ---


def amount_of(text: str, proposed: ClaimAnswer, **named: str) -> Claim:
    lang = named.pop("lang", "und")
    given = GivenFields(**{name.removeprefix("given_"): value for name, value in named.items()})
    return claim_from_answer(proposed, text=text, given=given, lang=lang, words=WORDS)


@pytest.mark.parametrize(
    ("text", "value", "quote"),
    [
        ("I want my money back", "$50", "$50"),  # made up
        ("refund $50", "$500", "refund $50"),  # not in its quote
        ("refund $50", "$50", "please refund $50"),  # the quote is not in the message
        ("refund -$50", "$50", "$50"),  # the minus left out
        ("refund -$50", "50", "50"),
        ("refund minus 50 USD", "50 USD", "50 USD"),
        ("refund $5k", "$5", "$5"),  # a piece of more
        ("refund $5 million", "$5", "$5"),
        ("refund $1,250", "250", "250"),
        ("refund $1,250", "$1", "$1"),
        ("refund $12.50", "$12", "$12"),
        ("card 4111-50 USD", "50 USD", "50 USD"),
        ("refund five hundred dollars", "500", "five hundred dollars"),  # words
        ("refund five hundred dollars", "five hundred dollars", "five hundred dollars"),
        ("refund NaN USD", "NaN", "NaN USD"),
        ("refund ５００ USD", "５００", "５００ USD"),
        ("refund ５００ USD", "500", "５００ USD"),
        ("refund $20 or $40", "$20", "$20 or $40"),  # two candidates
        ("between 20 and 40 euros", "20", "between 20 and 40 euros"),
        ("refund $50 and then $50 EUR", "$50", "$50"),  # two places that say different things
        ("refund 20", "20", "refund 20"),  # no currency
        ("refund $0.00", "$0.00", "$0.00"),
    ],
)
def test_an_amount_without_one_proven_reading_is_unreadable_and_never_money(text: str, value: str, quote: str) -> None:
    claim = amount_of(text, answer(amount=value, quote=quote))
    assert claim.amount is None
    assert claim.unreadable == ["amount"]


@given(value=st.text(max_size=40), quote=st.text(max_size=60), text=st.text(max_size=120))
def test_no_answer_whatever_makes_money_that_the_message_does_not_hold(value: str, quote: str, text: str) -> None:
    claim = amount_of(text, answer(amount=value or None, quote=quote))
    if claim.amount is not None:
        assert value.strip() in text
        assert all(c.isascii() for c in value if unicodedata.category(c).startswith("N"))


def test_an_amount_is_taken_from_its_quote_with_the_currency_beside_it() -> None:
    claim = amount_of("Please refund €50 for the lamp.", answer(amount="50", quote="refund €50", currency="EUR"))
    assert str(claim.amount) == "50.00 EUR"
    assert claim.amount_origin is Origin.QUOTED


def test_a_currency_that_only_the_model_names_is_not_taken() -> None:
    assert amount_of("refund 50", answer(amount="50", currency="USD")).unreadable == ["amount"]
    assert amount_of("refund €50", answer(amount="€50", currency="USD")).unreadable == ["amount"]


def test_the_payload_gives_the_currency_that_the_text_leaves_out() -> None:
    claim = amount_of("refund 50", answer(amount="50"), given_currency="GBP")
    assert str(claim.amount) == "50.00 GBP"


def test_a_given_amount_beats_the_text_unless_they_contradict() -> None:
    agreeing = amount_of("refund $50", answer(amount="$50"), given_amount="50.00", given_currency="USD")
    assert (str(agreeing.amount), agreeing.amount_origin) == ("50.00 USD", Origin.QUOTED)
    invented = amount_of("refund it", answer(amount="$90"), given_amount="50.00", given_currency="USD")
    assert (str(invented.amount), invented.unreadable) == ("50.00 USD", [])
    clash = amount_of("refund $90", answer(amount="$90"), given_amount="50.00", given_currency="USD")
    assert (clash.amount, clash.unreadable) == (None, ["amount"])


@pytest.mark.parametrize(
    "given_amount", ["NaN", "-5", "five hundred", "５００", "5_000", "1e9", "Infinity", "20,20,20", "0"]
)
def test_a_given_amount_that_is_none_is_unreadable_even_if_the_text_has_one(given_amount: str) -> None:
    claim = amount_of("refund $50", answer(amount="$50"), given_amount=given_amount, given_currency="USD")
    assert (claim.amount, claim.unreadable) == (None, ["amount"])


# --- the order of a claim ---


@pytest.mark.parametrize(
    ("text", "order", "quote", "origin"),
    [
        ("my order ORD-10023 is late", "ORD-10023", "order ORD-10023", Origin.QUOTED),
        ("my order ord-10023.", "ord-10023", "ord-10023", Origin.QUOTED),
        ("my order #10023", "#10023", "#10023", Origin.QUOTED),
        ("my order is late", "ORD-10023", "ORD-10023", Origin.GUESSED),  # made up
        ("my order ORD-10023 is late", "10023", "ORD-10023", Origin.GUESSED),  # a piece of it
        ("my order ORD-10023 is late", "ORD-1002", "ORD-1002", Origin.GUESSED),
        ("my order ORD-10023-7", "ORD-10023", "ORD-10023", Origin.GUESSED),
    ],
)
def test_an_order_number_counts_as_quoted_only_where_it_stands_whole(
    text: str, order: str, quote: str, origin: Origin
) -> None:
    claim = claim_from_answer(answer(order=order, order_quote=quote), text=text, words=WORDS)
    assert claim.order_origin is origin
    assert claim.order_id == normal_order_id(order)


def test_two_orders_in_one_quote_leave_the_choice_to_a_person() -> None:
    proposed = answer(order="W-100", order_quote="orders W-100 and W-101")
    claim = claim_from_answer(proposed, text="refund orders W-100 and W-101", words=WORDS)
    assert (claim.order_id, claim.unreadable) == (None, ["order_id"])


def test_a_given_order_beats_a_guess_but_not_another_one_in_the_text() -> None:
    guess = claim_from_answer(answer(order="ORD-2"), text="it broke", given=GivenFields(order_id="ord-1"), words=WORDS)
    assert (guess.order_id, guess.order_origin, guess.unreadable) == ("ORD-1", Origin.GIVEN, [])
    clash = claim_from_answer(
        answer(order="ORD-2"), text="ORD-2 broke", given=GivenFields(order_id="ORD-1"), words=WORDS
    )
    assert (clash.order_id, clash.unreadable) == (None, ["order_id"])


@pytest.mark.parametrize("text", ["the blue one", "", "#", "ORD—", "ORD 1 OR 1=1", "../../etc", "ORD", "x" * 80 + "1"])
def test_what_is_no_order_number_is_none(text: str) -> None:
    assert normal_order_id(text) is None


def test_a_given_order_that_is_none_is_unreadable() -> None:
    claim = claim_from_answer(answer(), text="it broke", given=GivenFields(order_id="the blue one"), words=WORDS)
    assert (claim.order_id, claim.unreadable) == (None, ["order_id"])


def test_an_amount_is_refused_beside_the_words_of_any_language_that_the_blueprint_has() -> None:
    swedish = joined([WORDS, Words(negations=("underskott på hela",), magnitudes=("tusen",))])
    for text in ("refund 20.00 USD tusen", "refund underskott på hela 20.00 USD", "refund 20.00 USD thousand"):
        with_swedish, without = (
            claim_from_answer(answer(amount="20.00 USD"), text=text, words=words) for words in (swedish, WORDS)
        )
        assert "amount" in with_swedish.unreadable
        assert ("amount" in without.unreadable) is ("thousand" in text)
    bare = claim_from_answer(answer(amount="20.00 USD"), text="refund 20.00 USD", words=Words())
    assert bare.amount is not None
    assert not bare.unreadable
