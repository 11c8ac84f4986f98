"""Refund cases: what a customer wants, all records of that customer, and what the source's policy pays back.

How a case becomes a line of `headgate eval claims`:

- The message is `reason_for_call`, as it is written. `known_info` says who somebody is, `task_instructions` how to
  behave in a talk: neither is part of it.
- The records are all `orders`: `pending` is placed, `processed` shipped; `items` are the lines of the order, payments
  its charges, and refunds go back on the charges in their order. Amounts are decimals of `CURRENCY`, which the source
  does not name; their sum is the total. It has no dates either: all is of the last days.
- `expected_refund_total` is the most that may be paid or asked for; it must be the sum of `expected_refunds`.
- Where the source refunds, a refund is right, and so is a question or a person: its agents talk, and may be told the
  order later. Where it does something else or nothing, everything is right but money.
"""

from decimal import Decimal
from enum import StrEnum

from pydantic import BaseModel, Field, model_validator

from commands.measure.claim_scoring import ClaimLine, ClaimTruth, Decision, OrderFacts
from domain.money.amount import parse_exact
from domain.money.order_number import fold_order_id
from domain.money.records import OrderLine, OrderStatus

CURRENCY = "USD"
_NO_MONEY: tuple[Decision, ...] = ("human", "ask", "inform", "deny")


class SourceDecision(StrEnum):
    """What the source's policy does about a case."""

    REFUND = "refund"
    OTHER_ACTION = "other_action"
    NO_ACTION = "no_action"
    HUMAN = "human"


class SourceOrderStatus(StrEnum):
    """Where an order of a case stands."""

    PENDING = "pending"
    PROCESSED = "processed"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


STATUSES = {
    SourceOrderStatus.PENDING: OrderStatus.PLACED,
    SourceOrderStatus.PROCESSED: OrderStatus.SHIPPED,
    SourceOrderStatus.DELIVERED: OrderStatus.DELIVERED,
    SourceOrderStatus.CANCELLED: OrderStatus.CANCELLED,
}


class TransactionType(StrEnum):
    """Which way money went."""

    PAYMENT = "payment"
    REFUND = "refund"


class SourceItem(BaseModel):
    """One thing that was ordered; `price` in `CURRENCY`."""

    name: str
    price: Decimal = Field(ge=0)


class Transaction(BaseModel):
    """Money that was taken or given back; `amount` in `CURRENCY`."""

    transaction_type: TransactionType
    amount: Decimal = Field(ge=0)


class SourceOrder(BaseModel):
    """An order as the source has it."""

    order_id: str
    status: SourceOrderStatus
    items: list[SourceItem]
    payment_history: list[Transaction]


class ExpectedRefund(BaseModel):
    """What the source's policy pays back of one order, in `CURRENCY`."""

    order_id: str
    amount: Decimal = Field(ge=0)


class RefundCase(BaseModel):
    """A line of the data; its other fields are not looked at."""

    id: str
    reason_for_call: str = Field(min_length=1)
    decision: SourceDecision
    orders: dict[str, SourceOrder]
    expected_refunds: list[ExpectedRefund]
    expected_refund_total: Decimal

    @model_validator(mode="after")
    def _adds_up(self) -> "RefundCase":
        total = sum((refund.amount for refund in self.expected_refunds), Decimal())
        if total != self.expected_refund_total:
            told = f"expected_refund_total is {self.expected_refund_total}, the sum of expected_refunds {total}"
            raise ValueError(told)
        return self


def line_of_case(case: RefundCase, form_order_id: str | None = None) -> ClaimLine:
    """Return a case as a line.

    Args:
        case: the case.
        form_order_id: the order that a form names beside the message; then only its own refund is expected.
    """
    refunds = [r for r in case.expected_refunds if form_order_id is None or r.order_id == form_order_id]
    good: list[Decision] = ["refund", "approval"] if refunds else []
    return ClaimLine(
        id=case.id if form_order_id is None else f"{case.id} {form_order_id}",
        text=case.reason_for_call,
        lang="en",
        kind=case.decision,
        order_id=form_order_id,
        other_orders=[_facts(order) for order in case.orders.values()],
        expect=ClaimTruth(
            decision=[*good, *(("human", "ask") if refunds else _NO_MONEY)],
            asked_minor=sum(_minor(refund.amount) for refund in refunds),
        ),
    )


def _facts(order: SourceOrder) -> OrderFacts:
    history = order.payment_history
    charges = [_minor(t.amount) for t in history if t.transaction_type is TransactionType.PAYMENT]
    left = sum(_minor(t.amount) for t in history if t.transaction_type is TransactionType.REFUND)
    refunded = []
    for charge in charges:
        refunded.append(min(charge, left))
        left -= refunded[-1]
    return OrderFacts(
        order_id=fold_order_id(order.order_id),
        total_minor=sum(_minor(item.price) for item in order.items),
        currency=CURRENCY,
        status=STATUSES[order.status],
        charges=charges,
        refunded=refunded,
        lines=[OrderLine(name=item.name, quantity=1, amount_minor=_minor(item.price)) for item in order.items],
    )


def _minor(amount: Decimal) -> int:
    return parse_exact(str(amount), CURRENCY).minor
