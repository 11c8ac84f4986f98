"""Records in a database: the contract on SQLite, and what happens when tables, rights or time are not as needed."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.records import sql
from adapters.records.outside import OutsideRecords
from adapters.records.source import Deadline
from adapters.records.sql import SqlRecords
from adapters.records.sql_engine import told
from adapters.store import Store, open_store
from domain.errors import ConfigurationError, TransientError
from ports.store import CustomerRecords
from tests.contracts.records import RecordsContract, find
from tests.outside_shop import SQL_MAPPING, OutsideShop, opened


@pytest.fixture
def shop() -> OutsideShop:
    return OutsideShop()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    yield opened
    opened.close()


@pytest.fixture
def url(tmp_path: Path, shop: OutsideShop) -> str:
    named = f"sqlite:///{tmp_path}/shop 50%.db"
    shop.publish(named)
    return named


@pytest.fixture
def source(url: str, tmp_path: Path) -> Iterator[SqlRecords]:
    made = opened(url, tmp_path)
    yield made
    made.close()


class TestRecordsInAnotherDatabase(RecordsContract):
    @pytest.fixture
    def records(self, source: SqlRecords, store: Store) -> CustomerRecords:
        return OutsideRecords(source, store.database)


def look(source: SqlRecords, *, within_s: float = 5.0, customer_id: str | None = None) -> object:
    with source.view(Deadline(within_s)) as view:
        view.customers("default", customer_id=customer_id, email=None)
        return view.order("default", "ORD-1")


# --- wrong mappings -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('from = "people"', 'from = "persons"', "key customers.from: there is no table or view 'persons'"),
        ('from = "sales"', 'from = "shop.sales"', "key orders.from: there is no table or view 'shop.sales'"),
        ('total = "sum"', 'total = "total"', "key orders.total: 'sales' has no column 'total', expected one of State,"),
        ('status = "State"', 'status = "state"', "key orders.status: 'sales' has no column 'state'"),
        ('refunded = "back"', 'refunded = "given"', "key charges.refunded: 'payments' has no column 'given'"),
    ],
)
def test_a_table_or_column_that_is_not_there_is_told_by_its_key(
    url: str, tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in SQL_MAPPING
    source = opened(url, tmp_path, SQL_MAPPING.replace(old, new))
    with pytest.raises(ConfigurationError, match=r"records\.toml: key") as told:
        source.check()
    assert said in str(told.value)
    source.close()


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("State", "returned", "key orders.status: the records have 'returned', expected one of placed, shipped"),
        ("sum", "20,00", "key orders.total: the records have '20,00', expected a decimal of USD"),
        ("sum", "-20.00", "not negative"),
        ("sum", "20.005", "at most 2 decimals"),
        ("cur", "USX", "key orders.currency: the records have 'USX', expected an ISO 4217 code"),
        ("ordered", "2026-06-05", "a day alone says no moment"),
        ("ordered", None, "key orders.placed_at: the records have None"),
        ("ordered", "soon", "expected a time"),
        ("buyer", "C\n1", "key orders.customer_id"),
    ],
)
def test_a_value_that_does_not_fit_the_mapping_is_told_by_its_key(
    source: SqlRecords, url: str, column: str, value: object, said: str
) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE sales SET \"{column}\" = :value WHERE number = 'ORD-1'"), {"value": value})
    engine.dispose()
    with pytest.raises(ConfigurationError) as told:
        look(source)
    assert said in str(told.value)


@pytest.mark.parametrize("table", ["people", "sales", "payments"])
def test_two_rows_for_one_record_are_told_and_none_of_them_is_taken(source: SqlRecords, url: str, table: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text(f"INSERT INTO {table} SELECT * FROM {table}"))
    engine.dispose()
    with pytest.raises(ConfigurationError, match="more than one row"):
        look(source, customer_id="C-1")


def test_two_customers_of_one_address_are_nobody(source: SqlRecords, store: Store, url: str, shop: OutsideShop) -> None:
    shop.people[1]["mail address"] = "ANN@example.com"
    shop.publish(url)
    records = OutsideRecords(source, store.database)
    assert find(records, sender_email="ann@example.com").customer is None


@pytest.mark.parametrize("rows", [2, 3, 30])
def test_rows_of_one_customer_do_not_hide_another_of_the_same_address(
    source: SqlRecords, store: Store, url: str, shop: OutsideShop, rows: int
) -> None:
    ann, bob, other = shop.people
    shop.people = [dict(ann) for _ in range(rows)] + [{**bob, "mail address": "ann@example.com"}, other]
    shop.publish(url)
    with pytest.raises(ConfigurationError, match=r"customers\.from: the records have more than one row for 'C-1'"):
        find(OutsideRecords(source, store.database), sender_email="ann@example.com")


def test_an_address_of_more_customers_than_are_looked_at_is_nobodys(
    source: SqlRecords, store: Store, url: str, shop: OutsideShop
) -> None:
    shop.people += [{**shop.people[0], "number": f"C-{n}"} for n in range(100, 150)]
    shop.publish(url)
    assert find(OutsideRecords(source, store.database), sender_email="ann@example.com").customer is None


def test_addresses_that_only_the_database_holds_for_the_same_hide_nobody(
    url: str, tmp_path: Path, store: Store
) -> None:
    """As some databases do, here by a comparison that is always true: what was cut off may be of somebody else."""
    source = opened(url, tmp_path)
    records = OutsideRecords(source, store.database)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sql, "_same_address", lambda *_: sa.true())
        assert find(records, sender_email="ann@example.com").customer is not None
        patch.setattr(sql, "_SAME_ADDRESS", 2)
        with pytest.raises(ConfigurationError, match=r"customers\.email: .* holds 2 or more addresses for the same"):
            find(records, sender_email="ann@example.com")
    source.close()


def test_ids_that_are_numbers_are_compared_as_numbers(url: str, tmp_path: Path, store: Store) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE numbered (branch TEXT, number INTEGER, mail TEXT)"))
        connection.execute(sa.text("INSERT INTO numbered VALUES ('default', 7, 'seven@example.com')"))
        connection.execute(sa.text("CREATE VIEW untyped AS SELECT branch, number + 0 AS number, mail FROM numbered"))
    engine.dispose()
    for relation in ("numbered", "untyped"):
        mapping = SQL_MAPPING.replace('from = "people"', f'from = "{relation}"').replace('"mail address"', '"mail"')
        source = opened(url, tmp_path, mapping.replace('lang = "speaks"\n', ""))
        records = OutsideRecords(source, store.database)
        found = {i: find(records, customer_id=i).customer is not None for i in ("7", "07", "7.0", "+7", "x", "9" * 30)}
        assert found == {"7": True, "07": False, "7.0": False, "+7": False, "x": False, "9" * 30: False}, relation
        source.close()


def test_without_a_column_for_it_the_records_are_of_one_tenant(url: str, tmp_path: Path, store: Store) -> None:
    mapping = SQL_MAPPING.replace('tenant = "branch"\n', "").replace('times = "UTC"', 'times = "UTC"\ntenant = "acme"')
    source = opened(url, tmp_path, mapping)
    records = OutsideRecords(source, store.database)
    assert find(records, tenant="default", sender_email="bob@example.com", order_id="ORD-3").customer is None
    account = find(records, tenant="acme", sender_email="bob@example.com", order_id="ORD-3")
    assert account.order is not None
    source.close()


# --- read-only, in time ---------------------------------------------------------------------------------------------


def test_nothing_can_be_written(source: SqlRecords) -> None:
    with pytest.raises(TransientError, match="attempt to write a readonly database"), source.view(Deadline()) as view:
        view._connection.execute(sa.text("DELETE FROM sales"))


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    source = opened(f"sqlite:///{tmp_path}/none.db", tmp_path)
    with pytest.raises(TransientError, match="unable to open"):
        source.check()
    assert not (tmp_path / "none.db").exists()


def test_a_file_that_somebody_holds_is_told_as_transient(
    source: SqlRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.records.sql_engine.CONNECT_WITHIN_S", 0.1)
    holder = sqlite3.connect(tmp_path / "shop 50%.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(TransientError, match="locked"):
        look(source)
    holder.close()


def test_a_view_that_takes_for_ever_is_stopped_by_the_database(url: str, tmp_path: Path) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "CREATE VIEW slow AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1e9) "
                "SELECT sales.* FROM sales WHERE (SELECT max(x) FROM n) > 0"
            )
        )
    engine.dispose()
    source = opened(url, tmp_path, SQL_MAPPING.replace('from = "sales"', 'from = "slow"'))
    with pytest.raises(TransientError, match="in time"):
        look(source, within_s=0.3)
    source.close()


def test_no_time_left_asks_nothing(source: SqlRecords) -> None:
    with pytest.raises(TransientError, match="gave no answer within"):
        look(source, within_s=0.0)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "cannot be read"),
        ("oracle+unheard://x/y", "cannot be read"),
        ("mssql+pyodbc://x/y", "needs the driver 'pyodbc'"),
        ("sqlite://", "names no SQLite file"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_without_being_repeated(tmp_path: Path, url: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        opened(url, tmp_path)


def test_neither_password_nor_query_of_the_address_are_shown(source: SqlRecords, tmp_path: Path, url: str) -> None:
    address = sa.make_url("postgresql://u:w0rd@h/d?password=s3cret&sslpassword=s3cret")
    for error in (sa.exc.ProgrammingError("", {}, Exception("no")), sa.exc.OperationalError("", {}, Exception("gone"))):
        said = str(told(error, address, "records.toml"))
        assert "//u:***@h/d'" in said
        assert "s3cret" not in said
        assert "w0rd" not in said
    with_query = opened(f"{url}?timeout=5", tmp_path)
    assert with_query.check() == source.check()
    with_query.close()
