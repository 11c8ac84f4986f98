"""Loads sample records into the system of record and the CRM; what is there already stays."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.engine import Connection

from adapters.store.crm import name_key
from adapters.store.database import Database, insert_new
from adapters.store.tables import charges, crm_accounts, customers, orders, territories
from domain.errors import ConfigurationError
from domain.money.records import OrderStatus

FILES = ("customers.json", "orders.json", "crm_accounts.json", "territories.json")


class SeedCounts(BaseModel):
    """How many records the files hold."""

    customers: int = 0
    orders: int = 0
    charges: int = 0
    crm_accounts: int = 0
    territories: int = 0


class _Sample(BaseModel):
    model_config = ConfigDict(extra="forbid")

    tenant: str = "default"


class _Customer(_Sample):
    customer_id: str = Field(min_length=1)
    email: str | None = None
    name: str = ""
    lang: str = "en"
    account_id: str | None = None


class _Charge(_Sample):
    charge_id: str = Field(min_length=1)
    amount_minor: int = Field(ge=0)
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")  # the order's, if it is not named
    captured_at: datetime | None = None
    captured_days_ago: float | None = None
    payee: str = Field(min_length=1)
    refunded_minor: int = Field(default=0, ge=0)


class _Order(_Sample):
    order_id: str = Field(min_length=1)
    customer_id: str
    status: OrderStatus
    placed_at: datetime | None = None
    placed_days_ago: float | None = None
    delivered_at: datetime | None = None
    delivered_days_ago: float | None = None
    promised_at: datetime | None = None
    promised_days_ago: float | None = None
    total_minor: int = Field(ge=0)
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    charges: list[_Charge] = Field(default_factory=list)


class _CrmAccount(_Sample):
    account_id: str = Field(min_length=1)
    name: str
    domain: str | None = None
    country: str
    industry: str = ""
    employees: int = Field(default=0, ge=0)
    tier: str = "standard"
    owner: str | None = None


class _Territory(_Sample):
    country: str
    min_employees: int = Field(default=0, ge=0)
    owner: str
    team: str


class _Records(BaseModel):
    customers: list[_Customer]
    orders: list[_Order]
    crm_accounts: list[_CrmAccount]
    territories: list[_Territory]


def seed_database(database: Database, folder: Path, now: datetime) -> SeedCounts:
    """Load `customers.json`, `orders.json` (with their charges), `crm_accounts.json` and `territories.json`.

    Repeatable: what is there stays. A date may be relative: `"placed_days_ago": 12` is twelve days before `now`; a
    negative number lies ahead.

    Raises:
        ConfigurationError: a file is missing or a record in it cannot be read.
        TransientError: the store cannot be reached.
    """
    records = _read(folder)
    database.writing(lambda connection: _insert(connection, records, now))
    return SeedCounts(
        customers=len(records.customers),
        orders=len(records.orders),
        charges=sum(len(order.charges) for order in records.orders),
        crm_accounts=len(records.crm_accounts),
        territories=len(records.territories),
    )


def _read(folder: Path) -> _Records:
    raw: dict[str, Any] = {}  # Any: JSON, checked by the model below
    for name in FILES:
        path = folder / name
        try:
            raw[path.stem] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"sample records {name!r} cannot be read: {error}") from error
    try:
        return _Records.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"sample records: {where}: {first['msg']} ({error.error_count()} problems)") from error


def _insert(connection: Connection, records: _Records, now: datetime) -> None:
    insert_new(
        connection,
        customers,
        [{**c.model_dump(), "email_key": c.email.strip().casefold() if c.email else None} for c in records.customers],
    )
    insert_new(connection, orders, [_order_row(order, now) for order in records.orders])
    insert_new(connection, charges, [_charge_row(order, c, now) for order in records.orders for c in order.charges])
    insert_new(
        connection,
        crm_accounts,
        [
            {**a.model_dump(), "name_key": name_key(a.name), "domain": a.domain.casefold() if a.domain else None}
            for a in records.crm_accounts
        ],
    )
    insert_new(connection, territories, [t.model_dump() for t in records.territories])


# Any: values of columns of every type.
def _order_row(order: _Order, now: datetime) -> dict[str, Any]:
    placed_at = _when(order.placed_at, order.placed_days_ago, now)
    if placed_at is None:
        raise ConfigurationError(f"sample records: order {order.order_id!r} has neither placed_at nor placed_days_ago")
    return {
        **order.model_dump(include={"tenant", "order_id", "customer_id", "status", "total_minor", "currency"}),
        "placed_at": placed_at,
        "delivered_at": _when(order.delivered_at, order.delivered_days_ago, now),
        "promised_at": _when(order.promised_at, order.promised_days_ago, now),
    }


# Any: values of columns of every type.
def _charge_row(order: _Order, charge: _Charge, now: datetime) -> dict[str, Any]:
    captured_at = _when(charge.captured_at, charge.captured_days_ago, now)
    if captured_at is None:
        captured_at = _when(order.placed_at, order.placed_days_ago, now)
    return {
        **charge.model_dump(include={"charge_id", "amount_minor", "payee", "refunded_minor"}),
        "tenant": order.tenant,
        "order_id": order.order_id,
        "currency": charge.currency or order.currency,
        "captured_at": captured_at,
    }


def _when(at: datetime | None, days_ago: float | None, now: datetime) -> datetime | None:
    return at if at is not None or days_ago is None else now - timedelta(days=days_ago)
