"""The process keeper, with real small processes: what `headgate up` promises on starting, restarting and leaving
nothing behind."""

import asyncio
import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from client.which import UP_LOCK
from domain.errors import DataDirInUseError, ProcessKeeperError, StartError, StopRequested
from tests.unit.workers.machine.keepers import (
    DEAF,
    SLEEPER,
    WITH_CHILD,
    eventually,
    keeper_process,
    keeping,
    lives,
    pids,
    python,
    said,
)
from workers.machine import kept_process
from workers.machine.process_keeper import KILLED_BY_PERSON
from workers.machine.process_specs import EventKind, ProcessEvent, ProcessSpec


async def test_a_variable_can_be_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREIGN", "1")
    code = "import os, time; print(os.environ.get('FOREIGN'), os.environ['OWN'], flush=True); time.sleep(60)"
    async with keeping(tmp_path) as keeper:
        await keeper.start([python("worker", code, env={"FOREIGN": None, "OWN": "2"})])
        await eventually(lambda: said(keeper, "worker", "None 2"), "its variables")


async def test_a_crashed_process_is_started_again(tmp_path: Path) -> None:
    async with keeping(tmp_path) as keeper:
        await keeper.start([python("worker", SLEEPER)])
        (first,) = pids(keeper)
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: pids(keeper) not in ([], [first]), "a new process")
        assert keeper.status()[0].restarts == 1


async def test_what_a_crashed_process_had_started_is_gone_before_its_restart(tmp_path: Path) -> None:
    async with keeping(tmp_path) as keeper:
        await keeper.start([python("parent", WITH_CHILD)])
        await eventually(lambda: said(keeper, "parent", "\n"), "the grandchild's pid")
        grandchild = int((keeper.logs_dir / "parent.log").read_text().split()[0])
        os.kill(pids(keeper)[0], signal.SIGKILL)
        await eventually(lambda: not lives(grandchild), "the end of the grandchild")


async def test_a_process_that_keeps_dying_at_its_start_fails_with_its_last_words(tmp_path: Path) -> None:
    async with keeping(tmp_path) as keeper:
        with pytest.raises(StartError, match=r"(?s)'broken' died \d+ times.*no such setting"):
            await keeper.start([python("broken", "raise SystemExit('no such setting')", ready=lambda: False)])


async def test_a_process_that_never_gets_ready_fails_in_time_and_is_stopped(tmp_path: Path) -> None:
    async with keeping(tmp_path) as keeper:
        with pytest.raises(StartError, match=r"'slow' was not ready after 0\.2 s"):
            await keeper.start([python("slow", SLEEPER, ready=lambda: False, ready_timeout_s=0.2)])
        started = pids(keeper)
    assert started
    assert not any(lives(pid) for pid in started)


async def test_a_missing_program_is_named(tmp_path: Path) -> None:
    async with keeping(tmp_path) as keeper:
        with pytest.raises(StartError, match="'/nowhere/temporal' was not found"):
            await keeper.start([ProcessSpec("temporal", ["/nowhere/temporal"])])


async def test_a_name_is_given_once(tmp_path: Path) -> None:
    async with keeping(tmp_path) as keeper:
        await keeper.start([python("one", SLEEPER)])
        with pytest.raises(ProcessKeeperError, match="'one' is kept already"):
            await keeper.start([python("one", SLEEPER)])


async def test_a_probe_that_raises_only_means_not_yet(tmp_path: Path) -> None:
    answers: Iterator[bool | Exception] = iter([ConnectionError("refused"), False, True])

    async def probe() -> bool:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    events: list[ProcessEvent] = []
    async with keeping(tmp_path, events) as keeper:
        await keeper.start([python("gateway", SLEEPER, ready=probe)])
    assert next(answers, None) is None
    assert EventKind.READY in [event.kind for event in events]


async def test_stop_leaves_nothing_and_goes_backwards(tmp_path: Path) -> None:
    events: list[ProcessEvent] = []
    async with keeping(tmp_path, events) as keeper:
        await keeper.start([python("temporal", SLEEPER)])
        await keeper.start([python("worker", SLEEPER)])
        started = pids(keeper)
    assert len(started) == 2
    assert not any(lives(pid) for pid in started)
    assert [event.name for event in events if event.kind is EventKind.STOPPED] == ["worker", "temporal"]
    assert list(keeper.run_dir.iterdir()) == []


async def test_a_process_deaf_to_sigterm_is_killed_after_its_grace(tmp_path: Path) -> None:
    events: list[ProcessEvent] = []
    async with keeping(tmp_path, events) as keeper:
        await keeper.start([python("deaf", DEAF, stop_grace_s=0.2)])
        await eventually(lambda: said(keeper, "deaf", "deaf"), "the deaf process to be deaf")
        started = pids(keeper)
    assert not any(lives(pid) for pid in started)
    assert EventKind.KILLED in [event.kind for event in events]


async def test_stop_between_a_death_and_its_restart_starts_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_process, "BACKOFF_FIRST_S", 600.0)
    events: list[ProcessEvent] = []
    async with keeping(tmp_path, events) as keeper:
        await keeper.start([python("worker", SLEEPER)])
        os.kill(pids(keeper)[0], signal.SIGKILL)
        await eventually(lambda: pids(keeper) == [], "the death")
    assert [event.kind for event in events].count(EventKind.STARTED) == 1


async def test_asked_to_stop_while_starting(tmp_path: Path) -> None:
    started: list[int] = []
    async with keeping(tmp_path) as keeper:
        asyncio.get_running_loop().call_later(0.3, keeper.request_stop)
        try:
            await keeper.start([python("slow", SLEEPER, ready=lambda: False)])
        except StopRequested:
            started = pids(keeper)
            raise
    assert started
    assert not any(lives(pid) for pid in started)


async def test_a_second_keeper_on_the_same_data_dir_is_told_who_has_it(tmp_path: Path) -> None:
    async with keeping(tmp_path):
        with pytest.raises(DataDirInUseError, match=rf"pid {os.getpid()}\b"):
            async with keeping(tmp_path):
                pytest.fail("two keepers on one data dir")
    async with keeping(tmp_path):
        pass


async def test_a_command_that_asks_for_a_moment_whether_up_runs_does_not_keep_it_from_starting(tmp_path: Path) -> None:
    with (tmp_path / UP_LOCK).open("w") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        asyncio.get_running_loop().run_in_executor(None, lambda: (time.sleep(0.05), fcntl.flock(asking, fcntl.LOCK_UN)))
        async with keeping(tmp_path):
            pass


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ties a child's life to its parent's")
async def test_kill_9_of_the_keeper_takes_its_processes_down(tmp_path: Path) -> None:
    async with keeper_process(tmp_path, SLEEPER, DEAF) as (process, children):
        assert len(children) == 2
        process.kill()
        await eventually(lambda: not any(lives(pid) for pid in children), "the end of the children")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_stops_all_with_exit_code_0(tmp_path: Path, number: signal.Signals) -> None:
    async with keeper_process(tmp_path, SLEEPER, SLEEPER) as (process, children):
        process.send_signal(number)
        assert await process.wait() == 0
        assert not any(lives(pid) for pid in children)


async def test_a_second_ctrl_c_kills_at_once(tmp_path: Path) -> None:
    async with keeper_process(tmp_path, DEAF) as (process, children):
        log = tmp_path / "logs" / "p0.log"
        await eventually(lambda: "deaf" in log.read_text(), "the deaf process to be deaf")
        process.send_signal(signal.SIGINT)
        stopping = tmp_path / "logs" / "supervisor.log"
        await eventually(lambda: "stopping" in stopping.read_text(), "the stop to begin")
        process.send_signal(signal.SIGINT)
        assert await process.wait() == KILLED_BY_PERSON
        assert not any(lives(pid) for pid in children)
