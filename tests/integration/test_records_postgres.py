"""Records in a real PostgreSQL, over a store in another: the same contract; read-only, in time, told as it is."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from adapters.records.outside import OutsideRecords
from adapters.records.source import Deadline
from adapters.records.sql import SqlRecords
from adapters.store import Store, open_store
from adapters.store.database import RECORDS_LOCK
from adapters.store.tables import charges, effects
from domain.errors import ConfigurationError, RefusedError, TransientError
from domain.money.amount import Money
from domain.money.refund_action import RefundTerms
from ports.store import CustomerRecords
from tests.contracts.outside import FakeSource, OutsideContract, charge, order
from tests.contracts.records import RecordsContract, find
from tests.contracts.store_samples import NOW, action, stored_case
from tests.outside_shop import SQL_MAPPING, OutsideShop, opened
from tests.postgres import Postgres, running_postgres


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def template(postgres: Postgres) -> str:
    url = postgres.new_database()
    open_store(url).close()
    return url.rpartition("/")[2]


@pytest.fixture
def store(postgres: Postgres, template: str) -> Iterator[Store]:
    opened = open_store(postgres.new_database(template))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def url(postgres: Postgres) -> str:
    made = postgres.new_database()
    OutsideShop().publish(made)
    return made


@pytest.fixture
def source(url: str, tmp_path: Path) -> Iterator[SqlRecords]:
    made = opened(url, tmp_path)
    yield made
    made.close()


class TestOutsideOverPostgres(OutsideContract):
    pass


class TestRecordsInPostgres(RecordsContract):
    @pytest.fixture
    def records(self, source: SqlRecords, store: Store) -> CustomerRecords:
        return OutsideRecords(source, store.database)


def test_nothing_can_be_written(source: SqlRecords) -> None:
    with pytest.raises(TransientError, match="read-only transaction"), source.view(Deadline()) as view:
        view._connection.execute(sa.text("DELETE FROM sales"))


def test_a_view_that_takes_for_ever_is_stopped_by_the_server(postgres: Postgres, url: str, tmp_path: Path) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE OR REPLACE VIEW slow AS SELECT sales.* FROM sales, pg_sleep(30)")
    source = opened(url, tmp_path, SQL_MAPPING.replace('from = "sales"', 'from = "slow"'))
    began = time.monotonic()
    with pytest.raises(TransientError, match="statement timeout"), source.view(Deadline(1.0)) as view:
        view.order("default", "ORD-1")
    assert time.monotonic() - began < 20
    with psycopg.connect(postgres.admin_url) as admin:
        running = admin.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'headgate-records' AND state = 'active'"
        ).fetchone()
    assert running == (0,)
    source.close()


def test_a_user_without_rights_is_told(postgres: Postgres, url: str, tmp_path: Path) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS guest")
        connection.execute("CREATE ROLE guest LOGIN")
    source = opened(url.replace("headgate@", "guest:secret-word@"), tmp_path)
    with pytest.raises(ConfigurationError, match="permission denied for table people") as told:
        source.check()
    assert "secret-word" not in str(told.value)
    source.close()


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        (("headgate@", "nobody:secret-word@"), ConfigurationError, 'role "nobody" does not exist'),
        (("127.0.0.1:", "127.0.0.1:1"), TransientError, "cannot be asked now"),
    ],
)
def test_a_server_that_cannot_be_reached_or_refuses_is_told_without_the_password(
    url: str, tmp_path: Path, change: tuple[str, str], kind: type[Exception], said: str
) -> None:
    at = url.replace(*change) if kind is ConfigurationError else "postgresql://me:secret-word@127.0.0.1:1/shop"
    source = opened(at, tmp_path)
    with pytest.raises(kind, match=said) as told:
        source.check()
    assert "secret-word" not in str(told.value)
    source.close()


def test_a_connection_that_was_cut_is_made_anew(postgres: Postgres, source: SqlRecords, store: Store) -> None:
    records = OutsideRecords(source, store.database)
    assert find(records, customer_id="C-1").customer is not None
    with psycopg.connect(postgres.admin_url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'headgate-records'"
        )
    assert find(records, customer_id="C-1").customer is not None


def test_threads_that_look_and_pay_at_once_never_pay_more_than_is_left(store: Store) -> None:
    """Meanwhile a clerk pays half of it back: what stands in the store is within the charge at every moment."""
    source = FakeSource()
    records = OutsideRecords(source, store.database)
    names = [f"race{n}" for n in range(12)]
    store.cases.admit([stored_case(name) for name in names])
    find(records, customer_id="C-1", order_id="ORD-1")
    together = threading.Barrier(12)

    def pay(name: str) -> bool:
        together.wait()
        if name == "race5":
            source.orders["ORD-1"] = order(charges=[charge(refunded_minor=1_000)])
        try:
            account = find(records, customer_id="C-1", order_id="ORD-1", case_id=f"case/shop/{name}")
            assert account.order is not None
            store.ledger.intend(
                action(name, money=Money(minor=300, currency="USD")),
                step="refund",
                approval_id=None,
                terms=RefundTerms(limit_minor=500_000, seen_back_minor=account.order.charges[0].refunded_minor),
                now=NOW,
            )
        except (RefusedError, TransientError):
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        paid = list(pool.map(pay, names))
    with store.database.reading() as connection:
        moved = connection.execute(sa.select(sa.func.coalesce(sa.func.sum(effects.c.amount_minor), 0))).scalar_one()
        by_others = connection.execute(sa.select(charges.c.refunded_minor)).scalar_one()
    assert any(paid)
    assert int(moved) == 300 * sum(paid)
    assert int(moved) + by_others <= 2_000


def test_a_payment_waits_for_a_change_of_the_records_and_sees_it(store: Store, postgres: Postgres) -> None:
    records = OutsideRecords(FakeSource(), store.database)
    store.cases.admit([stored_case("e1")])
    find(records, customer_id="C-1", order_id="ORD-1")
    with ThreadPoolExecutor(1) as pool, store.database.engine.connect() as connection, connection.begin() as begun:
        store.database.lock(connection, RECORDS_LOCK)
        connection.execute(sa.update(charges).values(refunded_minor=2_000))
        paying = pool.submit(
            lambda: store.ledger.intend(
                action(), step="refund", approval_id=None, terms=RefundTerms(limit_minor=500_000), now=NOW
            )
        )
        with psycopg.connect(postgres.admin_url, autocommit=True) as admin:
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            deadline = time.monotonic() + 5
            while admin.execute(waiting).fetchone() == (0,):
                assert not paying.done(), paying.exception()
                assert time.monotonic() < deadline, "nobody waits"
                time.sleep(0.01)
        begun.commit()
        with pytest.raises(RefusedError, match="is left"):
            paying.result(20)
