"""Lines of an order as they are kept: names without what is nobody's business, amounts that may be."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from domain.money.records import MAX_LINE_NAME, LineKind, Order, OrderLine, OrderStatus


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("Mug", "Mug"), ("  Mug,\tblue\r\n", "Mug, blue"), ("Mu\0g", "Mu g"), ("\x1b[31mMug", "[31mMug"),
        ("Kaffee\u00adtasse", "Kaffeetasse"), ("M\u202eug", "Mug"), ("Mug\u2028blue", "Mug blue"), ("\ud800Mug", "Mug"),
        ("Mug for ann@example.com", "Mug for …"), ("ann＠example.com", "…"), ("", ""), ("\n", ""),
        ("mug " * 40, "mug " * 18 + "mug…"), ("m" * 90, "m" * 79 + "…"), ("山田の湯呑み", "山田の湯呑み"),
    ],
)  # fmt: skip
def test_a_name_is_one_short_line_without_addresses_and_control_characters(raw: str, kept: str) -> None:
    name = OrderLine(name=raw, quantity=1, amount_minor=0).name
    assert name == kept
    assert len(name) <= MAX_LINE_NAME
    assert OrderLine(name=name, quantity=1, amount_minor=0).name == name


@pytest.mark.parametrize(
    "wrong", [{"quantity": 0}, {"quantity": -1}, {"amount_minor": -1}, {"kind": "discount"}, {"quantity": 1.5}]
)
def test_what_no_line_can_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        OrderLine.model_validate({"name": "Mug", "quantity": 1, "amount_minor": 100, **wrong})


def test_an_order_of_an_older_history_has_no_lines() -> None:
    placed = datetime(2026, 6, 1, tzinfo=UTC)
    old = {
        "order_id": "O",
        "customer_id": "C",
        "status": "lost",
        "placed_at": placed,
        "total_minor": 1,
        "currency": "EUR",
    }
    assert Order.model_validate(old).lines == []
    line = OrderLine(name="Mug", quantity=1, amount_minor=1)
    order = Order.model_validate({**old, "lines": [line]})
    assert Order.model_validate_json(order.model_dump_json()) == order
    assert (order.status, line.kind) == (OrderStatus.LOST, LineKind.ITEM)
