"""The offline model's task `repair`: values behind the names of fields, and nothing else."""

import json

import pytest

from adapters.models.offline.fields import find_fields
from adapters.models.offline.task import Task


def found(text: str, *fields: dict[str, str]) -> dict[str, str]:
    facts = json.dumps({"fields": list(fields), "records": {}})
    said = f'<facts>\n{facts}\n</facts>\n<ticket lang="en">\n{text}\n</ticket>'
    answer = find_fields(Task(name="repair", schema={}, system="", said=[said]))
    assert answer.value is not None
    for field in answer.value["fields"]:
        assert text[field["offset"] :].startswith(field["quote"])
    return {field["name"]: field["value"] for field in answer.value["fields"]}


VAT = {"name": "vat_id", "kind": "text", "called": "VAT id"}
AMOUNT = {"name": "amount", "kind": "amount", "called": "amount"}
ORDER = {"name": "order_id", "kind": "text", "called": "order number"}
DAY = {"name": "bought_on", "kind": "day", "called": "day of purchase"}
STATE = {"name": "item_condition", "kind": "text", "called": "condition of the goods", "in_short": "condition"}


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("VAT id: DE123456789.", VAT, "DE123456789"),
        ("my vat id is DE12, thanks", VAT, "DE12"),
        ("vat_id=DE12", VAT, "DE12"),
        ("The amount was 1.234,56 EUR", AMOUNT, "1.234,56"),
        ("amount 20", AMOUNT, "20"),
        ("Please refund order ORD-10035.", ORDER, "ORD-10035"),
        ("Order number: ORD-1, it broke", ORDER, "ORD-1"),
        ("Day of purchase: 2026-03-04", DAY, "2026-03-04"),
        ("Condition of the goods: scratched on one side.\nBye", STATE, "scratched on one side"),
        ("condition: cracked", STATE, "cracked"),
        ("Hello,\nCondition: cracked along the edge", STATE, "cracked along the edge"),
    ],
)
def test_a_named_value_is_copied(text: str, field: dict[str, str], value: str) -> None:
    assert found(text, field) == {field["name"]: value}


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("I want a refund", VAT),
        ("VAT id: DE1\nVAT id: DE2", VAT),
        ("the amount is too high", AMOUNT),
        ("my non-vat id: X", {"name": "vat", "kind": "text", "called": "vat"}),
        ("", VAT),
        ("refund order ORD-1 and order ORD-2", ORDER),
        ("my order is late", ORDER),
        ("condition: cracked\nCondition of the goods: fine", STATE),
        ("on one condition: a refund", STATE),
        ("The condition is bad", STATE),
    ],
)
def test_what_is_not_named_or_named_twice_is_left_out(text: str, field: dict[str, str]) -> None:
    assert found(text, field) == {}


def test_without_fields_there_is_nothing_to_do() -> None:
    said = ["<ticket>\nhello\n</ticket>"]
    assert find_fields(Task(name="repair", schema={}, system="", said=said)).refusal


@pytest.mark.parametrize("field", [VAT, AMOUNT, DAY, STATE])
def test_a_line_of_blanks_takes_no_time(field: dict[str, str]) -> None:
    """It took minutes: a few hundred blanks were shared out among several parts of the pattern."""
    assert found(f"{field['called']}{' ' * 5_000}{'x' * 300}", field) in ({}, {"vat_id": "x" * 100})
