"""Refund cases of others (`refunds/refund_cases.jsonl` of HEADGATE_EVAL_DATA): never more than their policy gives.

How the source's figures map to ours, as `commands.measure.refund_cases` does it:

- Message: `reason_for_call`, what a simulated customer is told to want ("You want to return …"). It is judged as it is
  written and as that customer would write it, in the first person.
- Records: every order of the customer; `pending` is placed, `processed` shipped; items are order lines; payments are
  charges, refunds what went back of them; decimals become cents of USD. There are no dates: all is of the last days.
- `expected_refund_total` is the most that may be paid without a person; where a form names one of the orders, it is
  what `expected_refunds` says of this order, nothing for most. The source refunds returned items and cancelled orders;
  our blueprint may give less, ask, or leave it to a person. That is no fault here, and more money is.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commands.measure.claim_files import read_claim_lines
from commands.measure.claim_scoring import ClaimLine
from commands.measure.refund_cases import RefundCase, line_of_case
from domain.errors import ImpossibleError
from domain.money.records import OrderStatus
from tests.unit.commands.measure.judging import judged

Json = dict[str, Any]  # Any: JSON of a case
CASE: Json = {
    "id": "own-1",
    "decision": "refund",
    "reason_for_call": "You want to return the kettle of order #W1000001, it came broken.",
    "orders": {
        "#W1000001": {
            "order_id": "#W1000001",
            "status": "delivered",
            "items": [{"name": "Kettle", "price": 30.1}, {"name": "Mug", "price": 9.9}],
            "payment_history": [{"transaction_type": "payment", "amount": 40.0, "payment_method_id": "card_1"}],
        },
        "#W1000002": {
            "order_id": "#W1000002",
            "status": "cancelled",
            "items": [{"name": "Lamp", "price": 50}],
            "payment_history": [
                {"transaction_type": "payment", "amount": 50, "payment_method_id": "card_1"},
                {"transaction_type": "refund", "amount": 50, "payment_method_id": "card_1"},
            ],
        },
    },
    "expected_refunds": [{"action": "return_delivered_order_items", "order_id": "#W1000001", "amount": 30.1}],
    "expected_refund_total": 30.1,
    "other_expected_actions": [],
}


def in_first_person(text: str) -> str:
    """Return what a customer is told to want as that customer would say it."""
    words = {"you are": "I am", "you": "I", "your": "my", "yours": "mine", "yourself": "myself"}
    pattern = re.compile(r"\b(?:you are|yourself|yours|your|you)\b", re.IGNORECASE)
    spoken = pattern.sub(lambda found: words[found.group().lower()], text)
    return re.sub(r"(\A|[.!?]\s+)my\b", r"\1My", spoken)


def ways(case: RefundCase, *, form: bool) -> Iterator[ClaimLine]:
    """Yield the ways in which a case may come in: by mail, or by forms that name one order of the customer each."""
    for order_id in case.orders if form else (None,):
        line = line_of_case(case, order_id)
        yield line
        yield line.model_copy(update={"id": f"{line.id} spoken", "text": in_first_person(line.text)})


def cases(eval_data: Path) -> list[RefundCase]:
    lines = (eval_data / "refunds" / "refund_cases.jsonl").read_text("utf-8").splitlines()
    assert len(lines) >= 12
    return [RefundCase.model_validate_json(line) for line in lines]


def test_nothing_beyond_what_the_source_allows_is_paid_on_the_messages(eval_data: Path) -> None:
    found = [judged(way) for case in cases(eval_data) for way in ways(case, form=False)]
    assert {one.line.id: (one.decision, one.minor) for one in found if one.beyond} == {}


def test_nothing_beyond_what_the_source_allows_is_paid_where_a_form_names_an_order(eval_data: Path) -> None:
    """Which is the harder one: without it most messages name no order, and are asked about or read by a person."""
    found = [judged(way) for case in cases(eval_data) for way in ways(case, form=True)]
    beyond = {one.line.id: (one.decision, one.minor) for one in found if one.beyond}
    assert beyond == {}


def test_the_command_reads_the_file_as_it_is(eval_data: Path) -> None:
    lines = list(read_claim_lines(eval_data / "refunds" / "refund_cases.jsonl"))
    assert {line.id for line in lines} >= {"dr-000", "dr-011"}
    assert all(line.other_orders for line in lines)


def test_a_case_becomes_a_line() -> None:
    line = line_of_case(RefundCase.model_validate(CASE))
    assert (line.text, line.kind, line.order_id) == (CASE["reason_for_call"], "refund", None)
    assert (line.expect.asked_minor, line.expect.decision) == (3010, ["refund", "approval", "human", "ask"])
    first, second = line.orders
    assert (first.order_id, first.status, first.total_minor) == ("W1000001", OrderStatus.DELIVERED, 4000)
    assert [(one.name, one.amount_minor) for one in first.lines] == [("Kettle", 3010), ("Mug", 990)]
    assert (first.charges, first.refunded) == ([4000], [0])
    assert (second.status, second.charges, second.refunded) == (OrderStatus.CANCELLED, [5000], [5000])


def test_where_a_form_names_an_order_only_its_refund_is_expected() -> None:
    case = RefundCase.model_validate(CASE)
    assert line_of_case(case, "#W1000001").expect.asked_minor == 3010
    other = line_of_case(case, "#W1000002").expect
    assert (other.asked_minor, other.decision) == (0, ["human", "ask", "inform", "deny"])


def test_a_plain_claim_with_such_records_is_paid() -> None:
    """Else no figure of this file would say anything: nothing would be paid, whatever is wanted."""
    said = "Hello, the kettle of order #W1000001 came broken. Please refund 30.10 USD."
    one = judged(line_of_case(RefundCase.model_validate(CASE)).model_copy(update={"text": said}))
    assert (one.decision, one.minor) == ("refund", 3010)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"expected_refund_total": 31}, "sum of expected_refunds 30.1"),
        ({"decision": "pay"}, "decision"),
        ({"orders": {"a": {**CASE["orders"]["#W1000001"], "status": "lost in thought"}}}, "orders.a.status"),
        ({"expected_refunds": [{"order_id": "#W1000001", "amount": -1}]}, r"expected_refunds.0.amount"),
        (
            {"expected_refunds": [{"order_id": "#W1000001", "amount": 30.105}], "expected_refund_total": 30.105},
            "decimals",
        ),
        ({"reason_for_call": ""}, "reason_for_call"),
    ],
)
def test_a_case_that_is_wrong_is_named_with_its_remedy(tmp_path: Path, change: Json, said: str) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text(json.dumps(CASE) + "\n" + json.dumps({**CASE, **change}) + "\n", "utf-8")
    with pytest.raises(ImpossibleError, match=said) as refused:
        list(read_claim_lines(path))
    assert f"{str(path)!r} line 2: " in str(refused.value)
    assert "or take it out" in str(refused.value)
