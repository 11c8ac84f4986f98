"""A case worker whose Temporal core has lost a run ends by itself and is started anew; its cases go on."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.running import Running, audited, eventually, settled

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PORT_BASE = 26_300
LOST = "Extra buffered run should not have produced an activation"
ASKED = "say-lost"
# Python reads this at the start of every process. The case worker then says once what core says when it has lost a run,
# on the way that all words of core take, as soon as a file asks for it.
PLANTED = f"""
import os, sys, threading, time
from pathlib import Path
from types import SimpleNamespace

def say_once_asked():
    asked = Path(os.environ["HEADGATE_DATA_DIR"]) / "{ASKED}"
    while not asked.exists():
        time.sleep(0.2)
    asked.unlink()
    from workers.running import core_logs
    core_logs.SHORTEST_LIFE_S = 1.0
    target = "temporalio_sdk_core::worker::workflow::workflow_stream"
    said = SimpleNamespace(target=target, message="{LOST}", level=40, time=time.time(), fields={{}})
    core_logs.forwarding()._on_logs([said])

if sys.orig_argv[-3:] == ["worker", "--role", "case"]:
    threading.Thread(target=say_once_asked, daemon=True).start()
"""


def planted(folder: Path) -> dict[str, str]:
    (folder / "sitecustomize.py").write_text(PLANTED, "utf-8")
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))}


def logged(running: Running) -> list[dict[str, Any]]:
    lines = (running.data_dir / "logs" / "worker-case.log").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def message(text: str) -> dict[str, Any]:
    return {"text": text, "customer": {"id": "C-1001"}}


def test_a_case_worker_that_lost_a_run_is_started_anew_and_its_cases_go_on(
    start_headgate: Callable[..., Running], tmp_path: Path
) -> None:
    running = start_headgate("--samples", port_base=PORT_BASE, env=planted(tmp_path))
    waiting = running.hand_in("evt-waits", message("I would like to work for you as an accountant. My CV is attached."))
    assert settled(running, [waiting]) == {waiting: "waiting_human"}
    old = running.pid("worker-case")
    assert old is not None

    (running.data_dir / ASKED).touch()
    running.await_restart("worker-case", old)

    died = [
        line for line in (running.data_dir / "logs" / "supervisor.log").read_text().splitlines() if " died " in line
    ]
    assert len(died) == 1
    assert "worker-case" in died[0]
    assert "exit code 75: asked to be started anew" in died[0]
    [told] = [line for line in logged(running) if line["logger"] == "headgate.worker" and line["level"] == "error"]
    assert LOST in told["event"]
    assert [line["event"] for line in logged(running) if line["logger"] == "temporalio.core"] == [LOST]

    fresh = running.hand_in("evt-fresh", message("How do I reset my password? The link in your mail does not work."))
    eventually(lambda: running.states().get(fresh, "running") != "running", 180, "the new worker takes no case")
    answer = running.command("cases", "answer", waiting, "--text", "Our staff office will write to you.")
    assert answer.returncode == 0, answer.stderr
    eventually(lambda: running.states()[waiting] == "done", 120, "the old case did not go on")
    audited(running)
