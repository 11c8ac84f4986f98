"""What the system of record knows of a sender: customer, order, charges."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from domain.money.amount import Money


class Customer(BaseModel):
    """A customer of the system of record, without personal data."""

    customer_id: str
    tenant: str = "default"
    lang: str = "en"


class Charge(BaseModel):
    """A captured payment. `payee` is the instrument it came from, the only place that money can go back to.

    `disputed`: the customer's bank was asked to take it back, or has done so.
    """

    charge_id: str
    amount_minor: int
    currency: str
    captured_at: datetime
    payee: str
    refunded_minor: int = 0
    disputed: bool = False


class OrderStatus(StrEnum):
    """Where an order stands."""

    PLACED = "placed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    LOST = "lost"
    CANCELLED = "cancelled"


class Order(BaseModel):
    """An order and its charges; `total_minor` is what it should have cost."""

    order_id: str
    customer_id: str
    status: OrderStatus
    placed_at: datetime
    delivered_at: datetime | None = None
    promised_at: datetime | None = None
    total_minor: int
    currency: str
    charges: list[Charge] = Field(default_factory=list)


class OwnEffect(BaseModel):
    """A refund that this very case paid in an earlier run, before it was replayed or sent to a person."""

    key: str
    order_id: str
    charge_id: str
    money: Money
    provider_ref: str = ""
    pending: bool = False  # the provider took it on, and it may fail yet


class PaidBack(BaseModel):
    """What Headgate paid back of a charge for another case; `at` is None while that payment is under way."""

    charge_id: str
    money: Money
    at: datetime | None = None


class Account(BaseModel):
    """What the store knows about the sender and the order named: the answer of the `find_account` tool."""

    customer: Customer | None = None
    order: Order | None = None
    order_matched: bool = False  # its number was written another way: found among the customer's own
    order_of_somebody_else: bool = False
    candidate_orders: list[str] = Field(default_factory=list)  # the customer's own orders, newest first, at most 5
    refunded_today_minor: int = (
        0  # this customer, all charges, the order's currency, since midnight UTC, without this case's own
    )
    paid_back: list[PaidBack] = Field(default_factory=list)  # of the order's charges, oldest first; counted above
    own_effect: OwnEffect | None = (
        None  # executed by this case before; `refunded_minor` of the charges does not count it
    )
