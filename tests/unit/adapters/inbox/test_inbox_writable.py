"""A holding pen says beforehand whether it could take something in."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from adapters.inbox.sqlite import SqliteInbox
from domain.errors import TransientError
from tests.unit.adapters.inbox.test_inbox_sqlite import item

Open = Callable[..., SqliteInbox]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Open]:
    made: list[SqliteInbox] = []

    def build(name: str, **settings: int) -> SqliteInbox:
        made.append(SqliteInbox(tmp_path / f"{name}.db", **settings))  # type: ignore[arg-type]
        return made[-1]

    yield build
    for inbox in made:
        await inbox.close()


async def test_a_pen_that_can_write_says_so_and_keeps_nothing_of_it(opened: Open) -> None:
    pen = opened("pen")
    for _ in range(3):
        await pen.check_writable()
    assert (await pen.depth()).total == 0


async def test_a_pen_that_could_take_nothing_in_says_so_beforehand(opened: Open) -> None:
    full_disk = opened("full_disk", least_free_bytes=1 << 62)
    with pytest.raises(TransientError, match="make room"):
        await full_disk.check_writable()
    small = opened("small", max_file_bytes=48 * 1024)  # SQLITE_FULL, the answer of a full disk
    with pytest.raises(TransientError, match="full"):
        await small.check_writable()


async def test_a_pen_with_all_that_may_wait_says_so(opened: Open) -> None:
    pen = opened("pen", max_waiting=2)
    await pen.put(item(1))
    await pen.check_writable()
    await pen.put(item(2))
    with pytest.raises(TransientError, match="2 payloads wait"):
        await pen.check_writable()
    await pen.ack([item(1).case_id])
    await pen.check_writable()


async def test_a_pen_whose_file_is_locked_or_read_only_says_so(opened: Open, tmp_path: Path) -> None:
    pen = opened("pen")
    await pen.put(item(1))
    blocker = sqlite3.connect(tmp_path / "pen.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(TransientError, match="locked"):
        await pen.check_writable()
    blocker.execute("ROLLBACK")
    blocker.close()
    await pen.check_writable()
