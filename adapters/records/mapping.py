"""The file that says where an outside system keeps what (`HEADGATE_RECORDS_FILE`, TOML): docs/records.md explains it.

Everything in it is checked when it is read; a message names the file and the key.
"""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from domain.errors import ConfigurationError
from domain.inbound.webhook import DEFAULT_TENANT
from domain.installation.mistakes import mistake
from domain.money.records import LineKind, OrderStatus

_IDENTIFIER = re.compile(r"[^\W\d][\w$ ]{0,62}")
_PLACES = re.compile(r"\{([^{}]*)\}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)


def _identifier(name: str) -> str:
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError("expected the name of a column: letters, digits, '_', '$' and blanks, at most 63")
    return name


def _relation(name: str) -> str:
    parts = name.split(".")
    if len(parts) > 2 or not all(_IDENTIFIER.fullmatch(part) for part in parts):
        raise ValueError("expected a table or view, or a schema and one, as in 'shop.orders'")
    return name


def _path(path: str) -> str:
    if not path or not all(path.split(".")):
        raise ValueError("expected names parted by full stops, as in 'contact.email'")
    return path


def _template(template: str) -> str:
    if not template.startswith("/") or template.startswith("//") or not template.isascii() or "#" in template:
        raise ValueError("expected a path below the base URL that begins with one '/', in ASCII")
    unknown = set(_PLACES.findall(template)) - {"id", "email", "tenant"}
    if unknown or "{" in _PLACES.sub("", template) or "}" in _PLACES.sub("", template):
        raise ValueError("expected no other places to fill in than {id}, {email} and {tenant}")
    return template


def _zone(name: str) -> str:
    if name not in ("", "unix"):
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("expected a time zone as in 'Europe/Berlin', or 'unix' for seconds since 1970") from error
    return name


def _header_name(name: str) -> str:
    if not _HEADER.fullmatch(name):
        raise ValueError("expected the name of a header, as in 'Authorization'")
    return name


Identifier = Annotated[str, AfterValidator(_identifier)]
Relation = Annotated[str, Field(alias="from"), AfterValidator(_relation)]
JsonPath = Annotated[str, AfterValidator(_path)]
Template = Annotated[str, AfterValidator(_template)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Values(_Part):
    """How values are written, and whose records these are where they do not say."""

    money: Literal["decimal", "minor"]
    times: Annotated[str, AfterValidator(_zone)] = ""  # zone of times without one; "unix": seconds; empty: all have one
    tenant: str = DEFAULT_TENANT


class _Mapping(_Part):
    values: Values
    status: dict[OrderStatus, list[str]] = Field(default_factory=dict)  # other words for our own
    kinds: dict[LineKind, list[str]] = Field(default_factory=dict)  # the same for lines
    refunded_includes_headgate: bool | None = None


class SqlCustomers(_Part):
    """The table or view of customers and its columns."""

    relation: Relation
    id: Identifier
    email: Identifier
    lang: Identifier | None = None
    tenant: Identifier | None = None


class SqlOrders(_Part):
    """The table or view of orders and its columns."""

    relation: Relation
    id: Identifier
    customer_id: Identifier
    status: Identifier
    placed_at: Identifier
    delivered_at: Identifier | None = None
    promised_at: Identifier | None = None
    total: Identifier
    currency: Identifier
    tenant: Identifier | None = None


class SqlCharges(_Part):
    """The table or view of charges and its columns; `id` is the payment provider's own."""

    relation: Relation
    id: Identifier
    order_id: Identifier
    amount: Identifier
    currency: Identifier
    captured_at: Identifier
    payee: Identifier
    refunded: Identifier | None = None
    disputed: Identifier | None = None
    tenant: Identifier | None = None


class SqlLines(_Part):
    """The table or view of the lines of orders and its columns; `amount` is of a whole line, after discounts."""

    relation: Relation
    order_id: Identifier
    name: Identifier
    quantity: Identifier
    amount: Identifier
    kind: Identifier | None = None
    tenant: Identifier | None = None


class SqlMapping(_Mapping):
    """Where a database keeps the records."""

    customers: SqlCustomers
    orders: SqlOrders
    charges: SqlCharges
    lines: SqlLines | None = None

    @model_validator(mode="after")
    def _together(self) -> Self:
        _require_said(self.refunded_includes_headgate, self.charges.refunded)
        tenants = [part.tenant for part in (self.customers, self.orders, self.charges, self.lines) if part is not None]
        if None in tenants and any(tenants):
            raise ValueError("expected `tenant` in customers, orders, charges and lines, or in none of them")
        return self

    @property
    def parts(self) -> list[str]:
        """The tables or views that there are."""
        return ["customers", "orders", "charges", *(["lines"] if self.lines is not None else [])]


class HttpService(_Part):
    """What holds for every request; the token is `HEADGATE_RECORDS_TOKEN`."""

    auth_header: Annotated[str, AfterValidator(_header_name)] = "Authorization"
    auth_prefix: str = "Bearer "
    not_found: list[Literal[400, 404, 410, 422]] = Field(default=[404], min_length=1)


class HttpCustomers(_Part):
    """Where to ask for a customer, and where the answer has what."""

    by_id: Template
    by_email: Template | None = None
    list: JsonPath | None = None
    id: JsonPath
    email: JsonPath
    lang: JsonPath | None = None


class HttpOrders(_Part):
    """Where to ask for an order, and where the answer has what."""

    by_id: Template
    of_customer: Template | None = None
    list: JsonPath | None = None
    id: JsonPath
    customer_id: JsonPath
    status: JsonPath
    placed_at: JsonPath
    delivered_at: JsonPath | None = None
    promised_at: JsonPath | None = None
    total: JsonPath
    currency: JsonPath


class _OfOrder(_Part):
    """Where what belongs to an order is: in its own answer (`within`), or at an address of its own (`of_order`)."""

    within: JsonPath | None = None
    of_order: Template | None = None
    order_id: JsonPath | None = None
    list: JsonPath | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.within is None) == (self.of_order is None):
            raise ValueError("expected either `within` or `of_order`")
        if self.of_order is not None and self.order_id is None:
            raise ValueError(
                "expected `order_id` beside of_order: the path where a charge or a line says whose it is, else a "
                "service that ignores the filter has a refund sent to somebody else"
            )
        return self


class HttpCharges(_OfOrder):
    """Where the answer has the charges of an order."""

    id: JsonPath
    amount: JsonPath
    currency: JsonPath
    captured_at: JsonPath
    payee: JsonPath
    refunded: JsonPath | None = None
    disputed: JsonPath | None = None


class HttpLines(_OfOrder):
    """Where the answer has the lines of an order; `amount` is of a whole line, after discounts."""

    name: JsonPath
    quantity: JsonPath
    amount: JsonPath
    kind: JsonPath | None = None


class HttpMapping(_Mapping):
    """Where an HTTP service has the records."""

    service: HttpService = HttpService()
    customers: HttpCustomers
    orders: HttpOrders
    charges: HttpCharges
    lines: HttpLines | None = None

    @model_validator(mode="after")
    def _together(self) -> Self:
        _require_said(self.refunded_includes_headgate, self.charges.refunded)
        asked = {
            "customers.by_id": (self.customers.by_id, "{id}"),
            "customers.by_email": (self.customers.by_email, "{email}"),
            "orders.by_id": (self.orders.by_id, "{id}"),
            "orders.of_customer": (self.orders.of_customer, "{id}"),
            "charges.of_order": (self.charges.of_order, "{id}"),
            "lines.of_order": (self.lines.of_order if self.lines is not None else None, "{id}"),
        }
        templates = {key: (template, place) for key, (template, place) in asked.items() if template is not None}
        for key, (template, place) in templates.items():
            if place not in template:
                raise ValueError(f"expected {place} in {key}, else it asks for nobody in particular")
        by_tenant = ["{tenant}" in template for template, _ in templates.values()]
        if any(by_tenant) and not all(by_tenant):
            raise ValueError("expected {tenant} in every path or in none, else one tenant sees another's records")
        return self

    @property
    def by_tenant(self) -> bool:
        """Whether the service is asked for each tenant's own records."""
        return "{tenant}" in self.customers.by_id


def _require_said(includes: bool | None, refunded: str | None) -> None:
    if refunded is not None and includes is None:
        raise ValueError(
            "expected `refunded_includes_headgate = true` or `false` beside charges.refunded: does that figure count "
            "the refunds that Headgate itself made?"
        )


Mapping = TypeVar("Mapping", SqlMapping, HttpMapping)


def read_mapping(path: Path, model: type[Mapping]) -> Mapping:
    """Read the file.

    Raises:
        ConfigurationError: it cannot be read, or a key in it is wrong; the message names file and key.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return model.model_validate(tomllib.loads(text))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror}): name a TOML file") from error
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {_first(error, model)}") from error
    except ValueError as error:  # no UTF-8, no TOML
        raise ConfigurationError(f"{path}: no valid TOML: {error}") from error


def _first(error: ValidationError, model: type[BaseModel]) -> str:
    found = error.errors(include_url=False)
    where = ".".join(str(part) for part in found[0]["loc"]) or "the whole file"
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"key {where}: {mistake(found[0], model, quote=False)}{more}"
