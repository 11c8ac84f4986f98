"""What the system of record knows of a sender: customer, order, charges, order lines."""

import unicodedata
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from domain.money.amount import Money
from domain.money.claim import Reason

MAX_LINES = 200
"""More lines of one order are not kept: they travel with the case, and who orders so much has a person to talk to."""
MAX_LINE_NAME = 80
_NAME_READ = 1_000  # of a name so much is looked at
_BREAKS = frozenset({"Cc", "Zl", "Zp"})
_UNSEEN = frozenset({"Cf", "Cs", "Co", "Cn"})


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


_UNDER_WAY = frozenset({OrderStatus.PLACED, OrderStatus.SHIPPED})
_NOT_GONE = _UNDER_WAY | {OrderStatus.DELIVERED}
STATUSES_OF: Mapping[Reason, frozenset[OrderStatus]] = {
    Reason.DAMAGED: _NOT_GONE,
    Reason.WRONG_ITEM: _NOT_GONE,
    Reason.LATE_DELIVERY: _NOT_GONE,
    Reason.SERVICE_OUTAGE: _NOT_GONE,
    Reason.CHANGED_MIND: frozenset({OrderStatus.PLACED, OrderStatus.DELIVERED}),
}
"""Where an order may stand for a reason to be true; of an order that stands elsewhere a person looks at the claim.

What was lost or cancelled can be neither broken nor late, and what is on its way cannot be sent back. Of charges, and
of what did not arrive, the policy asks more than this.
"""


class LineKind(StrEnum):
    """What a line of an order is for; `service` is what runs, as a subscription or a connection."""

    ITEM = "item"
    SHIPPING = "shipping"
    TAX = "tax"
    FEE = "fee"
    SERVICE = "service"


def line_name(raw: str) -> str:
    r"""Return the name of goods as it is kept: one line of at most 80 characters, without what could be an address.

    Names travel into histories, where no name, address or control character of anybody belongs.

    >>> line_name("  Mug,\tblue for ann@example.com ")
    'Mug, blue for …'
    """
    plain = "".join(_seen(sign) for sign in raw[:_NAME_READ])
    name = " ".join("…" if "@" in word or "＠" in word else word for word in plain.split())
    if len(name) <= MAX_LINE_NAME:
        return name
    cut = name[: MAX_LINE_NAME - 1]
    return f"{cut.rpartition(' ')[0] or cut}…"


def _seen(sign: str) -> str:
    category = unicodedata.category(sign)
    return " " if category in _BREAKS else "" if category in _UNSEEN else sign


class OrderLine(BaseModel):
    """One line of an order. `amount_minor` is what the whole line cost: after discounts, tax included as charged.

    In minor units of the order's currency.
    """

    name: Annotated[str, AfterValidator(line_name)]
    quantity: int = Field(ge=1)
    amount_minor: int = Field(ge=0)
    kind: LineKind = LineKind.ITEM


class Order(BaseModel):
    """An order, its charges and its lines; `total_minor` is what it should have cost.

    No lines: what it was made of is not known.
    """

    order_id: str
    customer_id: str
    status: OrderStatus
    placed_at: datetime
    delivered_at: datetime | None = None
    promised_at: datetime | None = None
    total_minor: int
    currency: str
    charges: list[Charge] = Field(default_factory=list)
    lines: list[OrderLine] = Field(default_factory=list)


def is_service(order: Order) -> bool:
    """Return whether an order is known to be for a service and for no goods: nothing else is down for days."""
    kinds = {line.kind for line in order.lines}
    return LineKind.SERVICE in kinds and LineKind.ITEM not in kinds


def is_late(order: Order, now: datetime) -> bool:
    """Say whether an order came, or is by now, after the time that was promised; without a promise none is late."""
    return order.promised_at is not None and (order.delivered_at or now) > order.promised_at


class OwnEffect(BaseModel):
    """A refund that this very case paid in an earlier run, before it was replayed or sent to a person."""

    key: str
    order_id: str
    charge_id: str
    money: Money
    provider_ref: str = ""
    pending: bool = False  # the provider took it on, and it may fail yet


class PaidBack(BaseModel):
    """What Headgate paid back of a charge for another case; `at` is None while that payment is under way, `pending`
    says that the provider took it and has not done it yet.
    """

    charge_id: str
    money: Money
    at: datetime | None = None
    pending: bool = False


class OpenRequest(BaseModel):
    """What another case of the customer waits for people to approve; `reason` is why the customer wants it back, empty
    where an earlier version asked.
    """

    case_id: str
    order_id: str
    charge_id: str
    money: Money
    reason: str = ""


class Account(BaseModel):
    """What the store knows about the sender and the order named: the answer of the `find_account` tool."""

    customer: Customer | None = None
    order: Order | None = None
    order_matched: bool = False  # its number was written another way: found among the customer's own
    order_of_somebody_else: bool = False
    status_counts: bool = False  # for every reason; of look-ups from before this was so, decisions stand on replay
    kinds_count: bool = False  # what the order's lines are for, for an outage; as above
    candidate_orders: list[str] = Field(default_factory=list)  # the customer's own orders, newest first, at most 5
    refunded_today_minor: int = (
        0  # this customer, all charges, the order's currency, since midnight UTC, without this case's own
    )
    paid_back: list[PaidBack] = Field(default_factory=list)  # of the order's charges, oldest first; counted above
    open_elsewhere: str | None = None  # another case of this customer, which waits for an approval about this order
    open_requests: list[OpenRequest] = Field(default_factory=list)  # of all orders, the oldest first
    before_people: list[str] = Field(default_factory=list)  # older cases of the sender that may take the wish back
    own_effect: OwnEffect | None = (
        None  # executed by this case before; `refunded_minor` of the charges does not count it
    )
