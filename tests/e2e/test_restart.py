"""Everything killed at once, ended by SIGTERM, started twice: the data dir is all that Headgate needs."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.fault_table import FaultTable
from tests.e2e.running import (
    HEADGATE,
    PROJECT,
    SAMPLES,
    Running,
    answering,
    audited,
    eventually,
    left_running,
    paid_as_recorded,
    sample_messages,
    settled,
)
from workers.machine.process_identity import start_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

PORT_BASE = 20_600
SENT = {f"case/shop/{m['id']}" for m in sample_messages()}


@pytest.fixture(scope="module")
def running(start_headgate: Callable[..., Running]) -> Running:
    return start_headgate("--samples", port_base=PORT_BASE)


def test_a_second_up_on_the_same_data_dir_is_refused(running: Running) -> None:
    before = running.endpoints
    second = subprocess.run(
        [*running.argv[:-1], "--port-base", str(PORT_BASE + 40)],
        cwd=PROJECT,
        env=running.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 3
    assert f"in use by another `headgate up` (pid {running.process.pid})" in second.stderr
    assert "choose another --data-dir" in second.stderr
    assert "Traceback" not in second.stderr
    assert running.endpoints == before, "the first one is not disturbed"
    assert running.json("status")["cases"] == {}


def test_nothing_in_a_data_dir_is_open_to_others(running: Running) -> None:
    """Databases, Temporal's too, logs, secrets and the folder itself, whatever the account's own mask says."""
    made = ("temporal.db", "store.db", "inbox.db", "logs/gateway.log")
    eventually(lambda: all((running.data_dir / name).exists() for name in made), 60, "a file was not made")
    found = [running.data_dir, *running.data_dir.rglob("*")]
    assert [str(path) for path in found if path.lstat().st_mode & 0o077] == []


async def test_all_killed_in_mid_run_goes_on_where_it_was_cut(running: Running, fault_table: FaultTable) -> None:
    sent = running.json("submit", str(SAMPLES))
    assert set(sent["case_ids"]) == SENT
    eventually(lambda: len(running.states()) >= 40, 120, "no cases came in")
    processes = left_running(running.data_dir)
    assert len(processes) >= 8, "Temporal, offline model, gateway and five workers"
    ports = running.ports

    running.kill_all()
    # By their ids: one that is ending has lost the mark that it is found by.
    eventually(lambda: not any(map(start_of, processes)), 30, "processes outlived their keeper")
    assert left_running(running.data_dir) == []
    assert answering(ports) == []
    left = running.command("cases", "list")
    assert (left.returncode, "has ended" in left.stderr) == (3, True), "its endpoints.json is still there"
    running.start()
    lifted = time.monotonic()

    assert running.ports == ports, "a restart keeps its addresses"
    states = settled(running, SENT)
    assert set(running.states()) == SENT
    assert set(states.values()) <= {"done", "rejected", "waiting_human", "waiting_approval", "waiting_customer"}
    audited(running)
    assert len(await paid_as_recorded(running)) > 20
    await fault_table.add(running, "everything killed at once", "S1 S2 L1", SENT, lifted=lifted)
    # What was sent before the cut is known after it.
    again = running.json("submit", str(SAMPLES))
    assert (again["accepted"], again["duplicates"]) == (0, len(sample_messages()))


async def test_ended_by_sigterm_nothing_runs_and_everything_is_kept(running: Running) -> None:
    states = running.states()
    paid = await running.paid()
    secrets = running.endpoints["sources"]
    ports = running.ports

    assert running.stop() == 0
    assert left_running(running.data_dir) == []
    assert answering(ports) == []
    assert list((running.data_dir / "run").iterdir()) == []

    running.start()
    assert running.states() == states
    assert await running.paid() == paid
    assert running.endpoints["sources"] == secrets
    # What waited for a person waits for the same still, and can be decided.
    (waiting, *_) = running.json("approvals", "list")["approvals"]
    assert running.command("approvals", "approve", waiting["approval_id"], "--by", "finance").returncode == 0
    eventually(lambda: running.states()[waiting["case_id"]] == "done", 60, "the approved refund was not paid")
    assert len(await paid_as_recorded(running)) == len(paid) + 1


def test_while_nothing_runs_commands_say_so(running: Running) -> None:
    assert running.stop() == 0
    for arguments in (("cases", "list"), ("status",), ("audit",), ("submit", str(SAMPLES)), ("intake", "show")):
        done = running.command(*arguments)
        assert done.returncode == 3, arguments
        assert "headgate up" in done.stderr, arguments
        assert "Traceback" not in done.stderr, arguments


def test_a_signal_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    log = tmp_path / "up.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*HEADGATE, "up", "--data-dir", str(data_dir), "--port-base", str(PORT_BASE + 80)],
            cwd=PROJECT,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        eventually(lambda: left_running(data_dir), 60, "nothing was started", every=0.1)
        os.kill(process.pid, signal.SIGTERM)
        process.wait(60)
    finally:
        process.kill()
    assert left_running(data_dir) == []
    assert "Traceback" not in log.read_text()
