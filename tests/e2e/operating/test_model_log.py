"""Workers killed in the middle of calls: the audit compares the record with the model server's own log."""

import json
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.running import PROJECT, Running, audited, eventually
from tests.e2e.test_moods import await_settled, submit
from workers.running.answer_log import own_answers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PORT_BASE = 24_700
TOKEN = "for-tests"
KILLS = 4
FREE = "input = 0.0\noutput = 0.0\n"  # only the offline model's


def blueprint(folder: Path) -> str:
    """The default blueprint with a price for the offline model: one that costs nothing may be asked off the record."""
    copied = shutil.copytree(PROJECT / "blueprints" / "default", folder / "blueprint")
    rules = copied / "blueprint.toml"
    text = rules.read_text("utf-8")
    assert text.count(FREE) == 1
    rules.write_text(text.replace(FREE, FREE.replace("0.0", "0.4")), "utf-8")
    return str(copied)


def changed(running: Running, statement: str) -> None:
    """Change the record behind everybody's back."""
    with closing(sqlite3.connect(running.data_dir / "store.db", timeout=30)) as store, store:
        assert store.execute(statement).rowcount == 1, statement


def under_way(running: Running) -> set[str]:
    """Return the calls that are on record as sent."""
    with closing(sqlite3.connect(running.data_dir / "store.db", timeout=30)) as store:
        return {row[0] for row in store.execute("SELECT call_id FROM model_calls WHERE state = 'sent'")}


def await_calls(running: Running, cut: set[str]) -> None:
    """Wait until calls are under way beside those that were cut before."""
    eventually(lambda: len(under_way(running) - cut) >= 3, 60, "no calls are under way", every=0.05)


def counted(running: Running) -> dict[str, int]:
    """Return how many calls of each state are on record."""
    with closing(sqlite3.connect(running.data_dir / "store.db", timeout=30)) as store:
        return dict(store.execute("SELECT state, count(*) FROM model_calls GROUP BY state"))


def found(running: Running, *arguments: str) -> list[dict[str, Any]]:
    done = running.command("audit", "--json", *arguments)
    assert done.returncode in (0, 1), done.stderr
    return [v for v in json.loads(done.stdout)["violations"] if v["promise"] == "L5"]


def test_what_killed_workers_had_asked_is_charged_in_full_and_nothing_is_missing(
    start_headgate: Callable[..., Running], tmp_path: Path
) -> None:
    env = {"HEADGATE_BLUEPRINT": blueprint(tmp_path), "HEADGATE_OFFLINE_ADMIN_TOKEN": TOKEN}
    running = start_headgate("--samples", port_base=PORT_BASE, env=env)
    slow = {"mode": "latency", "latency_s": 3.0, "probability": 0.6}
    headers = {"authorization": f"Bearer {TOKEN}"}
    told = httpx.post(f"{running.endpoints['offline_model']}/admin/misbehave", json=slow, headers=headers)
    told.raise_for_status()
    case_ids = submit(running, tmp_path, "log")
    cut: set[str] = set()
    for _ in range(KILLS):
        await_calls(running, cut)
        time.sleep(1.0)  # they are on the wire by now
        for name in ("worker-case", "worker-model"):
            running.kill(name)
        cut = under_way(running)
        eventually(lambda: running.pid("worker-case") and running.pid("worker-model"), 60, "no worker came back")
    await_settled(running, case_ids)
    answered, unread = own_answers(running.data_dir)
    report = audited(running)
    states = counted(running)
    print(f"calls by state {states}, {len(answered)} answers in the server's log")
    assert (report["checked"]["model log"], unread) == (len(answered), 0)
    heard = states["done"]
    assert heard < len(answered) <= sum(states.values()), "some were answered when nobody listened any more"

    one = "SELECT call_id FROM model_calls WHERE state = 'done' AND provider_request_id <> '' ORDER BY at LIMIT 1"
    changed(running, f"UPDATE model_calls SET tokens_out = 9999 WHERE call_id = ({one})")
    assert [v["kind"] for v in found(running)] == ["tokens_differ"]
    export = tmp_path / "export.jsonl"
    line = {"request_id": "req_of_nobody", "model": "embedded-router-1", "tokens_in": 5, "tokens_out": 5}
    log = (running.data_dir / "logs" / "model-calls.jsonl").read_text()
    # Before the first call was made, so that none of those that were cut can be its own.
    before = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    export.write_text(json.dumps(line | {"at": before}) + "\n" + log)
    kinds = {v["kind"] for v in found(running, "--model-log", str(export))}
    assert kinds == {"call_not_on_record", "tokens_differ"}
    refused = running.command("audit", "--model-log", str(tmp_path / "none.jsonl"))
    assert (refused.returncode, "cannot be read" in refused.stderr) == (2, True)
