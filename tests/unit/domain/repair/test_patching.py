"""What a model proposes counts by its quote alone."""

import pytest

from domain.repair.document import MendedDocument
from domain.repair.healing import FieldMark, HealedDocument, healed
from domain.repair.patching import FieldPatch, patched_document
from domain.repair.rules import DocumentRules

RULES = DocumentRules.model_validate(
    {"fields": {"amount": {"kind": "amount"}, "currency": {"kind": "currency"}, "city": {}, "order_id": {}}}
)
TEXT = "Order ORD-10012: I paid 1.234,56 EUR in Bonn, not 20 and not 20,50, and was told -7."


def patch(*patches: FieldPatch, said: dict[str, object] | None = None) -> HealedDocument:
    return patched_document(healed(MendedDocument(value=said or {}), RULES, {}), patches, RULES, text=TEXT)


@pytest.mark.parametrize(
    "proposed",
    [
        FieldPatch(name="amount", value="99", quote="99"),  # stands nowhere
        FieldPatch(name="amount", value="99", quote=""),
        FieldPatch(name="amount", value="99", quote="1.234,56"),  # another one than its quote
        FieldPatch(name="amount", value="1.234", quote="1.234"),  # cut out of a number
        FieldPatch(name="amount", value="56", quote="56", offset=TEXT.index("56")),
        FieldPatch(name="amount", value="7", quote="7"),  # of a minus
        FieldPatch(name="amount", value="20", quote="20"),  # at two places
        FieldPatch(name="order_id", value="ORD-1001", quote="ORD-1001"),  # cut off
        FieldPatch(name="order_id", value="ORD-9", quote="Order"),
    ],
)
def test_a_critical_field_without_proof_stays_missing(proposed: FieldPatch) -> None:
    found = patch(proposed)
    assert found.fields[proposed.name].standing is FieldMark.MISSING
    assert found.fields[proposed.name].value is None


def test_another_field_without_proof_is_guessed_and_acts_never() -> None:
    found = patch(FieldPatch(name="city", value="Rome"))
    assert found.fields["city"].value == "Rome"
    assert found.fields["city"].standing is FieldMark.GUESSED
    assert not found.fields["city"].is_sure
    assert found.tainted


def test_two_proposals_for_one_field_are_none() -> None:
    quotes = [FieldPatch(name="order_id", value=quote, quote=quote) for quote in ("ORD-10012", "Bonn")]
    assert patch(*quotes).fields["order_id"].standing is FieldMark.MISSING


def test_what_is_given_is_not_written_over() -> None:
    found = patch(FieldPatch(name="city", value="Bonn", quote="Bonn"), said={"city": "Oslo"})
    assert (found.fields["city"].value, found.fields["city"].standing) == ("Oslo", FieldMark.GIVEN)


def test_what_was_not_asked_for_is_left_out() -> None:
    assert set(patch(FieldPatch(name="payee", value="Bonn", quote="Bonn")).fields) == set(RULES.fields)


@pytest.mark.parametrize("value", ["1234.56", "1.234,56"])
def test_a_quote_and_its_conversion_prove_an_amount(value: str) -> None:
    found = patch(FieldPatch(name="amount", value=value, quote="1.234,56", offset=3))
    amount = found.fields["amount"]
    assert (amount.value, amount.standing, amount.source) == ("1234.56", FieldMark.DERIVED, "quote")
    assert amount.span is not None
    assert TEXT[amount.span.start : amount.span.end] == "1.234,56"


def test_of_two_places_the_offset_says_which() -> None:
    text = "20 or 20"
    document = healed(MendedDocument(value={}), RULES, {})
    found = patched_document(document, [FieldPatch(name="amount", value="20", quote="20", offset=6)], RULES, text=text)
    assert found.fields["amount"].value == "20"


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("1.234 EUR", "1"),  # at the very beginning
        ("50,000 USD", "50"),
        ("it was 12 500 kr", "12"),
        ("it was 12 500 kr", "500"),
        ("it was 12 500 kr", "12 "),
        ("it was 12\u202f500 kr", "12"),
        ("12\u066b50", "12"),  # an Arabic decimal sign
        ("5\u200b00 EUR", "5"),  # a blank that nobody sees
        ("5\u033200 EUR", "5"),  # a line under it
        ("50-100 EUR", "50"),
        ("it was \u201350 EUR", "50"),
        ("give back 20% of it", "20"),
        ("give back 20 % of it", "20"),
    ],
)
def test_an_amount_cut_out_of_another_one_is_no_proof(text: str, quote: str) -> None:
    document = healed(MendedDocument(value={}), RULES, {})
    found = patched_document(document, [FieldPatch(name="amount", value=quote, quote=quote)], RULES, text=text)
    assert found.fields["amount"].standing is FieldMark.MISSING


@pytest.mark.parametrize(("text", "quote"), [("A-100-2 please", "A-100"), ("X-ORD-5", "ORD-5"), ("O-1_b", "O-1")])
def test_an_order_cut_out_of_another_ones_number_is_no_proof(text: str, quote: str) -> None:
    document = healed(MendedDocument(value={}), RULES, {})
    found = patched_document(document, [FieldPatch(name="order_id", value=quote, quote=quote)], RULES, text=text)
    assert found.fields["order_id"].standing is FieldMark.MISSING


@pytest.mark.parametrize("text", ["1001", "(1001)", "1001, 5 lamps", "order:1001.", "#1001 2026-03-04", "'1001'\n5"])
def test_a_whole_number_between_signs_and_words_is_one(text: str) -> None:
    document = healed(MendedDocument(value={}), RULES, {})
    found = patched_document(document, [FieldPatch(name="order_id", value="1001", quote="1001")], RULES, text=text)
    assert found.fields["order_id"].value == "1001"


@pytest.mark.parametrize(
    ("quote", "value", "texts"),
    [
        ("red lamp", "red lamp", ["red lamp"]),
        ("- red lamp\n- blue lamp", "red lamp; blue lamp", ["red lamp", "blue lamp"]),
        ("red lamp; blue lamp", "red lamp\nblue lamp", ["red lamp", "blue lamp"]),
        ("red lamp; blue lamp", "red lamp", None),  # not all of it
        ("lamp, blue", "lamp, blue", None),  # one or two
        ("green lamp", "green lamp", None),  # nobody said that
        ("", "red lamp", None),
    ],
)
def test_a_list_counts_by_the_words_that_name_its_texts(quote: str, value: str, texts: list[str] | None) -> None:
    rules = DocumentRules.model_validate({"fields": {"items": {"kind": "texts"}}})
    text = "I send back red lamp\n\n- red lamp\n- blue lamp\n\nor red lamp; blue lamp\n\nlamp, blue"
    if quote == "red lamp":
        text = f"items: {quote}"
    proposed = FieldPatch(name="items", value=value, quote=quote)
    found = patched_document(healed(MendedDocument(value={}), rules, {}), [proposed], rules, text=text)
    assert found.fields["items"].value == texts
    assert found.missing == ([] if texts else ["items"])


def test_an_amount_is_read_in_the_currency_that_is_found_with_it() -> None:
    rules = DocumentRules.model_validate(
        {"fields": {"betrag": {"kind": "amount"}, "waehrung": {"kind": "currency"}, "city": {}}}
    )
    text = "Bitte 1.234 zurück, in EUR."
    quotes = [
        FieldPatch(name="betrag", value="1234", quote="1.234"),
        FieldPatch(name="waehrung", value="EUR", quote="EUR"),
    ]
    found = patched_document(healed(MendedDocument(value={}), rules, {}), quotes, rules, text=text)
    assert found.values() == {"betrag": "1234", "waehrung": "EUR", "city": None}


IN_EUROS = DocumentRules.model_validate({"fields": {"amount": {"kind": "amount"}, "currency": {"kind": "currency"}}})


def amount_quoted(text: str, quote: str, currency: str = "EUR") -> object:
    document = healed(MendedDocument(value={"currency": currency}), IN_EUROS, {})
    proposed = FieldPatch(name="amount", value=quote, quote=quote, offset=text.index(quote))
    return patched_document(document, [proposed], IN_EUROS, text=text, lang="en").fields["amount"].value


@pytest.mark.parametrize("blank", ["\u2007", "\u2003", "  ", "\n", "\u00a0", " \n", "\u205f", "\u3000"])
def test_the_thousands_of_a_number_are_no_amount_whatever_blank_parts_them(blank: str) -> None:
    assert amount_quoted(f"12{blank}500", "500") is None
    assert amount_quoted(f"500{blank}120", "500") is None


@pytest.mark.parametrize(
    "text",
    [
        "50 thousand", "50 thousands", "50\u00a0million", "50 Tausend", "50 Mio. zurück", "50 mille", "50 万",
        "fifty thousand 50", "50 percent", "50 Prozent", "50 cents", "minus 50",
    ],
)  # fmt: skip
def test_a_number_with_a_word_of_scale_beside_it_is_another_one(text: str) -> None:
    assert amount_quoted(text, "50") is None


@pytest.mark.parametrize(
    "text", ["50 USD", "50USD", "USD 50", "$50", "US$ 50", "50 dollars", "50,- CHF", "50 THB", "\u20bd50", "50\nUSD"]
)
def test_a_number_beside_another_currency_is_no_amount_of_this_one(text: str) -> None:
    assert amount_quoted(text, "50") is None


@pytest.mark.parametrize(
    "text",
    [
        "50 EUR",
        "\u20ac50",
        "50 euros please",
        "50,- EUR",
        "I want 50",
        "50 more or less",
        "order 10023\n50",
        "50 miladies",
    ],
)
def test_a_number_beside_its_own_currency_or_other_words_is_one(text: str) -> None:
    assert amount_quoted(text, "50") == "50"


def test_a_dollar_sign_is_that_of_any_dollar() -> None:
    assert amount_quoted("$50", "50", "CAD") == "50"
    assert amount_quoted("50 USD", "50", "CAD") is None


@pytest.mark.parametrize(("currency", "value"), [("USD", "50"), ("EUR", None), (None, "50")])
def test_a_currency_in_words_is_held_against_the_one_on_record(currency: str | None, value: str | None) -> None:
    document = healed(MendedDocument(value={}), IN_EUROS, {})
    proposed = FieldPatch(name="amount", value="50", quote="50")
    found = patched_document(document, [proposed], IN_EUROS, text="50 USD", currency=currency)
    assert found.fields["amount"].value == value
