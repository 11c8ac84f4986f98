"""What a case takes from its document, and what of our records a model may know while it looks for fields."""

from datetime import UTC, datetime

import pytest

from domain.inbound.strict_json import Number
from domain.money.records import Account, Customer, Order, OrderLine, OrderStatus
from domain.reading.written import read_amount
from domain.repair.document import MendedDocument
from domain.repair.healing import healed
from domain.repair.in_case import case_values, facts_for_model, records_for
from domain.repair.kinds import DocumentKind


def test_of_an_order_of_a_thousand_lines_some_are_told() -> None:
    order = Order(
        order_id="ORD-1", customer_id="C-1", status=OrderStatus.DELIVERED, placed_at=datetime(2026, 1, 1, tzinfo=UTC),
        total_minor=100_000, currency="EUR",
        lines=[OrderLine(name=f"Lamp {n}", quantity=1, amount_minor=100) for n in range(1_000)],
    )  # fmt: skip
    records = records_for(Account(customer=Customer(customer_id="C-1", tenant="acme"), order=order))
    [told] = facts_for_model(records).values()
    assert isinstance(told, dict)
    assert [line["name"] for line in told["lines"]] == [f"Lamp {n}" for n in range(50)]
    assert not {"customer_id", "charges"} & told.keys()


@pytest.mark.parametrize("lang", ["de", "es", "fr", "en"])
def test_an_amount_that_was_read_once_is_read_again_by_no_language(lang: str) -> None:
    kind = DocumentKind.model_validate({"case": {"amount": "amount"}, "fields": {"amount": {"kind": "amount"}}})
    found = healed(MendedDocument(value={"amount": Number("12.345")}), kind, {}, lang=lang)
    amount = case_values(found, kind).amount
    assert amount is not None
    with pytest.raises(ValueError, match="at most two decimals"):
        read_amount(amount, currency="EUR", lang=lang)
