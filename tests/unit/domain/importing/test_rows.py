"""A row of a file is a record, or every wrong cell of it is told with what was expected and what to do."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.importing.kinds import COLUMNS, KEYS, Kind, all_names, kind_of_columns, needed_names
from domain.importing.problems import MOST_KEPT, Problems
from domain.importing.rows import Row, Times, read_header, read_row

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
GOOD: dict[Kind, dict[str, str]] = {
    Kind.ACCOUNTS: {"account_id": "A-1", "name": "Acme GmbH", "country": "DE", "domain": "acme.example"},
    Kind.CUSTOMERS: {"customer_id": "C-1", "email": "ann@example.com", "name": "山田　花子", "lang": "ja"},
    Kind.ORDERS: {
        "order_id": "ORD-1",
        "customer_id": "C-1",
        "status": "delivered",
        "placed_at": "2026-06-01T10:00:00Z",
        "delivered_at": "2026-06-03 09:30+02:00",
        "promised_at": "2026-07-01T00:00:00Z",
        "total": "20.00",
        "currency": "USD",
    },
    Kind.CHARGES: {
        "charge_id": "CH-1",
        "order_id": "ORD-1",
        "amount": "20",
        "currency": "USD",
        "captured_at": "2026-06-01T10:00:01.5Z",
        "payee": "card:visa-1",
        "refunded": "",
    },
    Kind.ORDER_LINES: {"order_id": "ORD-1", "name": "Desk lamp", "quantity": "2", "amount": "9.80", "kind": "item"},
    Kind.TERRITORIES: {"country": "*", "owner": "Sam", "team": "Desk"},
}


def read(of: Kind, *, relative: bool = False, **changes: str) -> tuple[Row, list[str]]:
    cells = {**GOOD[of], **changes}
    problems = Problems()
    header = read_header(f"{of}.csv", of, list(cells), problems)
    assert header is not None
    row = read_row(header, 7, list(cells.values()), Times(NOW, relative=relative), problems)
    return row, [str(problem) for problem in problems.first]


def told(of: Kind, **changes: str) -> str:
    row, problems = read(of, **changes)
    assert len(problems) == 1, problems
    assert not row.good
    return problems[0]


MONEY = [
    ("USD", "20.001"), ("USD", "20.000"), ("USD", "-1"), ("USD", "+1"), ("USD", "1,50"), ("USD", "1_000"),
    ("USD", "1e3"), ("USD", "$20"), ("USD", "20 USD"), ("USD", ".5"), ("USD", "5."), ("USD", "٢٠"), ("USD", "２０"),
    ("USD", "nan"), ("USD", "1" * 13), ("JPY", "500.00"), ("JPY", "500.0"), ("KWD", "1.2345"), ("USD", "0x10"),
    ("USD", "1.234.567"), ("USD", "1 000"),
]  # fmt: skip


@pytest.mark.parametrize(("currency", "amount"), MONEY)
def test_an_amount_out_of_the_strict_grammar_is_refused(currency: str, amount: str) -> None:
    said = told(Kind.CHARGES, amount=amount, currency=currency)
    assert said.startswith(f"charges.csv:7 amount {amount!r}: expected up to 12 digits and ")
    assert f"for {currency}" in said


@pytest.mark.parametrize(
    ("currency", "amount", "minor"),
    [("USD", "5000.00", 500_000), ("USD", "0.5", 50), ("JPY", "500", 500), ("KWD", "1.234", 1_234), ("EUR", "0", 0)],
)
def test_decimal_text_becomes_minor_units(currency: str, amount: str, minor: int) -> None:
    row, problems = read(Kind.CHARGES, amount=amount, currency=currency)
    assert problems == []
    assert row.values["amount_minor"] == minor


@pytest.mark.parametrize("currency", ["usd", "US", "XXX", "XAU", "DEM", "ABC", "USDT", "€"])
def test_a_currency_that_is_none_is_refused_once_and_no_amount_is_guessed(currency: str) -> None:
    assert "ISO 4217" in told(Kind.CHARGES, currency=currency)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-06-01", "a time and its zone"),
        ("2026-06-01T10:00:00", "a time zone"),
        ("2026-06-01 10:00", "a time zone"),
        ("2026-02-30T10:00:00Z", "a date that there is"),
        ("2026-06-01T25:00:00Z", "a date that there is"),
        ("2026-06-01T10:00:00+25:00", "a date that there is"),
        ("0001-01-01T00:00:00+14:00", "a date"),
        ("1969-12-31T23:59:59Z", "from 1970 on"),
        ("2026-06-17T12:00:00Z", "a time that has passed"),
        ("01.06.2026 10:00", "ISO 8601"),
        ("6/1/2026", "ISO 8601"),
        ("1780000000", "ISO 8601"),
        ("yesterday", "ISO 8601"),
        ("-3d", "for the samples alone"),
    ],
)
def test_a_date_that_says_no_moment_is_refused(at: str, expected: str) -> None:
    said = told(Kind.ORDERS, placed_at=at, delivered_at="")
    assert said.startswith(f"orders.csv:7 placed_at {at!r}: expected ")
    assert expected in said


def test_the_samples_alone_count_days_from_today() -> None:
    row, problems = read(Kind.ORDERS, relative=True, placed_at="-3d", delivered_at="-0.5d", promised_at="+2d")
    assert problems == []
    assert row.values["placed_at"] == NOW - timedelta(days=3)
    assert row.values["promised_at"] == NOW + timedelta(days=2)


def test_what_is_promised_may_lie_ahead_but_nothing_arrives_before_it_was_ordered() -> None:
    assert read(Kind.ORDERS, promised_at="2031-01-01T00:00:00Z")[1] == []
    assert "after the order was placed" in told(Kind.ORDERS, delivered_at="2026-05-31T10:00:00Z")


@pytest.mark.parametrize(
    ("kind", "column", "value", "expected"),
    [
        (Kind.ORDERS, "status", "on its way", "expected one of placed, shipped, delivered, lost, cancelled"),
        (Kind.ORDERS, "status", "Delivered", "expected one of"),
        (Kind.ORDERS, "order_id", "", "expected a value"),
        (Kind.ORDERS, "order_id", "#1", "without '#'"),
        (Kind.ORDERS, "order_id", "x" * 129, "expected at most 128 characters, found 129"),
        (Kind.ORDERS, "order_id", "OR\0D", "U+0000"),
        (Kind.ORDERS, "order_id", "OR\u200bD", "zero width space"),
        (Kind.ORDERS, "customer_id", "C\u202e1", "U+202E"),
        (Kind.CUSTOMERS, "name", "x" * 201, "expected at most 200"),
        (Kind.CUSTOMERS, "name", "A\x07B", "U+0007"),
        (Kind.CUSTOMERS, "name", "A\nB", "U+000A"),
        (Kind.CUSTOMERS, "email", "ann", "one e-mail address"),
        (Kind.CUSTOMERS, "email", "a b@example.com", "one e-mail address"),
        (Kind.CUSTOMERS, "email", "ann@@example.com", "one e-mail address"),
        (Kind.CUSTOMERS, "email", "a@b.c, d@e.f", "one e-mail address"),
        (Kind.CUSTOMERS, "email", "a" * 250 + "@b.example", "at most 254"),
        (Kind.CUSTOMERS, "lang", "german!", "language code"),
        (Kind.CHARGES, "payee", "", "expected a value"),
        (Kind.CHARGES, "disputed", "maybe", "expected 'true' or 'false'"),
        (Kind.CHARGES, "disputed", "2", "expected 'true' or 'false'"),
        (Kind.ACCOUNTS, "country", "Germany", "two capital letters"),
        (Kind.ACCOUNTS, "country", "*", "two capital letters"),
    ],
)
def test_a_cell_that_cannot_be_meant_is_told(kind: Kind, column: str, value: str, expected: str) -> None:
    said = told(kind, **{column: value})
    assert f":7 {column} " in said
    assert expected in said
    assert "; " in said, "with what to do"


@pytest.mark.parametrize(
    ("cell", "disputed"), [("true", True), ("Yes", True), ("1", True), ("FALSE", False), ("no", False), ("", False)]
)
def test_whether_a_charge_is_disputed(cell: str, disputed: bool) -> None:
    assert read(Kind.CHARGES, disputed=cell)[0].values["disputed"] is disputed


@pytest.mark.parametrize("number", ["-1", "1.5", "many", "１", "9" * 40, "0" * 50, "1" * 5000, "100000001"])
def test_a_count_is_a_whole_number(number: str) -> None:
    assert "whole number" in told(Kind.TERRITORIES, min_employees=number)


@pytest.mark.parametrize("number", ["0", "-1", "1.5", "2.0", "two", "٢", "1000001", "9" * 5_000])
def test_a_quantity_is_a_whole_number_from_one_on(number: str) -> None:
    assert "expected a whole number from 1 to 1000000; write 1 for what" in told(Kind.ORDER_LINES, quantity=number)


def test_the_name_of_goods_is_kept_short_and_must_say_something() -> None:
    row, problems = read(Kind.ORDER_LINES, name="Mug,\tfor\0 ann@example.com", kind="")
    assert problems == []
    assert (row.values["name"], row.values["kind"], row.values["amount_minor"]) == ("Mug, for …", "item", "9.80")
    assert "expected a name that can be read" in told(Kind.ORDER_LINES, name="\u200b\0")
    assert "expected one of item, shipping, tax, fee" in told(Kind.ORDER_LINES, kind="Item")
    assert "expected a value; fill the cell" in told(Kind.ORDER_LINES, amount=" ")


@pytest.mark.parametrize("tenant", ["a b", "-x", "ä", "x" * 65])
def test_a_tenant_is_named_as_sources_name_it(tenant: str) -> None:
    assert "letters, digits" in told(Kind.CUSTOMERS, tenant=tenant)


def test_more_cannot_be_refunded_than_was_charged() -> None:
    assert "expected at most the charge itself, 20.00 USD" in told(Kind.CHARGES, refunded="20.01")


def test_every_wrong_cell_of_a_row_is_told_and_long_values_are_cut() -> None:
    _, problems = read(Kind.ORDERS, status="x" * 500, total="much", placed_at="once", customer_id="")
    assert len(problems) == 4
    assert max(map(len, problems)) < 300


def test_a_row_that_is_wrong_is_still_known_by_its_key() -> None:
    row, _ = read(Kind.ORDERS, status="?")
    assert (row.good, row.key) == (False, ("default", "ORD-1"))
    row, _ = read(Kind.ORDERS, order_id="")
    assert row.key is None


@pytest.mark.parametrize(
    "fields", [["CH-1"], ["CH-1", "ORD-1", "20", "USD", "2026-06-01T10:00:00Z", "p", "0", "x"], []]
)
def test_a_row_with_too_many_or_too_few_fields_is_told(fields: list[str]) -> None:
    problems = Problems()
    header = read_header("charges.csv", Kind.CHARGES, list(GOOD[Kind.CHARGES]), problems)
    assert header is not None
    row = read_row(header, 7, fields, Times(NOW), problems)
    assert not row.good
    assert f"expected 7 fields as in the header, found {len(fields)}" in str(problems.first[0])


def test_blanks_around_a_cell_do_not_count() -> None:
    row, problems = read(Kind.CHARGES, charge_id="  CH-1 ", amount=" 20.00 ")
    assert problems == []
    assert (row.values["charge_id"], row.values["amount_minor"]) == ("CH-1", 2_000)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["customer_id", "mail"], "mail: expected a column of customers: tenant, customer_id, email"),
        (["email"], "customer_id: expected this column"),
        (["customer_id", "customer_id"], "customer_id: expected each column once"),
        (["customer_id", ""], "no. 2: expected a column"),
    ],
)
def test_a_header_that_does_not_fit_is_told(names: list[str], expected: str) -> None:
    problems = Problems()
    assert read_header("customers.csv", Kind.CUSTOMERS, names, problems) is None
    assert expected in str(problems.first[0])


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_known_by_the_columns_that_it_needs(kind: Kind) -> None:
    assert kind_of_columns(needed_names(kind)) is kind
    assert kind_of_columns(all_names(kind)) is kind
    assert set(KEYS[kind]) - {"place"} <= {column.field for column in COLUMNS[kind]}


def test_of_many_problems_the_first_are_kept_and_all_are_counted() -> None:
    problems = Problems()
    for line in range(MOST_KEPT * 3):
        problems.add("x.csv", "expected more", "add it", line=line)
    assert (len(problems.first), problems.count) == (MOST_KEPT, 3 * MOST_KEPT)
