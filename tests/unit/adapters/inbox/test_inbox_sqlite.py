"""One contract for holding pens, and what the SQLite one adds: group commit, full disks, kill -9."""

import asyncio
import hashlib
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.inbox.sqlite import SqliteInbox
from domain.errors import TransientError
from ports.incoming.inbox import Inbox, InboxItem, PutOutcome
from tests.fakes.inbox import FakeInbox

ROOT = Path(__file__).parents[4]


class Clock:
    """A clock that tests set forward."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC).timestamp()

    def __call__(self) -> float:
        return self.now


def item(n: int | str, body: bytes = b'{"text": "hi"}', *, after_s: float = 0.0) -> InboxItem:
    return InboxItem(
        case_id=f"case/shop/evt_{n}",
        source="shop",
        event_id=f"evt_{n}",
        content_type="application/json",
        body=body,
        digest=hashlib.sha256(body).hexdigest(),
        received_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=after_s),
    )


Pen = SqliteInbox | FakeInbox
Make = Callable[..., Pen]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "fake"])
async def make(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[Make]:
    made: list[Pen] = []

    def build(max_waiting: int = 200_000) -> Pen:
        if request.param == "fake":
            made.append(FakeInbox(max_waiting=max_waiting, clock=clock))
        else:
            made.append(SqliteInbox(tmp_path / "inbox.db", max_waiting=max_waiting, clock=clock))
        return made[-1]

    yield build
    for inbox in made:
        await inbox.close()


@pytest.fixture
async def inbox(make: Make) -> Inbox:
    return make()


# --- the contract ---


async def test_what_is_put_is_leased_as_it_came(inbox: Inbox) -> None:
    body = bytes(range(256))
    assert await inbox.put(item(1, body)) is PutOutcome.ACCEPTED
    assert await inbox.lease(10, 60) == [replace(item(1, body), deliveries=1)]


async def test_the_same_event_is_kept_once(inbox: Inbox) -> None:
    assert await inbox.put(item(1)) is PutOutcome.ACCEPTED
    assert await inbox.put(item(1, after_s=5)) is PutOutcome.DUPLICATE
    assert await inbox.put(item(1, b"other")) is PutOutcome.CONFLICT
    assert [i.body for i in await inbox.lease(10, 60)] == [item(1).body]


async def test_duplicates_are_known_after_the_acknowledgement(inbox: Inbox) -> None:
    await inbox.put(item(1))
    await inbox.lease(10, 60)
    await inbox.ack([item(1).case_id])
    assert await inbox.put(item(1)) is PutOutcome.DUPLICATE
    assert await inbox.put(item(1, b"other")) is PutOutcome.CONFLICT
    assert await inbox.lease(10, 60) == []
    assert await inbox.accepted() == [item(1).case_id]


async def test_fifty_parallel_duplicates_are_one(inbox: Inbox) -> None:
    outcomes = await asyncio.gather(*(inbox.put(item(1)) for _ in range(50)))
    assert sorted(outcomes) == [PutOutcome.ACCEPTED] + [PutOutcome.DUPLICATE] * 49
    assert (await inbox.depth()).total == 1


async def test_of_two_bodies_at_once_one_stands(inbox: Inbox) -> None:
    outcomes = await asyncio.gather(*(inbox.put(item(1, b"%d" % (n % 2))) for n in range(20)))
    assert sorted(outcomes) == [PutOutcome.ACCEPTED] + [PutOutcome.CONFLICT] * 10 + [PutOutcome.DUPLICATE] * 9


async def test_leases_are_oldest_first_and_exclusive(inbox: Inbox) -> None:
    for n in range(5):
        await inbox.put(item(n))
    first, second = await inbox.lease(3, 60), await inbox.lease(10, 60)
    assert [i.event_id for i in first] == ["evt_0", "evt_1", "evt_2"]
    assert [i.event_id for i in second] == ["evt_3", "evt_4"]
    assert await inbox.lease(10, 60) == []


async def test_what_is_not_acknowledged_comes_back(inbox: Inbox, clock: Clock) -> None:
    await inbox.put(item(1))
    await inbox.lease(1, 60)
    clock.now += 59
    assert await inbox.lease(1, 60) == []
    clock.now += 2
    assert [i.deliveries for i in await inbox.lease(1, 60)] == [2]


async def test_acknowledging_twice_or_the_unknown_changes_nothing(inbox: Inbox) -> None:
    await inbox.put(item(1))
    await inbox.put(item(2))
    await inbox.ack([item(1).case_id, item(1).case_id, "case/shop/unknown"])
    await inbox.ack([item(1).case_id])
    assert [i.event_id for i in await inbox.lease(10, 60)] == ["evt_2"]


async def test_depth_counts_what_waits(inbox: Inbox, clock: Clock) -> None:
    for n in range(4):
        await inbox.put(item(n, after_s=n))
    await inbox.lease(1, 60)
    await inbox.ack([item(1).case_id])
    clock.now += 30
    depth = await inbox.depth()
    assert (depth.ready, depth.leased, depth.total) == (2, 1, 4)
    assert depth.oldest_s == pytest.approx(30)
    clock.now += 60
    assert (await inbox.depth()).ready == 3


async def test_an_empty_pen_has_no_depth(inbox: Inbox) -> None:
    assert (await inbox.depth()).model_dump() == {"ready": 0, "leased": 0, "total": 0, "oldest_s": 0.0, "lanes": {}}
    assert await inbox.accepted() == []


async def test_accepted_ids_come_in_pages(inbox: Inbox) -> None:
    for n in (3, 1, 2):
        await inbox.put(item(n))
    page = await inbox.accepted(limit=2)
    assert page == ["case/shop/evt_1", "case/shop/evt_2"]
    assert await inbox.accepted(after=page[-1]) == ["case/shop/evt_3"]


async def test_a_full_pen_refuses_until_some_are_done(make: Make) -> None:
    inbox = make(max_waiting=3)
    for n in range(3):
        await inbox.put(item(n))
    with pytest.raises(TransientError, match="send again"):
        await inbox.put(item(4))
    await inbox.ack([item(0).case_id])
    assert await inbox.put(item(4)) is PutOutcome.ACCEPTED


# --- SQLite ---


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Callable[..., SqliteInbox]]:
    made: list[SqliteInbox] = []

    def build(path: Path = tmp_path / "inbox.db", **settings: object) -> SqliteInbox:
        made.append(SqliteInbox(path, **settings))  # type: ignore[arg-type]
        return made[-1]

    yield build
    for inbox in made:
        await inbox.close()


Open = Callable[..., SqliteInbox]


async def test_many_puts_share_a_commit(opened: Open) -> None:
    inbox = opened()
    await asyncio.gather(*(inbox.put(item(n)) for n in range(200)))
    assert (await inbox.depth()).total == 200
    assert inbox.commits < 40


async def test_two_processes_share_the_file(opened: Open) -> None:
    gateway, worker = opened(), opened()
    await asyncio.gather(*(gateway.put(item(n)) for n in range(50)))
    taken: list[str] = []

    async def work() -> None:
        while len(taken) < 100:
            batch = await worker.lease(7, 60)
            await worker.ack([i.case_id for i in batch])
            taken.extend(i.case_id for i in batch)
            await asyncio.sleep(0.001)

    async def receive() -> None:
        for n in range(50, 100):
            await gateway.put(item(n))

    await asyncio.wait_for(asyncio.gather(work(), receive()), 30)
    assert len(taken) == len(set(taken)) == 100


async def test_a_lease_taken_by_a_clock_that_ran_ahead_does_not_hold_for_a_day(opened: Open, clock: Clock) -> None:
    ahead, right = Clock(), clock
    ahead.now += 86_400
    await opened(clock=ahead).put(item(1))
    assert await opened(clock=ahead).lease(1, 60)
    assert [i.deliveries for i in await opened(clock=right).lease(1, 60)] == [2]


async def test_bodies_leave_the_file_a_day_after_they_were_acknowledged(opened: Open, tmp_path: Path) -> None:
    now = [1_000_000.0]
    inbox = opened(clock=lambda: now[0])

    async def bodies_after(hours: float, n: int) -> list[tuple[bytes, int]]:
        now[0] += hours * 3600
        await inbox.put(item(n, b"personal"))
        await inbox.ack([item(n).case_id])
        with sqlite3.connect(tmp_path / "inbox.db") as db:
            return db.execute("SELECT body, length(digest) FROM inbox ORDER BY seq").fetchall()

    assert await bodies_after(0, 1) == [(b"personal", 32)]
    assert await bodies_after(23.9, 2) == [(b"personal", 32)] * 2
    assert await bodies_after(0.2, 3) == [(b"", 32), (b"personal", 32), (b"personal", 32)]


async def test_what_a_store_has_lost_is_put_back_as_long_as_its_body_is_there(opened: Open) -> None:
    now = [1_000_000.0]
    inbox = opened(clock=lambda: now[0])
    ids = [item(n).case_id for n in (1, 2, 3)]
    await inbox.put(item(1))
    await inbox.ack(ids[:1])
    now[0] += 25 * 3600
    for n in (2, 3):
        await inbox.put(item(n))
    await inbox.ack(ids[1:2])
    assert await inbox.acknowledged([*ids, "case/shop/never"]) == {ids[0]: False, ids[1]: True}
    assert await inbox.put_back([*ids, "case/shop/never"]) == 1
    assert await inbox.put_back(ids) == 0, "a second time changes nothing"
    assert [(i.case_id, i.deliveries) for i in await inbox.lease(10, 60)] == [(ids[1], 1), (ids[2], 1)]
    assert await inbox.put(item(2)) is PutOutcome.DUPLICATE


async def test_a_full_file_refuses_and_takes_again_once_there_is_room(opened: Open, tmp_path: Path) -> None:
    """SQLITE_FULL is the answer of a full disk; here the file itself is capped."""
    small = opened(max_file_bytes=64 * 1024, keep_s=0)
    confirmed: list[int] = []

    async def fill() -> None:
        for n in range(100):
            await small.put(item(n, b"x" * 2000))
            confirmed.append(n)

    with pytest.raises(TransientError, match="full"):
        await fill()
    assert confirmed
    assert await small.put(item(confirmed[-1], b"x" * 2000)) is PutOutcome.DUPLICATE
    await small.ack([item(n).case_id for n in confirmed])
    assert await small.put(item("later", b"y" * 2000)) is PutOutcome.ACCEPTED
    assert (await small.depth()).total == len(confirmed) + 1


async def test_a_broken_file_refuses_and_takes_again_once_mended(opened: Open, tmp_path: Path) -> None:
    folder = tmp_path / "not-yet"
    inbox = opened(folder / "inbox.db")
    with pytest.raises(TransientError, match="unable to open"):
        await inbox.put(item(1))
    with pytest.raises(TransientError, match="unable to open"):
        await inbox.depth()
    folder.mkdir()
    assert await inbox.put(item(1)) is PutOutcome.ACCEPTED
    assert (await inbox.depth()).ready == 1


async def test_a_file_that_is_no_database_refuses(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "inbox.db").write_bytes(b"this is no database, and never was one. " * 100)
    with pytest.raises(TransientError, match="not a database"):
        await opened().put(item(1))


async def test_a_disk_that_hangs_refuses_in_time(opened: Open, tmp_path: Path) -> None:
    """Somebody else holds the write lock for longer than the sender may wait."""
    inbox = opened(put_timeout_s=2.0)
    await inbox.put(item(1))
    blocker = sqlite3.connect(tmp_path / "inbox.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(TransientError, match="did not confirm"):
        await inbox.put(item(2))
    blocker.execute("ROLLBACK")
    blocker.close()
    assert await inbox.put(item(3)) is PutOutcome.ACCEPTED


async def test_puts_of_several_event_loops_are_resolved_in_their_own(opened: Open) -> None:
    inbox = opened()
    seen: list[PutOutcome] = []

    def other_loop() -> None:
        async def run() -> None:
            seen.extend(await asyncio.gather(*(inbox.put(item(f"t{n}")) for n in range(20))))

        asyncio.run(run())

    threads = [threading.Thread(target=other_loop) for _ in range(2)]
    for thread in threads:
        thread.start()
    await asyncio.gather(*(inbox.put(item(n)) for n in range(20)))
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert sorted(seen) == [PutOutcome.ACCEPTED] * 20 + [PutOutcome.DUPLICATE] * 20
    assert (await inbox.depth()).total == 40


_SENDER = """
import asyncio, hashlib, os, resource, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from ports.incoming.inbox import InboxItem
from adapters.inbox.sqlite import SqliteInbox
from domain.errors import TransientError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
inbox = SqliteInbox(Path(sys.argv[1]))

async def put(n):
    body = b"payload %d " % n * 40
    item = InboxItem(case_id=f"case/shop/evt_{n:06}", source="shop", event_id=f"evt_{n:06}", content_type="text/plain",
                     body=body, digest=hashlib.sha256(body).hexdigest(), received_at=datetime.now(UTC))
    await inbox.put(item)
    os.write(1, f"{item.case_id}\\n".encode())

async def for_ever():
    n = 0
    while True:
        await asyncio.gather(*(put(n + i) for i in range(32)))
        n += 32

async def within_a_limit():
    await put(0)
    room = os.path.getsize(sys.argv[1] + "-wal") + 40_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    n, refused = 1, 0
    while not refused:
        try:
            await put(n)
            n += 1
        except TransientError:
            refused = n
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    for again in range(refused, refused + 20):
        await put(again)

asyncio.run(for_ever() if sys.argv[2] == "for_ever" else within_a_limit())
"""


async def test_every_confirmed_put_survives_kill_9(opened: Open, tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", _SENDER, str(tmp_path / "inbox.db"), "for_ever"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, cwd=ROOT, text=True) as sender:  # noqa: ASYNC220
        assert sender.stdout is not None
        confirmed = [sender.stdout.readline().strip() for _ in range(300)]
        sender.send_signal(signal.SIGKILL)
        confirmed += [line.strip() for line in sender.stdout if line.endswith("\n")]
    kept = set(await opened().accepted(limit=1_000_000))
    assert len(confirmed) >= 300
    assert set(confirmed) <= kept


async def test_a_disk_without_room_refuses_and_nothing_confirmed_is_lost(opened: Open, tmp_path: Path) -> None:
    """The limit on file size makes the real write fail in the middle of a commit."""
    arguments = [sys.executable, "-c", _SENDER, str(tmp_path / "inbox.db"), "within_a_limit"]
    command = asyncio.to_thread(subprocess.run, arguments, capture_output=True, cwd=ROOT, text=True, timeout=60)
    run = await command
    assert run.returncode == 0, run.stderr
    confirmed = run.stdout.split()
    assert len(confirmed) > 21
    inbox = opened()
    assert set(confirmed) <= set(await inbox.accepted(limit=1_000_000))
    assert all(hashlib.sha256(i.body).hexdigest() == i.digest for i in await inbox.lease(1000, 60))
