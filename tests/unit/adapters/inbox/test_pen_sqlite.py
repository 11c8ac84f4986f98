"""The embedded pen keeps the contract of all pens, forgets in time, and takes over files of earlier versions."""

import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.inbox.sqlite import SqliteInbox
from domain.intake import REMEMBERED_S
from domain.turns import PenLane
from ports.incoming.inbox import PutOutcome
from tests.contracts.pens.pen import Another, PenContract, event, take


class Clock:
    """A clock that tests set forward."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return datetime.now(UTC).timestamp() + self.ahead_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def another(tmp_path: Path, clock: Clock) -> AsyncIterator[Another]:
    opened: list[SqliteInbox] = []

    async def build() -> SqliteInbox:
        opened.append(SqliteInbox(tmp_path / "inbox.db", clock=clock))
        return opened[-1]

    yield build
    for pen in opened:
        if not pen._reader._shutdown:
            await pen.close()


@pytest.fixture
async def pen(another: Another) -> SqliteInbox:
    return await another()  # type: ignore[return-value]


class TestEmbeddedPen(PenContract):
    @pytest.fixture(autouse=True)
    def _set_clock(self, clock: Clock) -> None:
        self.clock = clock

    def after_death(self) -> None:
        self.clock.ahead_s = 61


async def test_ids_are_forgotten_after_their_time_and_the_file_stops_growing(
    pen: SqliteInbox, clock: Clock, tmp_path: Path
) -> None:
    pages = []
    for month in range(6):
        for n in range(200):
            await pen.put(event(f"{month}-{n}", b"x" * 2000))
        await pen.ack([item.case_id for item in await take(pen, 200)])
        clock.ahead_s += REMEMBERED_S + 60
        with sqlite3.connect(tmp_path / "inbox.db") as db:
            pages.append(db.execute("PRAGMA page_count").fetchone()[0])
    assert pages[-1] <= pages[2]
    assert (await pen.depth()).total == 1200
    assert len(await pen.accepted()) <= 401
    assert await pen.put(event("0-0", b"x" * 2000)) is PutOutcome.ACCEPTED  # half a year later


async def test_what_waits_is_never_forgotten(pen: SqliteInbox, clock: Clock) -> None:
    await pen.put(event(1))
    clock.ahead_s = 3 * REMEMBERED_S
    await pen.put(event(2))
    await pen.ack([event(2).case_id])
    assert [item.event_id for item in await take(pen, 1)] == ["evt_1"]


async def test_a_file_of_an_earlier_version_is_taken_over(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "inbox.db") as db:
        db.executescript(
            """
            CREATE TABLE inbox (seq INTEGER PRIMARY KEY, case_id TEXT NOT NULL UNIQUE, source TEXT NOT NULL,
              event_id TEXT NOT NULL, content_type TEXT NOT NULL, body BLOB NOT NULL, digest BLOB NOT NULL,
              received_us INTEGER NOT NULL, put_mark INTEGER NOT NULL, leased_at REAL NOT NULL DEFAULT 0,
              leased_until REAL NOT NULL DEFAULT 0, deliveries INTEGER NOT NULL DEFAULT 0, acked_at REAL);
            CREATE INDEX inbox_open ON inbox (seq) WHERE acked_at IS NULL;
            INSERT INTO inbox (case_id, source, event_id, content_type, body, digest, received_us, put_mark)
            VALUES ('case/shop/old', 'shop', 'old', 'application/json', x'7b7d', x'00', 1, 1);
            """
        )
    pen = SqliteInbox(tmp_path / "inbox.db")
    (item,) = await take(pen, 1)
    assert (item.event_id, item.lane) == ("old", PenLane("default"))
    await pen.close()
