"""What a kind of document may say of itself."""

from typing import Any

import pytest
from pydantic import ValidationError

from domain.repair.document import MendedDocument
from domain.repair.healing import FieldMark, healed
from domain.repair.kinds import DocumentKind
from domain.repair.patching import FieldPatch, patched_document


@pytest.mark.parametrize(
    ("case", "field", "why"),
    [
        ("amount", {}, "case.amount: the field 'x' is text; expected amount"),
        ("amount", {"kind": "whole"}, "expected amount"),
        ("currency", {}, "case.currency: the field 'x' is text; expected currency"),
        ("order_id", {"kind": "texts"}, "expected text or whole"),
    ],
)
def test_no_text_stands_for_the_money_of_a_case(case: str, field: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        DocumentKind.model_validate({"fields": {"x": field}, "case": {case: "x"}})


def test_a_case_goes_by_fields_of_its_kinds() -> None:
    fields = {"no": {"kind": "whole"}, "sum": {"kind": "amount"}, "money": {"kind": "currency"}}
    kind = DocumentKind.model_validate(
        {"fields": fields, "case": {"order_id": "no", "amount": "sum", "currency": "money"}}
    )
    assert kind.called_in_case("sum") == "amount"


def test_what_a_case_goes_by_is_critical_whatever_it_is_called() -> None:
    fields = {"nummer": {}, "betrag": {"kind": "amount", "critical": False}, "ort": {}}
    kind = DocumentKind.model_validate({"fields": fields, "case": {"order_id": "nummer", "amount": "betrag"}})
    document = healed(MendedDocument(value={"betrag": "99"}, doubted=frozenset({"betrag"})), kind, {})
    assert document.fields["betrag"].value is None
    patches = [FieldPatch(name=name, value="5") for name in fields]
    found = patched_document(document, patches, kind, text="")
    assert set(found.missing) == {"nummer", "betrag"}
    assert found.fields["ort"].standing is FieldMark.GUESSED


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        ({"field": "y", "reasons": {"a": "damaged"}}, "claim.field: there is no field 'y'; expected one of sum, x"),
        ({"field": "sum", "reasons": {"a": "damaged"}}, "claim.field: the field 'sum' is amount; expected text"),
        ({"field": "x", "reasons": {}}, "at least 1"),
        ({"field": "x", "reasons": {"a": "broken"}}, "'damaged'"),
    ],
)
def test_a_field_that_asks_for_money_is_a_text_with_known_values(claim: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        DocumentKind.model_validate({"fields": {"x": {}, "sum": {"kind": "amount"}}, "claim": claim})


def test_a_field_that_asks_for_money_is_never_guessed() -> None:
    claim = {"field": "x", "reasons": {"a": "damaged"}}
    kind = DocumentKind.model_validate({"fields": {"x": {"critical": False}}, "claim": claim})
    document = healed(MendedDocument(value={"x": "a"}, doubted=frozenset({"x"})), kind, {})
    assert document.missing == ["x"]
    assert patched_document(document, [FieldPatch(name="x", value="a")], kind, text="").missing == ["x"]


def test_one_word_is_a_name_only_where_it_can_mean_one_field() -> None:
    kind = DocumentKind.model_validate(
        {
            "fields": {"item_condition": {}, "box_condition": {}, "vat_id": {}, "bought_on": {}, "delivery_city": {}},
            "labels": {
                "en": {"bought_on": "day of purchase"},
                "de": {"item_condition": "Zustand der Ware", "delivery_city": "Lieferung: Ort"},
            },
        }
    )
    assert {name: kind.short_names(name, "en") for name in kind.fields} == {
        "item_condition": [],
        "box_condition": [],
        "vat_id": [],
        "bought_on": [],  # "day" may be any
        "delivery_city": ["city"],
    }
    assert kind.short_names("item_condition", "de") == ["zustand"]
    assert kind.short_names("delivery_city", "de") == ["city"]
