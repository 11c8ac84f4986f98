"""What people are told of a document's fields: no personal data in clear, tokens as the case calls them."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from activities.actions.heal import HealActivities, HealRequest, HealResult
from adapters.cleaning.cleaner import DocumentCleaner
from adapters.repair.mending import JsonMender
from adapters.store import Store
from domain.case import CaseState, CaseStatus
from domain.repair.healing import FieldMark
from domain.repair.kinds import DocumentKind
from domain.repair.patching import FieldPatch
from domain.repair.told import CHARS_AT_MOST, FIELDS_AT_MOST, FieldTold
from tests.contracts.store_samples import case_input, stored_case
from tests.fakes.blueprint import BLUEPRINT, WORDS
from tests.unit.activities.store_parts import Clock

FIELDS: dict[str, Any] = {
    "order": {},
    "amount": {"kind": "amount", "sources": ["order.total"]},
    "currency": {"kind": "currency", "sources": ["order.currency"]},
    "payee": {"required": False},
    "iban": {"required": False},
    "comment": {"required": False},
    "card": {"kind": "whole", "required": False},
    "contacts": {"kind": "texts", "required": False},
    "condition": {},
}
IBAN = "DE89370400440532013000"


def told(
    store: Store,
    clock: Clock,
    form: Mapping[str, object],
    *patches: FieldPatch,
    fields: Mapping[str, Any] = FIELDS,
    vault: Mapping[str, str] | None = None,
    **of_case: Any,
) -> dict[str, FieldTold]:
    kind = DocumentKind.model_validate(
        {
            "sources": ["shop"],
            "root": "form",
            "case": {"order_id": "order"},
            "records": {"order": {"anchors": {"order": "order_id"}}},
            "fields": fields,
        }
    )
    case = case_input("document").model_copy(update={"document": "form", "lang": "en", **of_case})
    stored = stored_case(
        "document", case=case, body=json.dumps({"form": form}).encode(), sender_email="ann@example.com"
    )
    store.cases.admit([stored.model_copy(update={"vault": dict(vault or {})})])
    knowing = BLUEPRINT.model_copy(update={"documents": {"form": kind}})
    healing = HealActivities(store.records, store.cases, knowing, JsonMender(), DocumentCleaner(WORDS.mail), clock)
    for _ in range(2):  # repeatable: a retry calls nothing by another name
        result = healing.heal_document(HealRequest(case=case, patches=patches))
    return {field.name: field for field in result.fields}


def test_each_field_has_its_value_and_where_it_is_from(store: Store, clock: Clock) -> None:
    cracked = FieldPatch(name="condition", value="cracked glass", quote="cracked glass")
    fields = told(store, clock, {"order": "ORD-1"}, cracked, text="It has cracked glass.")
    assert fields["order"] == FieldTold(name="order", origin=FieldMark.GIVEN, value="ORD-1")
    assert fields["amount"] == FieldTold(
        name="amount", origin=FieldMark.DERIVED, value="20.00", currency="USD", source="order.total"
    )
    assert fields["condition"] == FieldTold(
        name="condition", origin=FieldMark.DERIVED, value="cracked glass", source="quote", quote="cracked glass"
    )
    assert "payee" not in fields, "it may be missing"


def test_what_is_missing_is_listed_without_a_value(store: Store, clock: Clock) -> None:
    fields = told(store, clock, {"order": "ORD-1"})
    assert fields["condition"] == FieldTold(name="condition", origin=FieldMark.MISSING)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("payee", "Jo Miller", "[NAME_1]"),
        ("iban", IBAN, "[IBAN_1]"),
        ("iban", "DE1 no sum", "[IBAN_1]"),
        ("comment", f"pay it to {IBAN}, or mail jo@example.org", "pay it to [IBAN_1], or mail [EMAIL_2]"),
        ("comment", "mail ann@example.com", "mail [EMAIL_1]"),
        ("card", 4111111111111111, "[CARD_1]"),
        ("contacts", ["jo@example.org", "kim@example.org"], "[EMAIL_2]; [EMAIL_3]"),
        ("payee", "[NAME_7]", "(personal data)"),
    ],
)
def test_personal_data_are_tokens_as_the_case_calls_them(
    store: Store, clock: Clock, name: str, value: object, shown: str
) -> None:
    vault = {"[EMAIL_1]": "ann@example.com"}
    fields = told(store, clock, {"order": "ORD-1", name: value}, vault=vault)
    assert fields[name].value == shown
    kept = store.cases.load("case/shop/document").vault
    assert kept["[EMAIL_1]"] == "ann@example.com"


def test_what_histories_hold_of_a_document_is_bounded(store: Store, clock: Clock) -> None:
    rules = {f"f{n}": {"required": False} for n in range(FIELDS_AT_MOST + 9)} | {"order": {}}
    fields = told(store, clock, dict.fromkeys(rules, "x " * CHARS_AT_MOST), fields=rules)
    assert len(fields) == FIELDS_AT_MOST
    assert max(len(field.value) for field in fields.values()) <= CHARS_AT_MOST + 1


def test_a_status_and_a_result_of_an_older_release_have_no_fields() -> None:
    status = CaseStatus.model_validate({"case_id": "case/shop/e", "state": str(CaseState.DONE)})
    assert status.fields == HealResult.model_validate({"missing": ["x"]}).fields == []


def test_an_id_that_is_a_long_number_is_no_telephone(store: Store, clock: Clock) -> None:
    rules: dict[str, Any] = {"customer_id": {}, "order": {}, "phone": {}}
    fields = told(store, clock, {"customer_id": "0301234567", "phone": "0301234568"}, fields=rules)
    assert (fields["customer_id"].value, fields["phone"].value) == ("0301234567", "[PHONE_1]")
