"""Ports of this machine, and logs that do not grow for ever."""

import asyncio
import json
import shutil
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from domain.errors import NoFreePortError
from workers.config.data_dir import fold_in_journals, rotate_log
from workers.machine.local_ports import HeldPorts, free_ports, port_answers


def test_free_ports_skips_taken_ones_and_repeats_itself() -> None:
    (base,) = free_ports(23000, 1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", base))
        taken.listen()
        found = free_ports(base, 3)
        assert base not in found
        assert free_ports(base, 3) == found
    assert sorted(set(found)) == found


async def test_port_answers_only_where_somebody_listens() -> None:
    (port,) = free_ports(23100, 1)
    assert not await port_answers("127.0.0.1", port)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)
    assert await port_answers("127.0.0.1", port)
    server.close()
    await server.wait_closed()


def test_free_ports_says_when_there_are_none() -> None:
    with pytest.raises(NoFreePortError, match="fewer than 5 free ports from 65534"):
        free_ports(65534, 5)


def test_a_grown_log_is_moved_aside_and_a_small_one_kept(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    rotate_log(log)
    for text in ("first", "second", "third", "fourth"):
        log.write_text(text)
        rotate_log(log, most_bytes=3, kept=2)
    assert not log.exists()
    assert [Path(f"{log}.{n}").read_text() for n in (1, 2)] == ["fourth", "third"]
    log.write_text("abc")
    rotate_log(log, most_bytes=3)
    assert log.read_text() == "abc"


def test_two_never_hold_the_same_port() -> None:
    """Two `headgate up` that look at the same moment, before the servers of either listen."""
    first = HeldPorts.take(23300, 4)
    second = HeldPorts.take(23300, 4)
    try:
        assert len({*first.numbers, *second.numbers}) == 8
    finally:
        first.release()
        second.release()
    again = HeldPorts.take(23300, 4)
    again.release()
    assert again.numbers == first.numbers, "a second `headgate up` keeps its addresses"


def test_many_processes_that_take_ports_at_once_share_none() -> None:
    code = (
        "import sys; from workers.machine.local_ports import HeldPorts\n"
        "sys.stdin.readline(); taken = HeldPorts.take(23400, 4); print(taken.numbers, flush=True); sys.stdin.readline()"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(5)
    ]
    try:
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        taken = [port for process in started if process.stdout for port in json.loads(process.stdout.readline())]
    finally:
        for process in started:
            process.kill()
            process.communicate()
    assert len(taken) == len(set(taken)) == 20


def test_a_held_port_is_free_for_our_own_server_and_tells_of_a_strangers() -> None:
    held = HeldPorts.take(23500, 2)
    try:
        assert held.used_by_others() == []
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stranger:
            stranger.bind(("127.0.0.1", held.numbers[1]))
            stranger.listen(1)
            assert held.used_by_others() == held.numbers[1:]
            other = HeldPorts.take(held.numbers[0], 2)
            other.release()
            assert not {*other.numbers} & {*held.numbers}
    finally:
        held.release()


def test_too_few_ports_are_said_and_none_is_kept() -> None:
    with pytest.raises(NoFreePortError):
        HeldPorts.take(65534, 5)
    held = HeldPorts.take(65530, 1)
    held.release()


def test_a_backup_that_is_copied_over_a_stopped_store_is_the_store(tmp_path: Path) -> None:
    """SQLite would play the journal beside the file over it, and bring the newer rows back or mix both."""
    with closing(sqlite3.connect(tmp_path / "backup")) as backup:
        backup.executescript("CREATE TABLE t (n); INSERT INTO t VALUES (1);")
    killed = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    killed.execute("PRAGMA journal_mode=WAL")
    killed.execute("CREATE TABLE t (n)")
    killed.execute("INSERT INTO t VALUES (2)")
    for name in ("store.db", "store.db-wal"):  # as a process that was killed leaves them
        shutil.copy(tmp_path / name, tmp_path / f"left-{name}")
    killed.close()
    for name in ("store.db", "store.db-wal"):
        (tmp_path / f"left-{name}").replace(tmp_path / name)

    fold_in_journals(tmp_path)
    shutil.copy(tmp_path / "backup", tmp_path / "store.db")
    with closing(sqlite3.connect(tmp_path / "store.db")) as store:
        assert store.execute("SELECT n FROM t").fetchall() == [(1,)]


def _logged(level: str, kind: str) -> dict[str, object]:
    """The line that a process writes about an activity that failed, as the SDK does."""
    code = (
        "import logging; from workers.json_logs import configure_logging;"
        "from temporalio.exceptions import ApplicationError; from temporalio.activity import logger\n"
        f"configure_logging({level!r})\n"
        f"try: raise ApplicationError('the broker %s is away', type={kind!r})\n"
        "except ApplicationError: logger.warning('Completing activity as failed', exc_info=True)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    (line,) = done.stderr.splitlines()
    found: dict[str, object] = json.loads(line)
    return found


def test_a_try_that_time_mends_is_one_plain_line() -> None:
    line = _logged("info", "TransientError")
    assert (line["event"], "exception" in line) == ("Completing activity as failed: the broker %s is away", False)
    assert "Traceback" in str(_logged("debug", "TransientError")["exception"])
    assert "Traceback" in str(_logged("info", "KeyError")["exception"]), "a bug shows its place"
