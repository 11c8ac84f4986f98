"""Who a sender is and whose order they name: one rule for every system that holds the records."""

from collections.abc import Sequence
from typing import Protocol

from pydantic import BaseModel, Field

from domain.mail.addresses import fold_address
from domain.money.order_number import MAX_WRITTEN, fold_order_id, match_order
from domain.money.records import Customer, Order

CANDIDATE_ORDERS = 5
"""So many orders are named to a customer who named none that they have."""
OWN_ORDERS = 200
"""So many of a customer's orders are compared with a number that is nobody's id as it stands."""
MAX_ID_LENGTH = 128  # no id of ours is longer; a longer one is not looked up
MAX_EMAIL_LENGTH = 254


class KnownCustomer(BaseModel):
    """A customer as the records know them; `email_key` is their address as addresses are compared, None if unknown."""

    customer: Customer
    email_key: str | None = None
    address: str | None = None  # as it is written there: where letters go


class Facts(BaseModel):
    """What the records say of a sender; what Headgate itself paid back is not in it."""

    customer: Customer | None = None
    order: Order | None = None
    order_matched: bool = False
    order_of_somebody_else: bool = False
    candidate_orders: list[str] = Field(default_factory=list)


class RecordsView(Protocol):
    """One look into a system that holds the records. Ids come as `wanted_id` returns them, addresses as `email_key`."""

    def customers(self, tenant: str, *, customer_id: str | None, email: str | None) -> Sequence[KnownCustomer]:
        """Return the customers who have this id or this address (either may be None), at least two if there are more
        than one.
        """
        ...

    def order(self, tenant: str, order_id: str) -> Order | None:
        """Return the order of exactly this id with its charges; their `refunded_minor` is what others paid back."""
        ...

    def order_ids_of(self, tenant: str, customer_id: str) -> list[str]:
        """Return the customer's orders, newest first, at most `OWN_ORDERS`."""
        ...


def look_up(
    view: RecordsView, *, tenant: str, customer_id: str | None, sender_email: str | None, order_id: str | None
) -> Facts:
    """Find the customer (by id, else by the sender's address) and the order named, if it is theirs.

    An address that is given must be the customer's: the reply goes there, with what the records say. Where id and
    address name two people there is no customer. An order of exactly this id wins; else the number is compared with the
    customer's own orders (`match_order`), whether it is nobody's or somebody else's: the answer must not tell which.
    """
    wanted, email = wanted_id(customer_id), email_key(sender_email)
    if (wanted is None and email is None) or (email is not None and not _may_be_address(email)):
        return Facts()
    found = view.customers(tenant, customer_id=wanted, email=email)
    if len(found) != 1 or email not in (None, found[0].email_key):  # who knows a customer's id is not the customer
        return Facts()
    customer = found[0].customer
    own = view.order_ids_of(tenant, customer.customer_id)
    order, foreign = _exactly(view, customer, order_id)
    if order is not None or order_id is None:
        return Facts(customer=customer, order=order, candidate_orders=own[:CANDIDATE_ORDERS])
    match = match_order(order_id, own, whole=len(own) < OWN_ORDERS)
    order = view.order(tenant, match.sure) if match.sure is not None else None
    if order is not None and order.customer_id != customer.customer_id:  # it went to somebody else a moment ago
        order = None
    return Facts(
        customer=customer,
        order=order,
        order_matched=order is not None,
        order_of_somebody_else=foreign and order is None,
        candidate_orders=list(dict.fromkeys((*match.close, *own)))[:CANDIDATE_ORDERS],
    )


def _exactly(view: RecordsView, customer: Customer, written: str | None) -> tuple[Order | None, bool]:
    """Return the customer's order of this id, as written, in capitals or in plain signs, and whether somebody else
    has one.
    """
    plain = fold_order_id(written or "") if len(written or "") <= MAX_WRITTEN else ""
    as_it_stands = wanted_id(written) or ""
    foreign = False
    for order_id in dict.fromkeys(filter(None, (as_it_stands, as_it_stands.upper(), wanted_id(plain)))):
        order = view.order(customer.tenant, order_id)
        if order is not None and order.customer_id == customer.customer_id:
            return order, False
        foreign = foreign or order is not None
    return None, foreign


def find_address(view: RecordsView, *, tenant: str, customer_id: str) -> str | None:
    """Return where letters to a customer go, None if the records do not say so of exactly one."""
    wanted = wanted_id(customer_id)
    found = view.customers(tenant, customer_id=wanted, email=None) if wanted else []
    return (found[0].address or found[0].email_key) if len(found) == 1 else None


def email_key(address: str | None) -> str | None:
    """Return an address as addresses are compared (`fold_address`); None if there is none."""
    return fold_address(address) or None if address else None


def _may_be_address(email: str) -> bool:
    return len(email) <= MAX_EMAIL_LENGTH and email.isprintable()


def wanted_id(given: str | None) -> str | None:
    """Return an id as it is looked up, or None for what cannot be one (PostgreSQL would refuse NUL with an error).

    >>> wanted_id(" #ORD-1 ")
    'ORD-1'
    """
    wanted = (given or "").strip().lstrip("#")
    return wanted if wanted and len(wanted) <= MAX_ID_LENGTH and wanted.isprintable() else None
