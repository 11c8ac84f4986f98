"""What a JSON service answers at the paths of the mapping: nothing absent is nothing, nobody else's charge is ours."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from adapters.records.http import HttpRecords
from adapters.records.mapping import HttpMapping, read_mapping
from adapters.records.source import Deadline
from domain.errors import ConfigurationError
from domain.money.records import Order
from tests.outside_shop import HTTP_MAPPING, HTTP_ORDER

OF_ORDER = HTTP_MAPPING.replace(
    'within = "payments"', 'of_order = "/{tenant}/payments?order={id}"\nlist = "data"\norder_id = "sale.number"'
)
CHARGE: dict[str, object] = {
    "ref": "CH-1",
    "sale": {"number": "ORD-1"},
    "paid": "20.00",
    "cur": "USD",
    "at": "2026-06-05T12:00:00Z",
    "instrument": "card:1",
    "back": None,
    "contested": None,
}
ONE = HTTP_ORDER | {"payments": [CHARGE]}


class Answers:
    """Stands for the client: answers by the path without its query."""

    def __init__(self, answers: Mapping[str, object]) -> None:
        self._answers = answers

    def get(self, path: str, _: Deadline, *, template: str) -> object | None:
        assert "{tenant}" in template
        return self._answers.get(path.partition("?")[0])


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Service":
    return Service(tmp_path, monkeypatch)


class Service:
    """A service that gives the answers that it is told."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._file = folder / "records.toml"
        self._monkeypatch = monkeypatch

    def records(self, answers: Mapping[str, object], mapping: str = HTTP_MAPPING) -> HttpRecords:
        self._file.write_text(mapping, encoding="utf-8")
        self._monkeypatch.setattr("adapters.records.http.JsonClient", lambda *_: Answers(answers))
        return HttpRecords("http://shop.example", "", read_mapping(self._file, HttpMapping), self._file.name)

    def order(self, order: object, mapping: str = HTTP_MAPPING, charges: object = None) -> Order | None:
        answers = {"/default/sales/ORD-1": order, "/default/payments": charges}
        with self.records(answers, mapping).view(Deadline()) as view:
            return view.order("default", "ORD-1")


def test_charges_at_an_address_of_their_own_are_taken_if_they_say_whose_they_are(service: Service) -> None:
    found = service.order(ONE, OF_ORDER, {"data": [CHARGE]})
    assert found is not None
    assert [charge.charge_id for charge in found.charges] == ["CH-1"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            {"sale": {"number": "ORD-2"}},
            "asked for the charges of order 'ORD-1' the records answer with one of 'ORD-2'",
        ),
        ({"sale": {"number": "ord-1"}}, "answer with one of 'ord-1'"),
        ({"sale": {}}, "key charges.order_id: the answer has nothing at 'sale.number'"),
        ({"sale": None}, "key charges.order_id: the records have nothing"),
    ],
)
def test_charges_of_another_order_are_never_taken(service: Service, wrong: dict[str, object], said: str) -> None:
    """A service that ignores the filter would else send the money to somebody else's card."""
    with pytest.raises(ConfigurationError, match=r"records\.toml: key charges\.o") as told:
        service.order(ONE, OF_ORDER, {"data": [CHARGE, {**CHARGE, "ref": "CH-2", **wrong}]})
    assert said in str(told.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('refunded = "back"', 'refunded = "bakc"', "key charges.refunded: the answer has nothing at 'bakc'"),
        ('delivered_at = "arrived"', 'delivered_at = "arived"', "key orders.delivered_at: the answer has nothing at"),
        ('promised_at = "due"', 'promised_at = "number.due"', "key orders.promised_at: the answer has nothing at"),
        ('promised_at = "due"', 'promised_at = "payments.1.due"', "key orders.promised_at: the answer has nothing at"),
        ('total = "sum.amount"', 'total = "sum.total"', "key orders.total: the answer has nothing at 'sum.total'"),
    ],
)
def test_a_path_that_is_not_in_the_answer_is_not_taken_as_nothing(
    service: Service, old: str, new: str, said: str
) -> None:
    """Else a slip of the pen makes deliveries late and refunds undone."""
    assert old in HTTP_MAPPING
    with pytest.raises(ConfigurationError, match="mend the path") as told:
        service.order(ONE, HTTP_MAPPING.replace(old, new))
    assert said in str(told.value)
    assert ("leave the key out" in str(told.value)) == ("orders.total" not in said)


def test_null_on_the_way_of_a_path_is_nothing(service: Service) -> None:
    mapping = HTTP_MAPPING.replace('"arrived"', '"parcel.arrived"').replace('"back"', '"refund.sum"')
    found = service.order({**ONE, "parcel": None, "payments": [{**CHARGE, "refund": None}]}, mapping)
    assert found is not None
    assert (found.delivered_at, found.charges[0].refunded_minor) == (None, 0)


def test_a_list_of_orders_needs_no_more_than_their_ids(service: Service) -> None:
    answers = {"/default/sales": {"found": [{"number": "ORD-9", "buyer": {"number": "C-1"}}]}}
    with service.records(answers).view(Deadline()) as view:
        assert view.order_ids_of("default", "C-1") == ["ORD-9"]
