"""A shop that keeps the sample records in a system of its own: as tables in a database, and as a JSON service."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.records.mapping import SqlMapping, read_mapping
from adapters.records.sql import SqlRecords
from tests.contracts.store_samples import NOW

Json = dict[str, Any]

SQL_MAPPING = """
refunded_includes_headgate = false

[values]
money = "decimal"
times = "UTC"

[status]
delivered = ["done"]
shipped = ["sent"]
placed = ["new", "paid"]

[kinds]
item = ["goods"]
shipping = ["way"]

[customers]
from = "people"
tenant = "branch"
id = "number"
email = "mail address"
lang = "speaks"

[orders]
from = "sales"
tenant = "branch"
id = "number"
customer_id = "buyer"
status = "State"
placed_at = "ordered"
delivered_at = "arrived"
promised_at = "due"
total = "sum"
currency = "cur"

[charges]
from = "payments"
tenant = "branch"
id = "ref"
order_id = "sale"
amount = "paid"
currency = "cur"
captured_at = "at"
payee = "instrument"
refunded = "back"
disputed = "contested"

[lines]
from = "positions"
tenant = "branch"
order_id = "sale"
name = "what"
quantity = "how many"
amount = "paid"
kind = "for"
"""
HTTP_ORDER: dict[str, object] = {
    "number": "ORD-1",
    "buyer": {"number": "C-1"},
    "state": "done",
    "ordered": "2026-06-05T12:00:00Z",
    "arrived": None,
    "due": None,
    "sum": {"amount": "20.00", "cur": "usd"},
    "payments": [],
    "positions": [],
}
"""What its JSON service answers for an order without payments."""

HTTP_MAPPING = """
refunded_includes_headgate = false

[values]
money = "decimal"

[status]
delivered = ["done"]
shipped = ["sent"]
placed = ["new", "paid"]

[kinds]
item = ["goods"]
shipping = ["way"]

[service]
auth_header = "X-Api-Key"
auth_prefix = "key "

[customers]
by_id = "/{tenant}/people/{id}"
by_email = "/{tenant}/people?mail={email}"
list = "found"
id = "number"
email = "contact.mail"
lang = "speaks"

[orders]
by_id = "/{tenant}/sales/{id}"
of_customer = "/{tenant}/sales?buyer={id}"
list = "found"
id = "number"
customer_id = "buyer.number"
status = "state"
placed_at = "ordered"
delivered_at = "arrived"
promised_at = "due"
total = "sum.amount"
currency = "sum.cur"

[charges]
within = "payments"
id = "ref"
amount = "paid"
currency = "cur"
captured_at = "at"
payee = "instrument"
refunded = "back"
disputed = "contested"

[lines]
within = "positions"
name = "what.name"
quantity = "how many"
amount = "paid"
kind = "for"
"""
TOKEN = "sesame"

_metadata = sa.MetaData()
_PEOPLE = sa.Table(
    "people",
    _metadata,
    sa.Column("branch", sa.Text),
    sa.Column("number", sa.Text),
    sa.Column("mail address", sa.Text),
    sa.Column("speaks", sa.Text),
)


def _money() -> sa.types.TypeEngine[Any]:
    return sa.Numeric(14, 4).with_variant(sa.Text(), "sqlite")  # SQLite has no decimals


def _time() -> sa.types.TypeEngine[Any]:
    return sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


_SALES = sa.Table(
    "sales",
    _metadata,
    sa.Column("branch", sa.Text),
    sa.Column("number", sa.String(40)),
    sa.Column("buyer", sa.Text),
    sa.Column("State", sa.Text),
    sa.Column("ordered", _time()),
    sa.Column("arrived", _time()),
    sa.Column("due", _time()),
    sa.Column("sum", _money()),
    sa.Column("cur", sa.CHAR(3)),
)
_PAYMENTS = sa.Table(
    "payments",
    _metadata,
    sa.Column("branch", sa.Text),
    sa.Column("ref", sa.Text),
    sa.Column("sale", sa.Text),
    sa.Column("paid", _money()),
    sa.Column("cur", sa.CHAR(3)),
    sa.Column("at", _time()),
    sa.Column("instrument", sa.Text),
    sa.Column("back", _money()),
    sa.Column("contested", sa.Boolean),
)

_POSITIONS = sa.Table(
    "positions",
    _metadata,
    sa.Column("branch", sa.Text),
    sa.Column("sale", sa.Text),
    sa.Column("what", sa.Text),
    sa.Column("how many", sa.Numeric(10, 3).with_variant(sa.Integer(), "sqlite")),
    sa.Column("paid", _money()),
    sa.Column("for", sa.Text),
)


def _ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def _person(branch: str, number: str, mail: str, speaks: str) -> Json:
    return {"branch": branch, "number": number, "mail address": mail, "speaks": speaks}


def _sale(number: str, buyer: str, state: str, ordered: float, total: str, cur: str, **more: float) -> Json:
    return {
        "branch": "default", "number": number, "buyer": buyer, "State": state, "ordered": _ago(ordered),
        "arrived": _ago(more["arrived"]) if "arrived" in more else None,
        "due": _ago(more["due"]) if "due" in more else None, "sum": total, "cur": cur,
    }  # fmt: skip


def _payment(ref: str, sale: str, paid: str, cur: str, at: float, instrument: str, back: str | None = None) -> Json:
    return {
        "branch": "default", "ref": ref, "sale": sale, "paid": paid, "cur": cur, "at": _ago(at),
        "instrument": instrument, "back": back, "contested": ref == "CH-3" or None,
    }  # fmt: skip


def _position(sale: str, what: str, how_many: int, paid: str, used_for: str | None) -> Json:
    named = {"branch": "default", "sale": sale, "what": what, "how many": how_many}
    return {**named, "paid": paid, "for": used_for}


class OutsideShop:
    """The shop's records; change the lists, then `publish` to a database again. The service answers from the lists."""

    def __init__(self) -> None:
        self.people = [
            _person("default", "C-1", "Ann@Example.com", "en"),
            _person("default", "C-2", "bob@example.com", "de"),
            _person("other", "C-1", "ann@example.com", "fr"),
        ]
        self.sales = [
            _sale("ORD-1", "C-1", "done", 10, "20.00", "USD", arrived=7, due=6),
            _sale("ORD-2", "C-1", "sent", 3, "9000.00", "USD"),
            _sale("ORD-3", "C-2", "paid", 1, "50.00", "EUR", due=-4),
        ]
        self.payments = [
            _payment("CH-1", "ORD-1", "20.00", "USD", 10, "card:visa-1"),
            _payment("CH-2", "ORD-2", "9000.00", "USD", 3, "card:visa-1"),
            _payment("CH-3", "ORD-3", "50.00", "EUR", 1, "iban:1", "10.00"),
        ]
        self.positions = [
            _position("ORD-1", "Tea cup,\tblue", 3, "15.10", "goods"),
            _position("ORD-1", "Standard parcel", 1, "4.90", "way"),
        ]
        self.seen: list[str] = []

    def publish(self, url: str) -> None:
        """Write the records as they are now into a database."""
        engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        text = engine.dialect.name == "sqlite"
        with engine.begin() as connection:
            _metadata.drop_all(connection)
            _metadata.create_all(connection)
            for table, rows in (
                (_PEOPLE, self.people),
                (_SALES, self.sales),
                (_PAYMENTS, self.payments),
                (_POSITIONS, self.positions),
            ):
                written = [{name: _as_text(value) if text else value for name, value in row.items()} for row in rows]
                connection.execute(sa.insert(table), written)
        engine.dispose()

    def service(self) -> Starlette:
        """Return the records as a service that asks for a key."""
        routes = [
            Route("/{branch}/people/{number}", self._one_of(lambda: [_told_person(p) for p in self.people])),
            Route("/{branch}/people", self._some_of(lambda: [_told_person(p) for p in self.people], "mail")),
            Route("/{branch}/sales/{number}", self._one_of(self._told_sales)),
            Route("/{branch}/sales", self._some_of(self._told_sales, "buyer")),
        ]
        return Starlette(routes=[Route("/healthz", _healthy), *routes])

    def _told_sales(self) -> list[Json]:
        newest_first = sorted(self.sales, key=lambda sale: sale["ordered"], reverse=True)
        return [
            _told_sale(sale, self._of(self.payments, sale), self._of(self.positions, sale)) for sale in newest_first
        ]

    def _of(self, records: list[Json], sale: Json) -> list[Json]:
        return [record for record in records if record["sale"] == sale["number"]]

    def _one_of(self, records: Any) -> Any:
        async def answer(request: Request) -> Response:
            self.seen.append(request.scope["raw_path"].decode())
            if request.headers.get("x-api-key") != f"key {TOKEN}":
                return Response(status_code=401)
            branch, number = (unquote(request.path_params[name]) for name in ("branch", "number"))
            found = [r for r in records() if (r["branch"], r["number"]) == (branch, number)]
            return JSONResponse(found[0]) if found else JSONResponse({"error": "nobody"}, 404)

        return answer

    def _some_of(self, records: Any, by: str) -> Any:
        async def answer(request: Request) -> Response:
            self.seen.append(f"{request.scope['raw_path'].decode()}?{request.scope['query_string'].decode()}")
            if request.headers.get("x-api-key") != f"key {TOKEN}":
                return Response(status_code=401)
            wanted = request.query_params[by].casefold()
            keys = {"mail": lambda r: r["contact"]["mail"], "buyer": lambda r: r["buyer"]["number"]}
            found = [
                r
                for r in records()
                if r["branch"] == request.path_params["branch"] and keys[by](r).casefold() == wanted
            ]
            return JSONResponse({"found": found})

        return answer


async def _healthy(_: Request) -> Response:
    return Response("ok")


def _as_text(value: object) -> object:
    return value.isoformat(sep=" ") if isinstance(value, datetime) else value


def _told_person(person: Json) -> Json:
    contact = {"mail": person["mail address"]}
    return {"branch": person["branch"], "number": person["number"], "contact": contact, "speaks": person["speaks"]}


def _told_sale(sale: Json, payments: list[Json], positions: list[Json]) -> Json:
    times = {name: sale[name].isoformat() if sale[name] else None for name in ("ordered", "arrived", "due")}
    return {
        "branch": sale["branch"],
        "number": sale["number"],
        "buyer": {"number": sale["buyer"]},
        "state": sale["State"],
        "sum": {"amount": sale["sum"], "cur": sale["cur"]},
        "payments": [{**payment, "at": payment["at"].isoformat()} for payment in payments],
        "positions": [{**position, "what": {"name": position["what"]}} for position in positions],
        **times,
    }


def opened(url: str, folder: Path, mapping: str = SQL_MAPPING) -> SqlRecords:
    """Return the records of a database by a mapping, which is written into a file of the folder."""
    file = folder / "records.toml"
    file.write_text(mapping, encoding="utf-8")
    return SqlRecords(url, read_mapping(file, SqlMapping), file.name)
