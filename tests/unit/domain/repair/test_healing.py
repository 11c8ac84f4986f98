"""Filling what is missing from records: a record of somebody else fills nothing, and nothing is invented."""

from collections.abc import Mapping

import pytest

from domain.inbound.strict_json import Number
from domain.repair.document import Damage, MendedDocument, TextPlace
from domain.repair.healing import QUOTE, FieldMark, HealedDocument, MarkedField, healed
from domain.repair.kinds import DocumentKind
from domain.repair.rules import DocumentRules, is_critical

RULES = DocumentRules.model_validate(
    {
        "fields": {
            "order_id": {"sources": ["order.id"]},
            "customer_id": {"sources": ["order.customer"]},
            "city": {"sources": ["order.address.city", "customer.city"]},
            "email": {"sources": ["customer.email"]},
            "amount": {"kind": "amount", "sources": ["order.payments[kind=payment].amount"]},
            "method_source": {"sources": ["customer.methods{method}.source"], "required": False},
            "method": {"required": False},
            "items": {"kind": "texts", "sources": ["order.items[].id"]},
            "count": {"kind": "whole", "sources": ["order.items[#]"]},
            "signed_on": {"kind": "day"},
        },
        "records": {
            "order": {"anchors": {"order_id": "id"}, "agrees": {"customer_id": "customer"}},
            "customer": {"anchors": {"customer_id": "id"}},
        },
    }
)
RECORDS: Mapping[str, object] = {
    "order": {
        "id": "ORD-1",
        "customer": "C-1",
        "address": {"city": "Rome"},
        "payments": [{"kind": "payment", "amount": Number("10.50")}, {"kind": "refund", "amount": Number("2")}],
        "items": [{"id": "i1"}, {"id": "i2"}],
    },
    "customer": {"id": "C-1", "city": "Oslo", "email": "a@example.com", "methods": {"m1": {"source": "card"}}},
}


def heal(value: object, records: Mapping[str, object] = RECORDS, **told: object) -> HealedDocument:
    return healed(MendedDocument(value=value, **told), RULES, records)  # type: ignore[arg-type]


def test_nothing_is_taken_from_the_records_of_another_order() -> None:
    found = heal({"order_id": "ORD-2", "customer_id": "C-9"})
    assert found.missing == ["city", "email", "amount", "items", "count", "signed_on"]
    assert all(field.source == "" for field in found.all_fields)


def test_a_record_that_contradicts_the_customer_is_not_the_one() -> None:
    found = heal({"order_id": "ORD-1", "customer_id": "C-9"})
    assert found.fields["amount"].standing is FieldMark.MISSING
    assert found.fields["email"].standing is FieldMark.MISSING


def test_without_an_anchor_no_record_counts() -> None:
    assert heal({"city": "Rome"}).fields["order_id"].standing is FieldMark.MISSING
    assert "order_id" in heal(None).missing


def test_a_record_that_may_be_the_one_lets_no_later_one_speak() -> None:
    found = heal({"customer_id": "C-1"})
    assert found.fields["city"].standing is FieldMark.MISSING  # Oslo is the customer's, and the order's may be Rome
    assert found.fields["email"].value == "a@example.com"
    assert heal({"customer_id": "C-1"}, {**RECORDS, "order": None}).fields["city"].value == "Oslo"


def test_an_anchor_that_was_cut_off_anchors_nothing() -> None:
    found = heal({"order_id": "ORD-1"}, damage=frozenset({Damage.TRUNCATED}), doubted=frozenset({"order_id"}))
    assert found.fields["order_id"].standing is FieldMark.MISSING
    assert found.fields["order_id"].value is None
    assert found.fields["amount"].standing is FieldMark.MISSING


def test_of_several_documents_no_field_counts() -> None:
    found = heal({"order_id": "ORD-1", "city": "Bonn"}, damage=frozenset({Damage.SEVERAL}))
    assert found.fields["order_id"].standing is FieldMark.MISSING
    assert found.fields["city"].standing is FieldMark.GUESSED


def test_several_payments_are_no_amount_even_if_they_are_alike() -> None:
    order = {**dict(RECORDS["order"]), "payments": [{"kind": "payment", "amount": Number("5")}] * 2}  # type: ignore[call-overload]
    found = heal({"order_id": "ORD-1"}, {**RECORDS, "order": order})
    assert found.fields["amount"].standing is FieldMark.MISSING
    assert "several" in found.fields["amount"].why


def test_a_doubtful_critical_field_is_what_the_record_says() -> None:
    found = heal({"order_id": "ORD-1", "amount": Number("9")}, doubted=frozenset({"amount"}))
    amount = found.fields["amount"]
    assert (amount.value, amount.standing, amount.source) == (
        "10.50",
        FieldMark.DERIVED,
        RULES.fields["amount"].sources[0],
    )


def test_a_value_of_another_kind_is_not_kept() -> None:
    found = heal(
        {"order_id": "ORD-1", "customer_id": "C-1", "amount": "1.234", "signed_on": "03/04/2026", "count": "two"}
    )
    assert found.fields["signed_on"].standing is FieldMark.MISSING
    assert found.fields["signed_on"].why == "can be read as 2026-03-04 or 2026-04-03"
    assert found.fields["count"].value == "2"


@pytest.mark.parametrize("said", ["1.234", "half of it", "-5", Number("-5"), {"value": "5"}, True])
def test_money_that_the_document_names_and_nobody_can_read_is_no_records(said: object) -> None:
    found = heal({"order_id": "ORD-1", "customer_id": "C-1", "amount": said})
    assert (found.fields["amount"].standing, found.fields["amount"].value) == (FieldMark.MISSING, None)
    assert found.fields["amount"].why


@pytest.mark.parametrize("said", [None, "", " ", "n/a"])
def test_a_word_for_nothing_is_filled_as_what_is_not_there(said: object) -> None:
    found = heal({"order_id": "ORD-1", "customer_id": "C-1", "amount": said})
    assert found.fields["amount"].value == "10.50"


def test_what_stands_nowhere_stays_missing() -> None:
    found = heal({"order_id": "ORD-1"}, {**RECORDS, "customer": None})
    assert found.missing == ["email", "signed_on"]
    assert found.values()["email"] is None


def test_everything_on_record_is_derived_with_its_path() -> None:
    found = heal({"order_id": "ORD-1", "method": "m1"}, spans={"order_id": TextPlace(13, 20)})
    said = {field.name: (field.value, field.standing, field.source) for field in found.all_fields}
    assert found.fields["order_id"].span == TextPlace(13, 20)
    assert said["order_id"] == ("ORD-1", FieldMark.GIVEN, "")
    assert said["customer_id"] == ("C-1", FieldMark.DERIVED, "order.customer")
    assert said["city"] == ("Rome", FieldMark.DERIVED, "order.address.city")
    assert said["email"] == ("a@example.com", FieldMark.DERIVED, "customer.email")
    assert said["amount"][0] == "10.50"
    assert said["items"][0] == ["i1", "i2"]
    assert said["count"][0] == "2"
    assert said["method_source"] == ("card", FieldMark.DERIVED, "customer.methods{method}.source")
    assert found.missing == ["signed_on"]


@pytest.mark.parametrize("nothing", ["", "  ", "N/A", "null", "Unknown", "-", None])
def test_a_word_for_nothing_is_nothing(nothing: str | None) -> None:
    found = heal({"order_id": nothing, "city": nothing, "customer_id": "C-1"}, {"customer": RECORDS["customer"]})
    assert found.fields["order_id"].standing is FieldMark.MISSING
    assert found.fields["city"].value == "Oslo"


def test_the_document_may_say_it_elsewhere_where_it_is_believed() -> None:
    rules = DocumentRules.model_validate(
        {"fields": {"ids": {"kind": "texts"}, "count": {"kind": "whole", "sources": ["document.ids[#]"]}}}
    )
    said = {"ids": ["a", "b"]}
    assert healed(MendedDocument(value=said), rules, {}).fields["count"].value == "2"
    cut = MendedDocument(value=said, damage=frozenset({Damage.TRUNCATED}), doubted=frozenset({"ids"}))
    assert healed(cut, rules, {}).fields["count"].standing is FieldMark.MISSING


def test_taint_follows_what_was_not_written_so() -> None:
    whole: dict[str, object] = {
        "order_id": "ORD-1",
        "customer_id": "C-1",
        "city": "Rome",
        "email": "a@example.com",
        "amount": Number("1"),
    }
    whole |= {"items": ["i1"], "count": Number("1"), "signed_on": "2026-01-01"}
    assert not heal(whole).tainted
    assert heal(whole, damage=frozenset({Damage.QUOTES})).tainted
    assert heal({**whole, "city": None}).tainted


@pytest.mark.parametrize(
    "name", ["amount", "order_id", "taxId", "IBAN", "payee", "account_number", "refund_amount", "vat"]
)
def test_what_moves_money_is_critical(name: str) -> None:
    assert is_critical(name)


@pytest.mark.parametrize("name", ["city", "border", "text", "lang", "syntax"])
def test_other_fields_are_not(name: str) -> None:
    assert not is_critical(name)


@pytest.mark.parametrize(
    "wrong",
    [
        {"fields": {"a": {"sources": ["order.a"]}}},
        {"fields": {"a": {"sources": ["order..a"]}}, "records": {"order": {"anchors": {"a": "a"}}}},
        {"fields": {"a": {}}, "records": {"order": {"anchors": {"b": "a"}}}},
        {"fields": {"a": {}}, "records": {"order": {"anchors": {}}}},
    ],
)
def test_rules_that_name_what_is_not_there_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"order|step|fields|at least 1"):
        DocumentRules.model_validate(wrong)


IN_EUROS = {"order": {"order_id": "ORD-1", "currency": "EUR", "total": Number("20.00")}}


def amount_of(said: dict[str, object], lang: str = "de") -> MarkedField:
    """Return the amount of a form that lists it before a currency of another name."""
    rules = DocumentKind.model_validate(
        {
            "case": {"amount": "betrag", "currency": "waehrung"},
            "records": {"order": {"anchors": {"id": "order_id"}}},
            "fields": {
                "betrag": {"kind": "amount", "sources": ["order.total"]},
                "currency": {"kind": "currency", "required": False},  # of something else
                "waehrung": {"kind": "currency", "sources": ["order.currency"]},
                "id": {},
            },
        }
    )
    return healed(MendedDocument(value=said), rules, IN_EUROS, lang=lang).fields["betrag"]


@pytest.mark.parametrize("written", [Number("1.234"), Number("100.000"), "1,234"])
@pytest.mark.parametrize("currency", [{"waehrung": "EUR"}, {"id": "ORD-1"}])  # it says so, or its order does
@pytest.mark.parametrize("lang", ["de", "es", "fr"])
def test_an_amount_that_its_currency_cannot_have_is_missing(
    written: str, currency: dict[str, object], lang: str
) -> None:
    found = amount_of({"betrag": written, "currency": "KWD", **currency}, lang)
    assert (found.value, found.standing) == (None, FieldMark.MISSING)
    assert found.why


def test_an_amount_is_read_in_the_currency_that_the_case_goes_by() -> None:
    assert amount_of({"betrag": "1.234", "waehrung": "EUR"}, "und").value == "1234"
    assert amount_of({"betrag": Number("1.234"), "waehrung": "KWD"}).value == "1.234"
    assert amount_of({"betrag": Number("12.5"), "id": "ORD-1"}).value == "12.5"


RECASED = [
    "Amount",
    "AMOUNT",
    "amount ",
    "refund_amount",
    "refundAmount",
    "refundamount",
    "amo\u200bunt",
    "amount_cents",
]


@pytest.mark.parametrize("name", RECASED)
def test_no_record_speaks_for_a_critical_field_that_stands_under_another_name(name: str) -> None:
    found = heal({"order_id": "ORD-1", name: Number("50")}).fields["amount"]
    assert (found.value, found.standing) == (None, FieldMark.MISSING)
    assert name not in found.why, "what stands as a name may be anything"
    assert heal({"order_id": "ORD-1", "payment": {name: "50"}}).fields["amount"].value is None


@pytest.mark.parametrize("other", [{"Amount": None}, {"AMOUNT": " "}, {"total": "50"}, {"City": "Oslo"}])
def test_other_names_say_nothing_of_a_critical_field(other: dict[str, object]) -> None:
    found = heal({"order_id": "ORD-1", **other})
    assert (found.fields["amount"].value, found.fields["city"].value) == ("10.50", "Rome")


def test_a_critical_field_under_two_names_with_two_values_is_missing() -> None:
    assert heal({"amount": Number("50"), "Amount": Number("90")}).fields["amount"].value is None
    assert heal({"amount": Number("50"), "Amount": Number("50")}).fields["amount"].value == "50"


def test_a_quote_proves_a_field_that_stands_under_another_name() -> None:
    quoted = {"amount": MarkedField("amount", Number("50"), FieldMark.DERIVED, critical=True, source=QUOTE)}
    document = MendedDocument(value={"order_id": "ORD-1", "Amount": Number("50")})
    assert healed(document, RULES, RECORDS, proven=quoted).fields["amount"].value == "50"
