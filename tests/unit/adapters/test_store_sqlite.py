"""The store on SQLite keeps the store's contract; its file is safe between processes."""

import json
import multiprocessing
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

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
from adapters.store.database import Database
from adapters.store.tables import HEAD_REVISION, effects, metadata
from domain.errors import ConfigurationError, RefusedError, TransientError
from domain.money.amount import Money
from domain.money.refund_action import RefundTerms
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
from tests.contracts.store_letters import DeadLettersForOperatorsContract, LetterContract, close
from tests.contracts.store_moods import MoodContract
from tests.contracts.store_records_moved import RecordsMovedContract
from tests.contracts.store_rescue import RescueContract
from tests.contracts.store_samples import NOW, action, approval_request, big_action, seed_samples, stored_case
from tests.contracts.store_settling import SettlingContract
from tests.contracts.store_words import WordContract


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    seed_samples(opened, tmp_path)
    yield opened
    opened.close()


class TestAuthorityOnSqlite(AuthorityContract):
    pass


class TestRescueOnSqlite(RescueContract):
    pass


class TestLedgerOnSqlite(LedgerContract):
    pass


class TestDeadLettersForOperatorsOnSqlite(DeadLettersForOperatorsContract):
    pass


class TestLettersOnSqlite(LetterContract):
    pass


class TestSpendOnSqlite(SpendContract):
    pass


class TestBatchesOnSqlite(BatchContract):
    pass


class TestReuseOnSqlite(ReuseContract):
    pass


class TestKnowledgeOnSqlite(KnowledgeContract):
    pass


class TestMoodsOnSqlite(MoodContract):
    pass


class TestCaseStoreOnSqlite(CaseStoreContract):
    pass


class TestConversationsOnSqlite(ConversationContract):
    pass


class TestRecordsOnSqlite(RecordsContract):
    @pytest.fixture
    def records(self, store: Store) -> CustomerRecords:
        return store.records


class TestCrmOnSqlite(CrmContract):
    pass


class TestImportOnSqlite(ImportContract):
    pass


class TestOrderLinesOnSqlite(OrderLinesContract):
    pass


class TestDeadLettersOnSqlite(DeadLetterContract):
    pass


class TestWordsOnSqlite(WordContract):
    pass


class TestRecordsMovedOnSqlite(RecordsMovedContract):
    pass


class TestSettlingOnSqlite(SettlingContract):
    pass


class TestReadingOnSqlite(ReadingContract):
    pass


def _pay_from_a_process(path: str, names: list[str], paid: "multiprocessing.Queue[int]") -> None:
    store = open_store(f"sqlite:///{path}")
    count = 0
    for name in names:
        try:
            store.ledger.intend(
                action(name, money=Money(minor=300, currency="USD")),
                step="refund",
                approval_id=None,
                terms=RefundTerms(),
                now=NOW,
            )
            count += 1
        except RefusedError:
            pass
    paid.put(count)


def test_two_processes_on_one_charge_never_pay_more_than_it(store: Store, tmp_path: Path) -> None:
    names = [f"p{n}" for n in range(10)]
    store.cases.admit([stored_case(name) for name in names])
    spawn = multiprocessing.get_context("spawn")
    paid: multiprocessing.Queue[int] = spawn.Queue()
    shares = (names[::2], names[1::2])
    workers = [spawn.Process(target=_pay_from_a_process, args=(f"{tmp_path}/store.db", s, paid)) for s in shares]
    for worker in workers:
        worker.start()
    counts = [paid.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(timeout=60)
    assert sum(counts) == 2_000 // 300
    with store.database.reading() as connection:
        assert connection.execute(sa.select(sa.func.sum(effects.c.amount_minor))).scalar_one() == 1_800


def _open_from_a_process(path: str, opened: "multiprocessing.Queue[bool]") -> None:
    open_store(f"sqlite:///{path}").close()
    opened.put(True)


def test_processes_that_start_at_once_migrate_once(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    opened: multiprocessing.Queue[bool] = spawn.Queue()
    workers = [spawn.Process(target=_open_from_a_process, args=(f"{tmp_path}/new.db", opened)) for _ in range(3)]
    for worker in workers:
        worker.start()
    assert [opened.get(timeout=60) for _ in workers] == [True, True, True]
    for worker in workers:
        worker.join(timeout=60)


def test_a_locked_file_is_told_as_transient(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.store.database.BUSY_TIMEOUT_S", 0.1)
    impatient = Database(f"sqlite:///{tmp_path}/store.db")
    holder = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(TransientError, match="cannot be used now"):
        impatient.writing(lambda connection: connection.execute(sa.delete(effects)))
    holder.execute("ROLLBACK")
    holder.close()
    impatient.close()


def test_a_folder_that_cannot_hold_a_file_is_told_as_transient(tmp_path: Path) -> None:
    (tmp_path / "store.db").mkdir()
    with pytest.raises(TransientError):
        open_store(f"sqlite:///{tmp_path}/store.db")


@pytest.mark.parametrize("url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "mysql://localhost/x"])
def test_a_url_that_is_no_store_is_told_without_being_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError):
        open_store(url)


def test_a_mistake_in_a_statement_is_not_told_as_transient(store: Store) -> None:
    with pytest.raises(sa.exc.OperationalError), store.database.reading() as connection:
        connection.execute(sa.text("SELECT * FROM no_such_table"))


def test_commits_are_synced_and_the_file_is_in_wal(store: Store) -> None:
    with store.database.reading() as connection:
        assert connection.execute(sa.text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert connection.execute(sa.text("PRAGMA synchronous")).scalar_one() == 2


def test_the_migrations_lead_to_the_tables(store: Store) -> None:
    with store.database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    scripts = ScriptDirectory(str(Path(open_store.__code__.co_filename).parent / "migrations"))
    assert scripts.get_current_head() == HEAD_REVISION


def test_what_nobody_was_told_of_before_becomes_a_word(tmp_path: Path) -> None:
    """An installation of the release before: one letter and one approval were told, one of each was not."""
    database = Database(f"sqlite:///{tmp_path}/old.db")
    scripts = Config()
    scripts.set_main_option("script_location", str(Path(open_store.__code__.co_filename).parent / "migrations"))
    with database.engine.connect() as connection:
        scripts.attributes["connection"] = connection
        command.upgrade(scripts, "0002")
        for name, told_at in (("untold", None), ("told", NOW.isoformat())):
            for statement, row in (_old_letter(name), _old_approval(name)):
                connection.execute(sa.text(statement), {**row, "alerted_at": told_at, "at": NOW.isoformat()})
        connection.commit()
    database.close()
    store = open_store(f"sqlite:///{tmp_path}/old.db")
    waiting = {word.kind: word for word in store.words.untold(10, NOW)}
    store.close()
    assert {word.word_id for word in waiting.values()} == {"untold/dead/1", "untold/approval/1"}
    assert "connection refused" in waiting["dead_letter"].text
    assert waiting["approval"].subject == "approval wanted: refund"
    assert waiting["approval"].at == NOW


def test_letters_of_the_release_before_count_too(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/old.db")
    scripts = Config()
    scripts.set_main_option("script_location", str(Path(open_store.__code__.co_filename).parent / "migrations"))
    queued = (
        "INSERT INTO replies (key, case_id, recipient, subject, text, queued_at) VALUES (:key, 'c', :to, 's', 't', :at)"
    )
    with database.engine.connect() as connection:
        scripts.attributes["connection"] = connection
        command.upgrade(scripts, "0004")
        for key, to in (("old", "Ann@Example.com"), ("nobody", None)):
            connection.execute(sa.text(queued), {"key": key, "to": to, "at": NOW.isoformat(timespec="microseconds")})
        connection.commit()
    database.close()
    store = open_store(f"sqlite:///{tmp_path}/old.db")
    held = close(store, "e1", limit=1)
    store.close()
    assert "the address had its letters of a day" in held.finding


def _old_letter(name: str) -> tuple[str, dict[str, object]]:
    letter = {"attempts": [], "last_error": "connection refused"}
    statement = (
        "INSERT INTO dead_letters (dead_letter_id, case_id, source, step, kind, letter, status, replays, at, "
        "alerted_at) VALUES (:id, 'case/shop/e1', 'shop', 'route', 'transient', :letter, 'open', 0, :at, :alerted_at)"
    )
    return statement, {"id": f"{name}/dead/1", "letter": json.dumps(letter)}


def _old_approval(name: str) -> tuple[str, dict[str, object]]:
    statement = (
        "INSERT INTO approvals (approval_id, case_id, tenant, digest, standing, amount_minor, currency, request, "
        "requested_at, expires_at, alerted_at) VALUES (:id, 'case/shop/e1', 'default', 'd', 'pending', 600000, 'USD', "
        ":request, :at, :at, :alerted_at)"
    )
    return statement, {"id": f"{name}/approval/1", "request": approval_request(big_action()).model_dump_json()}
