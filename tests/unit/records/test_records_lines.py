"""Order lines of another system: what is read, what is told by its key, and when they are taken as not known."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from adapters.records.http import HttpRecords
from adapters.records.mapping import HttpMapping, Values, read_mapping
from adapters.records.source import Deadline
from adapters.records.sql import SqlRecords
from adapters.records.values import RecordReader
from domain.errors import ConfigurationError
from domain.money.records import MAX_LINES, LineKind, Order
from tests.outside_shop import HTTP_MAPPING, HTTP_ORDER, SQL_MAPPING, OutsideShop, opened

ORDER: dict[str, object] = {
    "id": "ORD-1",
    "customer_id": "C-1",
    "status": "lost",
    "placed_at": "2026-06-05T12:00:00Z",
    "total": "20.00",
    "currency": "USD",
}
LINE: dict[str, object] = {"name": "Tea cup", "quantity": 3, "amount": "15.10", "kind": None}
READER = RecordReader(
    "records.toml", Values.model_validate({"money": "decimal"}), {}, {LineKind.SHIPPING: ["way", "post"]}
)


def read(*changes: Mapping[str, object]) -> Order:
    return READER.order(ORDER, [], [{**LINE, **change} for change in changes])


# --- values ---------------------------------------------------------------------------------------------------------


def test_lines_are_read_in_the_currency_of_their_order_and_in_one_order() -> None:
    order = read({"name": "B", "amount": "1", "kind": "post"}, {"name": "A\tA", "quantity": "2.000", "amount": 0})
    assert [(line.name, line.quantity, line.amount_minor, line.kind) for line in order.lines] == [
        ("A A", 2, 0, LineKind.ITEM),
        ("B", 3, 100, LineKind.SHIPPING),
    ]
    assert read().lines == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"quantity": 0}, "key lines.quantity: the records have 0, expected a whole number from 1 on"),
        ({"quantity": -1}, "key lines.quantity: the records have -1"),
        ({"quantity": 1.5}, "key lines.quantity: the records have 1.5"),
        ({"quantity": "0.500"}, "key lines.quantity"),
        ({"quantity": True}, "key lines.quantity"),
        ({"quantity": None}, "key lines.quantity: the records have None"),
        ({"quantity": "9" * 40}, "key lines.quantity"),
        ({"amount": "-5.00"}, "key lines.amount: the records have '-5.00', expected a decimal of USD"),
        ({"amount": 15.1}, "key lines.amount: the records have 15.1"),
        ({"amount": None}, "key lines.amount: the records have None"),
        (
            {"kind": "Way"},
            "key lines.kind: the records have 'Way', expected one of item, shipping, tax, fee, service, way, post",
        ),
        ({"kind": "coupon"}, "add the word under [kinds]"),
    ],
)
def test_a_line_that_cannot_be_read_is_told_by_its_key(change: Mapping[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=r"records\.toml: key lines\.") as told:
        read(change)
    assert said in str(told.value)


def test_a_line_without_a_name_is_kept_and_nobody_can_mean_it() -> None:
    assert [line.name for line in read({"name": None}).lines] == [""]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([{"amount": "15.00"}, {"amount": "5.01"}], "come to more than its total, by 0.01 USD: not used"),
        ([{"amount": 0}] * (MAX_LINES + 1), f"has more than {MAX_LINES} lines: not used"),
    ],
)
def test_lines_that_cannot_be_all_of_the_order_are_not_known_and_told_in_the_log(
    caplog: pytest.LogCaptureFixture, lines: list[Mapping[str, object]], said: str
) -> None:
    """An order-wide discount must not keep anybody from a refund of the whole."""
    with caplog.at_level(logging.WARNING, logger="headgate.records"):
        order = read(*lines)
    assert (order.lines, order.total_minor) == ([], 2_000)
    [record] = caplog.messages
    assert said in record
    assert "records.toml: key lines" in record
    assert "'ORD-1'" in record


# --- a database -----------------------------------------------------------------------------------------------------


def database(folder: Path, mapping: str = SQL_MAPPING) -> SqlRecords:
    shop = OutsideShop()
    shop.positions.append({**shop.positions[0], "sale": "ord-1"})
    shop.publish(f"sqlite:///{folder}/shop.db")
    return opened(f"sqlite:///{folder}/shop.db", folder, mapping)


def of_database(source: SqlRecords, order_id: str = "ORD-1") -> list[str] | None:
    with source.view(Deadline()) as view:
        order = view.order("default", order_id)
    source.close()
    return None if order is None else [line.name for line in order.lines]


def without_lines(mapping: str) -> str:
    return mapping.partition("[lines]")[0]


def test_a_mapping_without_lines_asks_for_none(tmp_path: Path) -> None:
    source = database(tmp_path, without_lines(SQL_MAPPING))
    assert "lines" not in source._tables
    source.check()
    assert of_database(source) == []


def test_lines_of_other_orders_are_not_taken(tmp_path: Path) -> None:
    assert of_database(database(tmp_path)) == ["Standard parcel", "Tea cup, blue"]
    assert of_database(database(tmp_path), "ORD-2") == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('from = "positions"', 'from = "items"', "key lines.from: there is no table or view 'items'"),
        ('name = "what"', 'name = "title"', "key lines.name: 'positions' has no column 'title'"),
        ('kind = "for"', 'kind = "type"', "key lines.kind: 'positions' has no column 'type'"),
    ],
)
def test_the_doctor_looks_at_the_lines_too(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in SQL_MAPPING
    source = database(tmp_path, SQL_MAPPING.replace(old, new))
    with pytest.raises(ConfigurationError) as told:
        source.check()
    assert said in str(told.value)
    source.close()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('from = "positions"\ntenant = "branch"', 'from = "positions"', "in customers, orders, charges and lines"),
        ('quantity = "how many"\n', "", "key lines.quantity: Field required"),
        ('name = "what"', 'name = "what;"', "key lines.name: expected the name of a column"),
        ('item = ["goods"]', 'coupon = ["goods"]', "key kinds.coupon"),
    ],
)
def test_a_wrong_key_for_lines_is_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in SQL_MAPPING
    with pytest.raises(ConfigurationError) as told:
        database(tmp_path, SQL_MAPPING.replace(old, new))
    assert said in str(told.value)


# --- a service ------------------------------------------------------------------------------------------------------

POSITION = {"what": {"name": "Jug"}, "how many": 1, "paid": "5.00", "for": None, "sale": {"number": "ORD-1"}}
APART = HTTP_MAPPING.replace(
    'within = "positions"', 'of_order = "/{tenant}/positions?sale={id}"\nlist = "data"\norder_id = "sale.number"'
)


class Answers:
    """Stands for the client: answers by the path without its query."""

    def __init__(self, answers: Mapping[str, object]) -> None:
        self._answers = answers

    def get(self, path: str, _: Deadline, *, template: str) -> object | None:
        return self._answers.get(path.partition("?")[0])


def of_service(
    folder: Path, monkeypatch: pytest.MonkeyPatch, mapping: str, order: Mapping[str, object], lines: object = None
) -> list[str]:
    file = folder / "records.toml"
    file.write_text(mapping, encoding="utf-8")
    answers = {"/default/sales/ORD-1": order, "/default/positions": lines}
    monkeypatch.setattr("adapters.records.http.JsonClient", lambda *_: Answers(answers))
    source = HttpRecords("http://shop.example", "", read_mapping(file, HttpMapping), file.name)
    with source.view(Deadline()) as view:
        found = view.order("default", "ORD-1")
    assert found is not None
    return [line.name for line in found.lines]


def test_lines_are_in_the_answer_of_their_order_or_at_an_address_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    within = {**HTTP_ORDER, "positions": [POSITION]}
    assert of_service(tmp_path, monkeypatch, HTTP_MAPPING, within) == ["Jug"]
    assert of_service(tmp_path, monkeypatch, APART, HTTP_ORDER, {"data": [POSITION]}) == ["Jug"]
    assert of_service(tmp_path, monkeypatch, HTTP_MAPPING, {**HTTP_ORDER, "positions": None}) == []
    bare = {name: value for name, value in HTTP_ORDER.items() if name != "positions"}
    assert of_service(tmp_path, monkeypatch, without_lines(HTTP_MAPPING), bare) == []


@pytest.mark.parametrize(
    ("mapping", "changes", "said"),
    [
        (HTTP_MAPPING, {"positions": {}}, "key lines.within: the answer has no list at 'positions'"),
        (HTTP_MAPPING, {"positions": [{"what": {}}]}, "key lines.name: the answer has nothing at 'what.name'"),
        (HTTP_MAPPING.replace('"for"', '"type"'), {"positions": [POSITION]}, "key lines.kind: the answer has nothing"),
        (APART, {}, "asked for the lines of order 'ORD-1' the records answer with one of 'ORD-2'"),
    ],
)
def test_what_is_not_in_the_answer_or_of_another_order_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mapping: str, changes: dict[str, Any], said: str
) -> None:
    foreign = {"data": [POSITION, {**POSITION, "sale": {"number": "ORD-2"}}]}
    with pytest.raises(ConfigurationError) as told:
        of_service(tmp_path, monkeypatch, mapping, {**HTTP_ORDER, **changes}, foreign)
    assert said in str(told.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('within = "positions"', "", "key lines: expected either `within` or `of_order`"),
        ('within = "positions"', 'of_order = "/{tenant}/{id}"', "key lines: expected `order_id` beside of_order"),
        ('within = "positions"', 'of_order = "/{tenant}/x"\norder_id = "a"', "expected {id} in lines.of_order"),
        ('within = "positions"', 'of_order = "/{id}"\norder_id = "a"', "expected {tenant} in every path or in none"),
    ],
)
def test_a_wrong_place_of_lines_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, said: str
) -> None:
    with pytest.raises(ConfigurationError) as told:
        of_service(tmp_path, monkeypatch, HTTP_MAPPING.replace(old, new), HTTP_ORDER)
    assert said in str(told.value)
