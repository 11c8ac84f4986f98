"""The supervisor, with real small processes: what `headgate up` promises on starting, restarting and leaving
nothing behind.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.errors import DataDirInUseError, NoFreePortError, ProcessKeeperError, StartError, StopRequested
from workers.data_dir import rotate_log
from workers.machine import process_keeper as processes
from workers.machine.local_ports import free_ports, port_answers
from workers.machine.process_identity import ProcessRecord, command_of, group_members, start_of
from workers.machine.process_keeper import EventKind, ProcessEvent, ProcessSpec, Supervisor

REPOSITORY = Path(__file__).parents[3]
SLEEPER = "import time; time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
WITH_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


def python(name: str, code: str, *arguments: str, **options: object) -> ProcessSpec:
    return ProcessSpec(name, [sys.executable, "-c", code, *arguments], **options)  # type: ignore[arg-type]


async def eventually(holds: Callable[[], bool], what: str) -> None:
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.02)
    pytest.fail(f"never happened: {what}")


def lives(pid: int) -> bool:
    return start_of(pid) is not None


def said(supervisor: Supervisor, name: str, words: str) -> bool:
    log = supervisor.logs_dir / f"{name}.log"
    return log.exists() and words in log.read_text()


def pids(supervisor: Supervisor) -> list[int]:
    return [status.pid for status in supervisor.status() if status.pid is not None]


@asynccontextmanager
async def supervising(data_dir: Path, events: list[ProcessEvent] | None = None) -> AsyncIterator[Supervisor]:
    listener = None if events is None else events.append
    async with Supervisor(data_dir, on_event=listener, handle_signals=False) as supervisor:
        yield supervisor


async def test_a_variable_can_be_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREIGN", "1")
    code = "import os, time; print(os.environ.get('FOREIGN'), os.environ['OWN'], flush=True); time.sleep(60)"
    async with supervising(tmp_path) as supervisor:
        await supervisor.start([python("worker", code, env={"FOREIGN": None, "OWN": "2"})])
        await eventually(lambda: said(supervisor, "worker", "None 2"), "its variables")


async def test_a_crashed_process_is_started_again(tmp_path: Path) -> None:
    async with supervising(tmp_path) as supervisor:
        await supervisor.start([python("worker", SLEEPER)])
        (first,) = pids(supervisor)
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: pids(supervisor) not in ([], [first]), "a new process")
        assert supervisor.status()[0].restarts == 1


async def test_what_a_crashed_process_had_started_is_gone_before_its_restart(tmp_path: Path) -> None:
    async with supervising(tmp_path) as supervisor:
        await supervisor.start([python("parent", WITH_CHILD)])
        await eventually(lambda: said(supervisor, "parent", "\n"), "the grandchild's pid")
        grandchild = int((supervisor.logs_dir / "parent.log").read_text().split()[0])
        os.kill(pids(supervisor)[0], signal.SIGKILL)
        await eventually(lambda: not lives(grandchild), "the end of the grandchild")


async def test_a_process_that_keeps_dying_at_its_start_fails_with_its_last_words(tmp_path: Path) -> None:
    async with supervising(tmp_path) as supervisor:
        with pytest.raises(StartError, match=r"(?s)'broken' died \d+ times.*no such setting"):
            await supervisor.start([python("broken", "raise SystemExit('no such setting')", ready=lambda: False)])


async def test_a_process_that_never_gets_ready_fails_in_time_and_is_stopped(tmp_path: Path) -> None:
    async with supervising(tmp_path) as supervisor:
        with pytest.raises(StartError, match=r"'slow' was not ready after 0\.2 s"):
            await supervisor.start([python("slow", SLEEPER, ready=lambda: False, ready_timeout_s=0.2)])
        started = pids(supervisor)
    assert started
    assert not any(lives(pid) for pid in started)


async def test_a_missing_program_is_named(tmp_path: Path) -> None:
    async with supervising(tmp_path) as supervisor:
        with pytest.raises(StartError, match="'/nowhere/temporal' was not found"):
            await supervisor.start([ProcessSpec("temporal", ["/nowhere/temporal"])])


async def test_a_name_is_given_once(tmp_path: Path) -> None:
    async with supervising(tmp_path) as supervisor:
        await supervisor.start([python("one", SLEEPER)])
        with pytest.raises(ProcessKeeperError, match="'one' is supervised already"):
            await supervisor.start([python("one", SLEEPER)])


async def test_a_probe_that_raises_only_means_not_yet(tmp_path: Path) -> None:
    answers: Iterator[bool | Exception] = iter([ConnectionError("refused"), False, True])

    async def probe() -> bool:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    events: list[ProcessEvent] = []
    async with supervising(tmp_path, events) as supervisor:
        await supervisor.start([python("gateway", SLEEPER, ready=probe)])
    assert next(answers, None) is None
    assert EventKind.READY in [event.kind for event in events]


async def test_stop_leaves_nothing_and_goes_backwards(tmp_path: Path) -> None:
    events: list[ProcessEvent] = []
    async with supervising(tmp_path, events) as supervisor:
        await supervisor.start([python("temporal", SLEEPER)])
        await supervisor.start([python("worker", SLEEPER)])
        started = pids(supervisor)
    assert len(started) == 2
    assert not any(lives(pid) for pid in started)
    assert [event.name for event in events if event.kind is EventKind.STOPPED] == ["worker", "temporal"]
    assert list(supervisor.run_dir.iterdir()) == []


async def test_a_process_deaf_to_sigterm_is_killed_after_its_grace(tmp_path: Path) -> None:
    events: list[ProcessEvent] = []
    async with supervising(tmp_path, events) as supervisor:
        await supervisor.start([python("deaf", DEAF, stop_grace_s=0.2)])
        await eventually(lambda: said(supervisor, "deaf", "deaf"), "the deaf process to be deaf")
        started = pids(supervisor)
    assert not any(lives(pid) for pid in started)
    assert EventKind.KILLED in [event.kind for event in events]


async def test_stop_between_a_death_and_its_restart_starts_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "BACKOFF_FIRST_S", 600.0)
    events: list[ProcessEvent] = []
    async with supervising(tmp_path, events) as supervisor:
        await supervisor.start([python("worker", SLEEPER)])
        os.kill(pids(supervisor)[0], signal.SIGKILL)
        await eventually(lambda: pids(supervisor) == [], "the death")
    assert [event.kind for event in events].count(EventKind.STARTED) == 1


async def test_asked_to_stop_while_starting(tmp_path: Path) -> None:
    started: list[int] = []
    async with supervising(tmp_path) as supervisor:
        asyncio.get_running_loop().call_later(0.3, supervisor.request_stop)
        try:
            await supervisor.start([python("slow", SLEEPER, ready=lambda: False)])
        except StopRequested:
            started = pids(supervisor)
            raise
    assert started
    assert not any(lives(pid) for pid in started)


async def test_a_second_supervisor_on_the_same_data_dir_is_told_who_has_it(tmp_path: Path) -> None:
    async with supervising(tmp_path):
        with pytest.raises(DataDirInUseError, match=rf"pid {os.getpid()}\b"):
            async with supervising(tmp_path):
                pytest.fail("two supervisors on one data dir")
    async with supervising(tmp_path):
        pass


SUPERVISE = textwrap.dedent(
    """
    import asyncio, sys
    from pathlib import Path
    from workers.machine.process_keeper import ProcessSpec, Supervisor

    async def main():
        programs = enumerate(sys.argv[2:])
        specs = [ProcessSpec(f"p{i}", [sys.executable, "-c", code], stop_grace_s=600) for i, code in programs]
        async with Supervisor(Path(sys.argv[1])) as supervisor:
            await supervisor.start(specs)
            print(*(s.pid for s in supervisor.status()), flush=True)
            await supervisor.until_stopped()
        return supervisor.exit_code

    sys.exit(asyncio.run(main()))
    """
)


@asynccontextmanager
async def supervisor_process(
    data_dir: Path, *programs: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, list[int]]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SUPERVISE, str(data_dir), *programs, stdout=subprocess.PIPE, cwd=REPOSITORY
    )
    assert process.stdout is not None
    children = [int(pid) for pid in (await process.stdout.readline()).split()]
    try:
        yield process, children
    finally:
        for pid in [process.pid, *children]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await process.wait()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ties a child's life to its parent's")
async def test_kill_9_of_the_supervisor_takes_its_processes_down(tmp_path: Path) -> None:
    async with supervisor_process(tmp_path, SLEEPER, DEAF) as (process, children):
        assert len(children) == 2
        process.kill()
        await eventually(lambda: not any(lives(pid) for pid in children), "the end of the children")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_stops_all_with_exit_code_0(tmp_path: Path, number: signal.Signals) -> None:
    async with supervisor_process(tmp_path, SLEEPER, SLEEPER) as (process, children):
        process.send_signal(number)
        assert await process.wait() == 0
        assert not any(lives(pid) for pid in children)


async def test_a_second_ctrl_c_kills_at_once(tmp_path: Path) -> None:
    async with supervisor_process(tmp_path, DEAF) as (process, children):
        log = tmp_path / "logs" / "p0.log"
        await eventually(lambda: "deaf" in log.read_text(), "the deaf process to be deaf")
        process.send_signal(signal.SIGINT)
        stopping = tmp_path / "logs" / "supervisor.log"
        await eventually(lambda: "stopping" in stopping.read_text(), "the stop to begin")
        process.send_signal(signal.SIGINT)
        assert await process.wait() == processes.KILLED_BY_PERSON
        assert not any(lives(pid) for pid in children)


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
    async with supervising(data_dir) as supervisor:
        assert list(supervisor.run_dir.iterdir()) == []


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
    async with supervising(tmp_path) as supervisor:
        assert list(supervisor.run_dir.iterdir()) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc to find the members of a group")
async def test_grandchildren_that_outlived_a_killed_run_are_stopped_at_the_next_start(tmp_path: Path) -> None:
    async with supervisor_process(tmp_path, WITH_CHILD) as (process, children):
        log = tmp_path / "logs" / "p0.log"
        await eventually(lambda: "\n" in log.read_text(), "the grandchild's pid")
        grandchild = int(log.read_text())
        process.kill()
        await process.wait()
        try:
            await eventually(lambda: not any(lives(pid) for pid in children), "the end of its parent")
            assert lives(grandchild)
            async with supervising(tmp_path):
                assert not lives(grandchild)
        finally:
            with suppress(ProcessLookupError):
                os.kill(grandchild, signal.SIGKILL)


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
