"""The kinds of records, each with the columns of its file: the one place that says what a file may hold."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from domain.importing import cells
from domain.importing.cells import Value
from domain.inbound.webhook import DEFAULT_TENANT
from domain.money.records import LineKind, OrderStatus


class Kind(StrEnum):
    """What a file holds; the name of the file, too. In the order in which they refer to each other."""

    ACCOUNTS = "accounts"
    CUSTOMERS = "customers"
    ORDERS = "orders"
    CHARGES = "charges"
    ORDER_LINES = "order_lines"
    TERRITORIES = "territories"


class Holds(StrEnum):
    """How a cell is read, where its text alone does not say."""

    PLAIN = "plain"
    MONEY = "money"  # decimal text of the currency in the same row; kept in minor units
    MONEY_OF_ORDER = "money of its order"  # as text until the currency of the order is known
    PAST = "past"  # a time of what has happened
    TIME = "time"  # a time that may lie ahead


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file.

    Attributes:
        name: in the file.
        field: in the store.
        read: reads a cell that is not empty, where `holds` is plain.
        holds: how it is read.
        needed: the file must have it, with no cell empty.
        empty: what an empty cell means, and for a new record a column that is not there.
    """

    name: str
    field: str
    read: Callable[[str], Value] = cells.text
    holds: Holds = Holds.PLAIN
    needed: bool = False
    empty: Value = None


_TENANT = Column("tenant", "tenant", cells.tenant, empty=DEFAULT_TENANT)
_ORDER_ID = cells.name_of("an order")
_CUSTOMER_ID = cells.name_of("a customer")
_ACCOUNT_ID = cells.name_of("an account")

COLUMNS: dict[Kind, tuple[Column, ...]] = {
    Kind.ACCOUNTS: (
        _TENANT,
        Column("account_id", "account_id", _ACCOUNT_ID, needed=True),
        Column("name", "name", needed=True),
        Column("country", "country", cells.country, needed=True),
        Column("domain", "domain"),
        Column("industry", "industry", empty=""),
        Column("employees", "employees", cells.count, empty=0),
        Column("tier", "tier", empty="standard"),
        Column("owner", "owner"),
    ),
    Kind.CUSTOMERS: (
        _TENANT,
        Column("customer_id", "customer_id", _CUSTOMER_ID, needed=True),
        Column("email", "email", cells.email),
        Column("name", "name", empty=""),
        Column("lang", "lang", cells.lang, empty="en"),
        Column("account_id", "account_id", _ACCOUNT_ID),
    ),
    Kind.ORDERS: (
        _TENANT,
        Column("order_id", "order_id", _ORDER_ID, needed=True),
        Column("customer_id", "customer_id", _CUSTOMER_ID, needed=True),
        Column("status", "status", cells.one_of(list(OrderStatus)), needed=True),
        Column("placed_at", "placed_at", holds=Holds.PAST, needed=True),
        Column("delivered_at", "delivered_at", holds=Holds.PAST),
        Column("promised_at", "promised_at", holds=Holds.TIME),
        Column("total", "total_minor", holds=Holds.MONEY, needed=True),
        Column("currency", "currency", cells.currency, needed=True),
    ),
    Kind.CHARGES: (
        _TENANT,
        Column("charge_id", "charge_id", cells.name_of("a charge"), needed=True),
        Column("order_id", "order_id", _ORDER_ID, needed=True),
        Column("amount", "amount_minor", holds=Holds.MONEY, needed=True),
        Column("currency", "currency", cells.currency, needed=True),
        Column("captured_at", "captured_at", holds=Holds.PAST, needed=True),
        Column("payee", "payee", needed=True),
        Column("refunded", "refunded_minor", holds=Holds.MONEY, empty=0),
        Column("disputed", "disputed", cells.yes_or_no, empty=False),
    ),
    Kind.ORDER_LINES: (
        _TENANT,
        Column("order_id", "order_id", _ORDER_ID, needed=True),
        Column("name", "name", cells.goods, needed=True),
        Column("quantity", "quantity", cells.quantity, needed=True),
        Column("amount", "amount_minor", holds=Holds.MONEY_OF_ORDER, needed=True),
        Column("kind", "kind", cells.one_of(list(LineKind)), empty=LineKind.ITEM.value),
    ),
    Kind.TERRITORIES: (
        _TENANT,
        Column("country", "country", cells.country_or_all, needed=True),
        Column("min_employees", "min_employees", cells.count, empty=0),
        Column("owner", "owner", needed=True),
        Column("team", "team", needed=True),
    ),
}

KEYS: dict[Kind, tuple[str, ...]] = {
    Kind.ACCOUNTS: ("tenant", "account_id"),
    Kind.CUSTOMERS: ("tenant", "customer_id"),
    Kind.ORDERS: ("tenant", "order_id"),
    Kind.CHARGES: ("charge_id",),  # the payment provider's own id: one of a kind over all tenants
    Kind.ORDER_LINES: ("tenant", "order_id", "place"),  # lines have no id: they are counted within their order
    Kind.TERRITORIES: ("tenant", "country", "min_employees"),
}
"""The fields that tell two records of a kind apart."""


def needed_names(kind: Kind) -> list[str]:
    """Return the columns that a file of this kind must have."""
    return [column.name for column in COLUMNS[kind] if column.needed]


def all_names(kind: Kind) -> list[str]:
    """Return all columns that a file of this kind may have."""
    return [column.name for column in COLUMNS[kind]]


def kind_of_columns(names: list[str]) -> Kind | None:
    """Return the kind that has all these columns and needs no other, if there is just one.

    >>> kind_of_columns(["order_id", "charge_id", "amount", "currency", "captured_at", "payee"])
    <Kind.CHARGES: 'charges'>
    """
    fitting = [kind for kind in Kind if set(needed_names(kind)) <= set(names) and set(names) <= set(all_names(kind))]
    return fitting[0] if len(fitting) == 1 else None
