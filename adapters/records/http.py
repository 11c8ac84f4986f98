"""Records in a JSON service over HTTP: paths for one customer, one order, the orders of a customer. Only ever GET.

What comes back is checked against what was asked: a service that ignores a filter must not make somebody else the
sender.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlsplit

from pydantic import BaseModel

from adapters.records.http_client import MISSING, JsonClient, at_path
from adapters.records.mapping import HttpMapping
from adapters.records.source import Deadline
from adapters.records.values import RecordReader
from domain.errors import ConfigurationError
from domain.money.lookup import OWN_ORDERS, KnownCustomer
from domain.money.records import MAX_LINES, Charge, Order

MAX_CHARGES = 100
NOBODY = "headgate-doctor"
"""The id that is asked for as a sign of life."""
_IN_A_PATH = frozenset("/\\%")  # quoted or not: there are servers that unquote first and look for the path then
_WHOSE = frozenset({"id", "customer_id"})
_PLACES = frozenset({"relation", "by_id", "by_email", "list", "of_customer", "of_order", "within"})


class HttpRecords:
    """`RecordsSource` on a JSON service."""

    name = "http"

    def __init__(self, url: str, token: str, mapping: HttpMapping, file: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ConfigurationError("HEADGATE_RECORDS_URL: expected an http or https address without '?' and '#'")
        if not (token.isascii() and token.isprintable()):
            raise ConfigurationError("HEADGATE_RECORDS_TOKEN: expected printable ASCII on one line")
        service = mapping.service
        headers = {service.auth_header: service.auth_prefix + token} if token else {}
        self.mapping = mapping
        self.file = file
        self.reader = RecordReader(file, mapping.values, mapping.status, mapping.kinds)
        self.refunded_includes_headgate = bool(mapping.refunded_includes_headgate)
        self._client = JsonClient(url, headers, service.not_found)
        self._shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    @contextmanager
    def view(self, deadline: Deadline) -> Iterator["_HttpView"]:
        """Begin a look."""
        yield _HttpView(self, self._client, deadline)

    def check(self) -> str:
        """Ask for a customer whom nobody has and return the address, without credentials."""
        with self.view(Deadline()) as view:
            view.customers(self.mapping.values.tenant, customer_id=NOBODY, email=None)
        return self._shown

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def serves(self, tenant: str) -> bool:
        """Return whether records of this tenant can be here."""
        return self.mapping.by_tenant or tenant == self.mapping.values.tenant


class _HttpView:
    """`RecordsView` for the time of one look."""

    def __init__(self, source: HttpRecords, client: JsonClient, deadline: Deadline) -> None:
        self._source = source
        self._client = client
        self._deadline = deadline

    def customers(self, tenant: str, *, customer_id: str | None, email: str | None) -> list[KnownCustomer]:
        if not self._source.serves(tenant):
            return []
        paths = self._source.mapping.customers
        found: dict[str, KnownCustomer] = {}
        if customer_id is not None and (answer := self._ask(paths.by_id, tenant, id=customer_id)) is not None:
            known = self._customer(answer, tenant)
            if self._is(customer_id, known.customer.customer_id, "customers.by_id"):
                found[customer_id] = known
        if email is not None and paths.by_email is not None:
            for record in self._records("customers", self._ask(paths.by_email, tenant, email=email)):
                known = self._customer(record, tenant)
                if known.email_key == email:  # a service that does not know the filter answers with everybody
                    found.setdefault(known.customer.customer_id, known)
        return list(found.values())

    def order(self, tenant: str, order_id: str) -> Order | None:
        if not self._source.serves(tenant):
            return None
        answer = self._ask(self._source.mapping.orders.by_id, tenant, id=order_id)
        if answer is None:
            return None
        raw = self._fields("orders", answer)
        if not self._is(order_id, self._source.reader.name(raw, "orders.id"), "orders.by_id"):
            return None
        charges = self._charges(answer, tenant, order_id)
        return self._source.reader.order(raw, charges, self._lines(answer, tenant, order_id))

    def order_ids_of(self, tenant: str, customer_id: str) -> list[str]:
        template = self._source.mapping.orders.of_customer
        if template is None or not self._source.serves(tenant):
            return []
        reader = self._source.reader
        raws = [
            self._fields("orders", record, only=_WHOSE)  # a list may tell less than an order's own answer
            for record in self._records("orders", self._ask(template, tenant, id=customer_id))
        ]
        own = [raw for raw in raws if reader.name(raw, "orders.customer_id") == customer_id]
        return [reader.name(raw, "orders.id") for raw in own[:OWN_ORDERS]]

    def _customer(self, record: object, tenant: str) -> KnownCustomer:
        return self._source.reader.customer(self._fields("customers", record), tenant)

    def _charges(self, order: object, tenant: str, order_id: str) -> list[Charge]:
        found = self._of_order("charges", order, tenant, order_id)
        charges = [
            self._source.reader.charge(self._fields_of("charges", r, order_id)) for r in found[: MAX_CHARGES + 1]
        ]
        if len(found) > MAX_CHARGES or len({charge.charge_id for charge in charges}) < len(charges):
            raise ConfigurationError(
                f"{self._source.file}: key charges.id: expected at most {MAX_CHARGES} charges of order {order_id!r}, "
                f"each once, found {len(found)}"
            )
        return charges

    def _lines(self, order: object, tenant: str, order_id: str) -> list[Mapping[str, Any]]:
        if self._source.mapping.lines is None:
            return []
        found = self._of_order("lines", order, tenant, order_id)
        return [self._fields_of("lines", record, order_id) for record in found[: MAX_LINES + 1]]

    def _of_order(self, part: str, order: object, tenant: str, order_id: str) -> list[object]:
        """Return what belongs to an order: out of its own answer, or asked for."""
        paths = getattr(self._source.mapping, part)
        if paths.within is not None:
            return self._list(order, f"{part}.within", paths.within)
        return self._records(part, self._ask(paths.of_order or "", tenant, id=order_id))

    # Any: values as JSON has them.
    def _fields_of(self, part: str, record: object, order_id: str) -> Mapping[str, Any]:
        """Return what a charge or a line has, if it is one of this order: the payee of a charge is where money goes."""
        raw = self._fields(part, record)
        if "order_id" in raw and (got := self._source.reader.name(raw, f"{part}.order_id")) != order_id:
            raise ConfigurationError(
                f"{self._source.file}: key {part}.of_order: asked for the {part} of order {order_id!r} the records "
                f"answer with one of {got!r}: mend the path, or its filter"
            )
        return raw

    # Any: values as JSON has them.
    def _fields(self, part: str, record: object, only: frozenset[str] | None = None) -> Mapping[str, Any]:
        """Return what a record has at the paths of the mapping, by our names.

        Raises:
            ConfigurationError: there is nothing at one of them, not even null: a slip in a path is not "no refund yet".
        """
        paths: BaseModel = getattr(self._source.mapping, part)
        named = paths.model_dump(exclude_none=True, exclude=set(_PLACES), include=None if only is None else set(only))
        found = {name: at_path(record, path) for name, path in named.items()}
        for name, value in found.items():
            if value is MISSING:
                optional = not type(paths).model_fields[name].is_required()
                raise ConfigurationError(
                    f"{self._source.file}: key {part}.{name}: the answer has nothing at {named[name]!r}, not even "
                    f"null: mend the path{', or leave the key out of the file' if optional else ''}"
                )
        return found

    def _ask(self, template: str, tenant: str, **named: str) -> object | None:
        """Ask for what a person named; None, unasked, for a name that could lead a server to another path."""
        values = {**named, "tenant": tenant}
        path, mark, query = template.partition("?")
        for name, value in values.items():
            if f"{{{name}}}" in path and (value in (".", "..") or not _IN_A_PATH.isdisjoint(value)):
                return None
        quoted = {name: quote(value, safe="") for name, value in values.items()}
        return self._client.get((path + mark + query).format(**quoted), self._deadline, template=template)

    def _records(self, part: str, answer: object | None) -> list[object]:
        """Return the records of an answer: those of its list, itself if it is one, or the one that it is."""
        path = getattr(self._source.mapping, part).list
        if answer is None:
            return []
        if path is None:
            return answer if isinstance(answer, list) else [answer]
        return self._list(answer, f"{part}.list", path)

    def _list(self, answer: object, key: str, path: str) -> list[object]:
        found = at_path(answer, path)
        if found is None:
            return []
        if not isinstance(found, list):
            raise ConfigurationError(f"{self._source.file}: key {key}: the answer has no list at {path!r}")
        return found

    def _is(self, asked: str, got: str, key: str) -> bool:
        """Return whether an answer is what was asked for; another spelling of it is not, a sender may not choose one.

        Raises:
            ConfigurationError: it is somebody else altogether.
        """
        if asked != got and _bare(asked) != _bare(got) and (not _digits(asked) or _digits(asked) != _digits(got)):
            whom = f"{asked!r} the records answer with {got!r}"
            if key.startswith("customers."):  # what a sender wrote may be their address
                whom = "one customer the records answer with another"
            raise ConfigurationError(f"{self._source.file}: key {key}: asked for {whom}: mend the path")
        return asked == got


def _digits(name: str) -> str:
    return "".join(sign for sign in name if sign.isdecimal())


def _bare(name: str) -> str:
    return "".join(sign for sign in name.casefold() if sign.isalnum()).lstrip("0")
