"""The trail in the store: written with what it tells of, never changed, and checked against the records."""

import sqlite3
from pathlib import Path

import pytest
from temporalio.testing import ActivityEnvironment

from activities.actions.approve import ApproveActivities, CheckDecisionRequest
from adapters.store import Store, open_store
from domain.authority.trail import Happened
from domain.money.approval import Standing
from tests.contracts.store_samples import NOW, approval_request, approval_result, big_action
from tests.fakes.signing import known_keys, signed_for, signed_on

REQUEST = approval_request(big_action())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Store:
    return open_store(f"sqlite:///{path}")


def written(store: Store) -> None:
    """One approval, decided after a forged decision; and one that waits."""
    approve = ApproveActivities(store.ledger, store.trail, known_keys, lambda: NOW)
    store.ledger.announce(REQUEST, NOW)
    store.ledger.announce(REQUEST, NOW)
    forged = CheckDecisionRequest(request=REQUEST, decision=signed_on(REQUEST).model_copy(update={"seal": None}))
    for _ in range(3):
        ActivityEnvironment().run(approve.check_decision, forged)
    result = approval_result(REQUEST)
    store.ledger.record_approval(REQUEST, result, signed_for(result))
    store.ledger.record_approval(REQUEST, approval_result(REQUEST, Standing.REJECTED), None)
    store.ledger.announce(approval_request(big_action("e2")), NOW)
    store.close()


def tampered(path: Path, *statements: str) -> list[str]:
    """Do what an intruder with the file can do: drop the triggers, then write."""
    with sqlite3.connect(path) as database:
        for verb in ("update", "delete"):
            database.execute(f"DROP TRIGGER approval_trail_no_{verb}")
        for statement in statements:
            database.execute(statement)
    database.close()
    return open_store(f"sqlite:///{path}").trail.breaks()


def test_each_step_is_told_once_with_the_decision_that_counted(store: Store, path: Path) -> None:
    written(store)
    trail = open_store(f"sqlite:///{path}").trail
    rows = trail.of(REQUEST.action.case_id)
    assert [row.event.what for row in rows] == [Happened.ASKED, Happened.REFUSED, Happened.APPROVED]
    assert rows == trail.of(REQUEST.approval_id)
    assert rows[1].event.said.startswith("it is not signed")
    decision = rows[2].event.decision
    assert decision is not None
    assert decision == signed_for(approval_result(REQUEST))
    assert trail.breaks() == []
    newest = trail.newest()
    assert newest is not None
    assert newest.number == 4


@pytest.mark.parametrize("statement", ["UPDATE approval_trail SET body = '{}'", "DELETE FROM approval_trail"])
def test_the_database_itself_lets_nobody_change_a_row(store: Store, path: Path, statement: str) -> None:
    written(store)
    with sqlite3.connect(path) as database, pytest.raises(sqlite3.IntegrityError, match="only ever added"):
        database.execute(statement)
    database.close()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE approval_trail SET body = replace(body, 'maria', 'tom') WHERE number = 3", "row 3 ("),
        ("DELETE FROM approval_trail WHERE number = 2", "row 2 is missing"),
        ("DELETE FROM approval_trail WHERE number >= 3", "approved on record, and the trail has nothing"),
        ("DELETE FROM approval_trail", "asked for is missing"),
        ("UPDATE approvals SET standing = 'rejected' WHERE standing = 'approved'", "rejected on record, and the trail"),
    ],
)
def test_what_an_intruder_changed_is_named(store: Store, path: Path, statement: str, said: str) -> None:
    written(store)
    assert any(said in found for found in tampered(path, statement))
