"""The store on a real PostgreSQL keeps the same contract as on SQLite."""

import multiprocessing
from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import adapters.batches.tables
import adapters.cache.tables
import adapters.dead_letters.orders
import adapters.inbox.accepted_log
import adapters.installation.wishes
import adapters.knowledge.tables
import adapters.moods.tables
import adapters.spend.tables  # noqa: F401 - part of the metadata
from adapters.installation import record  # noqa: F401 - its tables belong to the store's
from adapters.store import Store, open_store
from adapters.store.tables import metadata
from domain.errors import TransientError
from ports.store import CustomerRecords
from tests.contracts.knowledge.store_knowledge import KnowledgeContract
from tests.contracts.order_lines import OrderLinesContract
from tests.contracts.records import RecordsContract
from tests.contracts.records_import import ImportContract
from tests.contracts.spending.store_batches import BatchContract
from tests.contracts.spending.store_reuse import ReuseContract
from tests.contracts.spending.store_spend import SpendContract
from tests.contracts.store_authority import AuthorityContract
from tests.contracts.store_cases import CaseStoreContract, CrmContract, DeadLetterContract, ReadingContract
from tests.contracts.store_conversations import ConversationContract
from tests.contracts.store_ledger import LedgerContract
from tests.contracts.store_letters import DeadLettersForOperatorsContract, LetterContract
from tests.contracts.store_moods import MoodContract
from tests.contracts.store_records_moved import RecordsMovedContract
from tests.contracts.store_rescue import RescueContract
from tests.contracts.store_samples import seed_samples
from tests.contracts.store_settling import SettlingContract
from tests.contracts.store_words import WordContract
from tests.postgres import Postgres, running_postgres


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def template(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A migrated and seeded database that each test gets a copy of."""
    url = postgres.new_database()
    store = open_store(url)
    seed_samples(store, tmp_path_factory.mktemp("records"))
    store.close()
    return url.rpartition("/")[2]


@pytest.fixture
def store(postgres: Postgres, template: str) -> Iterator[Store]:
    opened = open_store(postgres.new_database(template))
    yield opened
    opened.close()


class TestSpendOnPostgres(SpendContract):
    pass


class TestBatchesOnPostgres(BatchContract):
    pass


class TestAuthorityOnPostgres(AuthorityContract):
    pass


class TestRescueOnPostgres(RescueContract):
    pass


class TestLedgerOnPostgres(LedgerContract):
    pass


class TestDeadLettersForOperatorsOnPostgres(DeadLettersForOperatorsContract):
    pass


class TestLettersOnPostgres(LetterContract):
    pass


class TestReuseOnPostgres(ReuseContract):
    pass


class TestKnowledgeOnPostgres(KnowledgeContract):
    pass


class TestMoodsOnPostgres(MoodContract):
    pass


class TestCaseStoreOnPostgres(CaseStoreContract):
    pass


class TestConversationsOnPostgres(ConversationContract):
    pass


class TestRecordsOnPostgres(RecordsContract):
    @pytest.fixture
    def records(self, store: Store) -> CustomerRecords:
        return store.records


class TestCrmOnPostgres(CrmContract):
    pass


class TestImportOnPostgres(ImportContract):
    pass


class TestOrderLinesOnPostgres(OrderLinesContract):
    pass


class TestDeadLettersOnPostgres(DeadLetterContract):
    pass


class TestWordsOnPostgres(WordContract):
    pass


class TestRecordsMovedOnPostgres(RecordsMovedContract):
    pass


class TestSettlingOnPostgres(SettlingContract):
    pass


class TestReadingOnPostgres(ReadingContract):
    pass


def _open(url: str, opened: "multiprocessing.Queue[bool]") -> None:
    open_store(url).close()
    opened.put(True)


def test_processes_that_start_at_once_migrate_once(postgres: Postgres) -> None:
    url = postgres.new_database()
    spawn = multiprocessing.get_context("spawn")
    opened: multiprocessing.Queue[bool] = spawn.Queue()
    workers = [spawn.Process(target=_open, args=(url, opened)) for _ in range(3)]
    for worker in workers:
        worker.start()
    assert [opened.get(timeout=60) for _ in workers] == [True, True, True]
    for worker in workers:
        worker.join(timeout=60)


def test_the_migrations_lead_to_the_tables(store: Store) -> None:
    with store.database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_server_that_is_away_is_told_as_transient_without_the_password() -> None:
    with pytest.raises(TransientError) as told:
        open_store("postgresql://headgate:secret-word@127.0.0.1:1/headgate")
    assert "secret-word" not in str(told.value)


def test_a_connection_cut_by_the_server_is_told_or_mended_and_works_again(store: Store, postgres: Postgres) -> None:
    store.reports.counts()
    with psycopg.connect(postgres.admin_url, autocommit=True) as admin:
        ours = "FROM pg_stat_activity WHERE application_name = 'headgate'"
        cut = admin.execute(f"SELECT pg_terminate_backend(pid, 10000) {ours}").fetchall()  # waits until each is gone
    assert cut
    assert all(gone for (gone,) in cut)
    assert store.reports.counts().total == 0

    def work(connection: sa.Connection) -> None:
        pid = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
        with psycopg.connect(postgres.admin_url, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(%s)", (pid,))
        connection.execute(sa.text("SELECT 1"))

    with pytest.raises(TransientError):
        store.database.writing(work)
    assert store.reports.counts().total == 0


def test_a_connection_is_asked_for_a_sign_of_life_only_after_a_rest_and_replaced_without_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def silent(_connection: object) -> None:
        asked.append("")
        if len(asked) == 1:
            raise psycopg.OperationalError("no answer")

    store.reports.counts()
    monkeypatch.setattr(store.database.engine.dialect, "do_ping", silent)
    store.reports.counts()
    assert asked == []
    monkeypatch.setattr("adapters.store.database.ASKED_AFTER_S", 0.0)
    assert store.reports.counts().total == 0
    assert asked


def test_a_deadlock_is_tried_again(store: Store) -> None:
    tries = 0

    def work(connection: sa.Connection) -> str:
        nonlocal tries
        tries += 1
        if tries == 1:
            connection.execute(sa.text("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = 'deadlock_detected'; END $$"))
        return "done"

    assert store.database.writing(work) == "done"
    assert tries == 2


def test_a_transaction_that_keeps_failing_is_given_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.store.database.RETRY_FOR_S", 0.05)

    def work(connection: sa.Connection) -> None:
        connection.execute(sa.text("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = 'serialization_failure'; END $$"))

    with pytest.raises(TransientError):
        store.database.writing(work)


def test_the_books_cannot_be_emptied(store: Store) -> None:
    with pytest.raises(sa.exc.DBAPIError, match="only ever added"), store.database.engine.begin() as connection:
        connection.execute(sa.text("TRUNCATE entries"))
