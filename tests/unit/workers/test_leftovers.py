"""What a killed run has left is stopped, and never a stranger."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.workers.machine.keepers import SLEEPER, WITH_CHILD, eventually, keeper_process, keeping, lives
from workers.machine.process_identity import ProcessRecord, command_of, group_members


@pytest.fixture
async def stranger() -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SLEEPER, "stranger", start_new_session=True)
    await eventually(lambda: "stranger" in command_of(process.pid), "the stranger's own command line")
    yield process
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


async def leave_record(data_dir: Path, record: ProcessRecord) -> None:
    (data_dir / "run").mkdir(parents=True)
    record.write(data_dir / "run" / "worker.json")
    async with keeping(data_dir) as keeper:
        assert list(keeper.run_dir.iterdir()) == []


async def test_a_leftover_of_a_killed_run_is_stopped(tmp_path: Path, stranger: asyncio.subprocess.Process) -> None:
    record = ProcessRecord.of(stranger.pid, [sys.executable, "-c", SLEEPER, "stranger"])
    assert record is not None
    await leave_record(tmp_path, record)
    assert not lives(stranger.pid)


LEADER_FIRST = """
import ctypes, socket, sys, threading, time
listening = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=time.sleep, args=(60,)).start()
print(listening.getsockname()[1], flush=True)
ctypes.CDLL(None).pthread_exit(None)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere ps tells")
async def test_a_process_runs_until_its_last_thread_has_let_go_of_its_ports(tmp_path: Path) -> None:
    """The first thread of a killed server is a zombie while the others still end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LEADER_FIRST, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    port = int(await process.stdout.readline())
    record = ProcessRecord.of(process.pid, [sys.executable, "-c", LEADER_FIRST])
    assert record is not None
    await eventually(lambda: not command_of(process.pid), "the end of the first thread")
    socket.create_connection(("127.0.0.1", port)).close()
    assert record.is_running()
    assert process.pid in group_members(process.pid)
    await leave_record(tmp_path, record)
    assert not lives(process.pid)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    await process.wait()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"started": "an-earlier-boot:1"}, id="the pid was given to another process since"),
        pytest.param({"command": ("temporal", "server", "start-dev")}, id="another command"),
    ],
)
async def test_a_stale_record_never_kills_a_stranger(
    tmp_path: Path, stranger: asyncio.subprocess.Process, change: dict[str, Any]
) -> None:
    record = ProcessRecord.of(stranger.pid, [sys.executable, "-c", SLEEPER, "stranger"])
    assert record is not None
    await leave_record(tmp_path, replace(record, **change))
    assert lives(stranger.pid)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x", "started": "", "command": []}', '{"pid": 1}'])
async def test_a_record_that_cannot_be_read_is_no_record(tmp_path: Path, text: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "worker.json").write_text(text)
    async with keeping(tmp_path) as keeper:
        assert list(keeper.run_dir.iterdir()) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc to find the members of a group")
async def test_grandchildren_that_outlived_a_killed_run_are_stopped_at_the_next_start(tmp_path: Path) -> None:
    async with keeper_process(tmp_path, WITH_CHILD) as (process, children):
        log = tmp_path / "logs" / "p0.log"
        await eventually(lambda: "\n" in log.read_text(), "the grandchild's pid")
        grandchild = int(log.read_text())
        process.kill()
        await process.wait()
        try:
            await eventually(lambda: not any(lives(pid) for pid in children), "the end of its parent")
            assert lives(grandchild)
            async with keeping(tmp_path):
                assert not lives(grandchild)
        finally:
            with suppress(ProcessLookupError):
                os.kill(grandchild, signal.SIGKILL)
