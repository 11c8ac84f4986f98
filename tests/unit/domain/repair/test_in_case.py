"""What of our records a model may know while it looks for fields."""

from datetime import UTC, datetime

from domain.money.records import Account, Customer, Order, OrderLine, OrderStatus
from domain.repair.in_case import facts_for_model, records_for


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
