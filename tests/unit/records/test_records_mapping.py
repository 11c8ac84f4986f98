"""The file that says where an outside system keeps what: a wrong key is told by its name before anything is asked."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.records.mapping import HttpMapping, SqlMapping, Values, read_mapping
from adapters.records.values import RecordReader
from domain.errors import ConfigurationError
from tests.outside_shop import HTTP_MAPPING, SQL_MAPPING


def refusal(folder: Path, text: str | bytes, model: type[SqlMapping] | type[HttpMapping]) -> str:
    file = folder / "records.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as told:
        read_mapping(file, model)
    return str(told.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('from = "people"', 'from = "people; DROP TABLE x"', "key customers.from: expected a table or view"),
        ('from = "people"', 'from = "a.b.c"', "key customers.from: expected a table or view"),
        ('email = "mail address"', "email = 'mail\"address'", "key customers.email: expected the name of a column"),
        ('id = "ref"', 'id = "ref)"', "key charges.id: expected the name of a column"),
        ('id = "ref"\n', "", "key charges.id: it is missing; add it"),
        ('lang = "speaks"', 'language = "speaks"', "key customers.language: there is no such key; write"),
        ('money = "decimal"', 'money = "euros"', "key values.money"),
        ('times = "UTC"', 'times = "Mars/Olympus"', "key values.times: expected a time zone"),
        ('delivered = ["done"]', 'returned = ["done"]', "key status.returned"),
        ("refunded_includes_headgate = false", "", "expected `refunded_includes_headgate = true` or `false`"),
        ('from = "sales"\ntenant = "branch"', 'from = "sales"', "expected `tenant` in customers, orders, charges"),
        ("[values]", "[values", "no valid TOML"),
    ],
)
def test_a_wrong_key_of_a_database_is_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in SQL_MAPPING
    told = refusal(tmp_path, SQL_MAPPING.replace(old, new, 1), SqlMapping)
    assert told.startswith(f"{tmp_path / 'records.toml'}: ")
    assert said in told


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("/{tenant}/sales/{id}", "https://evil.example/{id}", "key orders.by_id: expected a path below the base URL"),
        ("/{tenant}/sales/{id}", "//evil.example/{tenant}/{id}", "key orders.by_id: expected a path below"),
        ("/{tenant}/sales/{id}", "/{tenant}/{id.__class__}", "key orders.by_id: expected no other places"),
        ("/{tenant}/sales/{id}", "/{tenant}/{id", "key orders.by_id: expected no other places"),
        ("/{tenant}/sales/{id}", "/{tenant}/sales", "expected {id} in orders.by_id"),
        ("/{tenant}/sales/{id}", "/sales/{id}", "expected {tenant} in every path or in none"),
        ("?mail={email}", "?mail={id}", "expected {email} in customers.by_email"),
        ('id = "number"', 'id = "a..b"', "key customers.id: expected names parted by full stops"),
        ('within = "payments"', "", "key charges: expected either `within` or `of_order`"),
        ('within = "payments"', 'of_order = "/{tenant}/{id}"', "key charges: expected `order_id` beside of_order"),
        ('auth_header = "X-Api-Key"', 'auth_header = "X: y"', "key service.auth_header: expected the name of a header"),
        ("[service]", "[service]\nnot_found = [500]", "key service.not_found.0"),
        ("refunded_includes_headgate = false", "", "expected `refunded_includes_headgate = true` or `false`"),
    ],
)
def test_a_wrong_key_of_a_service_is_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in HTTP_MAPPING
    assert said in refusal(tmp_path, HTTP_MAPPING.replace(old, new, 1), HttpMapping)


def test_the_mappings_of_the_manual_are_good(tmp_path: Path) -> None:
    manual = (Path(__file__).resolve().parents[3] / "docs" / "records.md").read_text("utf-8")
    shown = re.findall(r"^```toml\n(.*?)^```", manual, re.MULTILINE | re.DOTALL)
    for text, model in zip(shown, (SqlMapping, HttpMapping), strict=True):
        (tmp_path / "records.toml").write_text(text, encoding="utf-8")
        assert read_mapping(tmp_path / "records.toml", model).refunded_includes_headgate is not None


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert "no valid TOML" in refusal(tmp_path, b"\xff\xfe", SqlMapping)
    with pytest.raises(ConfigurationError, match=r"none\.toml: cannot be read \(No such file"):
        read_mapping(tmp_path / "none.toml", SqlMapping)


ORDER: dict[str, object] = {
    "id": "ORD-1",
    "customer_id": "C-1",
    "status": "lost",
    "placed_at": "2026-06-05T12:00:00Z",
    "total": "20.00",
    "currency": "USD",
}


@pytest.mark.parametrize(
    ("money", "value", "currency", "minor"),
    [
        ("decimal", Decimal("20.0000"), "USD", 2_000),
        ("decimal", Decimal("2E+1"), "USD", 2_000),
        ("decimal", 20, "USD", 2_000),
        ("decimal", "20.5", "EUR", 2_050),
        ("decimal", "500", "JPY", 500),
        ("decimal", "500.00", "JPY", 500),
        ("decimal", "1.234", "KWD", 1_234),
        ("minor", 2_000, "USD", 2_000),
        ("minor", Decimal(2_000), "USD", 2_000),
    ],
)
def test_money_is_read_exactly(money: str, value: object, currency: str, minor: int) -> None:
    reader = RecordReader("records.toml", Values.model_validate({"money": money}), {})
    assert reader.order({**ORDER, "total": value, "currency": currency}, []).total_minor == minor


@pytest.mark.parametrize(
    ("money", "value"),
    [
        ("decimal", 20.0), ("decimal", True), ("decimal", Decimal("NaN")), ("decimal", Decimal("Infinity")),
        ("decimal", Decimal(-1)), ("decimal", "1e3"), ("decimal", "20.001"), ("decimal", "１"), ("decimal", ""),
        ("decimal", None), ("decimal", "9" * 13), ("minor", "20.00"), ("minor", -5), ("minor", Decimal("0.5")),
    ],
)  # fmt: skip
def test_money_that_is_not_exact_is_told(money: str, value: object) -> None:
    reader = RecordReader("records.toml", Values.model_validate({"money": money}), {})
    with pytest.raises(ConfigurationError, match=r"records\.toml: key orders\.total: the records have"):
        reader.order({**ORDER, "total": value}, [])


@pytest.mark.parametrize(
    ("times", "value", "utc"),
    [
        ("", datetime(2026, 6, 5, 12, tzinfo=UTC), "2026-06-05T12:00"),
        ("Europe/Berlin", datetime(2026, 6, 5, 12), "2026-06-05T10:00"),  # noqa: DTZ001 - as a driver gives it
        ("Europe/Berlin", "2026-12-05 12:00:00", "2026-12-05T11:00"),
        ("Europe/Berlin", "2026-06-05T12:00:00Z", "2026-06-05T12:00"),
        ("unix", 1780660800, "2026-06-05T12:00"),
    ],
)
def test_times_are_read_in_their_zone(times: str, value: object, utc: str) -> None:
    reader = RecordReader("records.toml", Values.model_validate({"money": "minor", "times": times}), {})
    assert f"{reader.order({**ORDER, 'total': 1, 'placed_at': value}, []).placed_at:%Y-%m-%dT%H:%M}" == utc


@pytest.mark.parametrize(
    ("times", "value"),
    [
        ("", datetime(2026, 6, 5, 12)),  # noqa: DTZ001 - as a driver gives it
        ("UTC", date(2026, 6, 5)),
        ("UTC", 1780660800),
        ("unix", "2026-06-05T12:00:00Z"),
        ("unix", 1780660800.5),
        ("unix", 10**14),
        ("UTC", "0001-01-01T00:00:00+14:00"),
    ],
)
def test_times_that_say_no_moment_are_told(times: str, value: object) -> None:
    reader = RecordReader("records.toml", Values.model_validate({"money": "minor", "times": times}), {})
    with pytest.raises(ConfigurationError, match=r"key orders\.placed_at"):
        reader.order({**ORDER, "total": 1, "placed_at": value}, [])


CHARGE: dict[str, object] = {
    "id": "CH-1", "amount": "1", "currency": "USD", "captured_at": "2026-06-05T12:00:00Z", "payee": "card:1",
}  # fmt: skip


@pytest.mark.parametrize(
    ("value", "disputed"),
    [(True, True), (1, True), ("true", True), ("t", True), (" YES ", True), ("1", True)]
    + [(value, False) for value in (False, 0, "false", "f", "No", "0", None, "")],
)
def test_whether_a_charge_is_disputed(value: object, disputed: bool) -> None:
    reader = RecordReader("records.toml", Values.model_validate({"money": "decimal"}), {})
    assert reader.charge({**CHARGE, "disputed": value}).disputed is disputed
    assert reader.charge(CHARGE).disputed is False


@pytest.mark.parametrize("value", ["won", "needs_response", 2, -1, 1.0, [], {}, b"1"])
def test_a_word_that_is_no_yes_or_no_is_told(value: object) -> None:
    """A dispute that cannot be read must not be taken for none."""
    reader = RecordReader("records.toml", Values.model_validate({"money": "decimal"}), {})
    with pytest.raises(ConfigurationError, match=r"key charges\.disputed: the records have .*, expected true or false"):
        reader.charge({**CHARGE, "disputed": value})


@pytest.mark.parametrize("key", ["id", "payee"])
@pytest.mark.parametrize("value", ["ann\n@example.com", "ann@example.com" * 30, 4.5, True, None, " "])
def test_of_ids_and_payees_that_do_not_fit_nothing_is_repeated(key: str, value: object) -> None:
    reader = RecordReader("records.toml", Values.model_validate({"money": "decimal"}), {})
    with pytest.raises(ConfigurationError, match=rf"key charges\.{key}: the records have .*, expected a text") as told:
        reader.charge({**CHARGE, key: value})
    assert not any(word in str(told.value) for word in ("example", "4.5", "True"))
