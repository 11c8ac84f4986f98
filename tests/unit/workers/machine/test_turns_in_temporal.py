"""When Temporal gives tenants their turns: never while tasks wait that it would not look for any more."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from workers.machine.temporal_server import dev_server_command, takes_turns

TABLES = (
    "CREATE TABLE tasks (task_queue_id BLOB)",
    "CREATE TABLE task_queues (task_queue_id BLOB)",
    "CREATE TABLE tasks_v2 (task_queue_id BLOB)",
    "CREATE TABLE task_queues_v2 (task_queue_id BLOB)",
)
NAMESPACE = b":@" * 8  # sixteen bytes, of any value


def state(folder: Path, *statements: str, queues: tuple[bytes, ...] = ()) -> Path:
    file = folder / "temporal.db"
    with closing(sqlite3.connect(file)) as db, db:
        for statement in statements:
            db.execute(statement)
        for queue in queues:
            db.execute("INSERT INTO tasks VALUES (?)", (NAMESPACE + queue,))
    return file


def turned_on(file: Path | None) -> bool:
    command = dev_server_command(Path("t"), db_file=file, port=1, ui_port=None, namespace="n", search_attributes={})
    on = "matching.enableFairness=true" in command
    assert ("matching.useNewMatcher=true" in command) is on
    return on


def test_new_state_has_turns(tmp_path: Path) -> None:
    assert turned_on(None)
    assert turned_on(tmp_path / "temporal.db")
    assert not (tmp_path / "temporal.db").exists(), "looking makes no file"
    assert turned_on(state(tmp_path)), "the server died before it had made its tables"


@pytest.mark.parametrize("queue", [b"cases\x01", b"models-large\x02", b"/_sys/cases/1\x01"])
def test_earlier_state_has_none_while_a_task_waits_in_it(tmp_path: Path, queue: bytes) -> None:
    file = state(tmp_path, *TABLES, "INSERT INTO task_queues VALUES (x'00')", queues=(queue,))
    assert not turned_on(file)


def test_earlier_state_in_which_none_waits_gets_turns(tmp_path: Path) -> None:
    """What was on a worker's own queue is given up with that worker, turns or not."""
    sticky = (b"vm:802eb3b5-8d5b-4ef6-a01f-061771f67451\x01", b"18986@vm-8ce9ede\x01")
    assert takes_turns(state(tmp_path, *TABLES, "INSERT INTO task_queues VALUES (x'00')", queues=sticky))


def test_state_that_has_turns_keeps_them(tmp_path: Path) -> None:
    assert takes_turns(state(tmp_path, *TABLES, "INSERT INTO task_queues_v2 VALUES (x'00')", queues=(b"cases\x01",)))


def test_state_of_a_server_that_knows_no_turns_has_none(tmp_path: Path) -> None:
    assert not takes_turns(state(tmp_path, *TABLES[:2]))
