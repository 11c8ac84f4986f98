"""Work that may wait, by real workers and a provider that takes batches: half the price, and nothing asked twice."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.model_call import Price
from tests.e2e.running import PROJECT, Running, audited, eventually, sample_messages
from tests.e2e.test_misbehaving_model import ADMIN_TOKEN
from tests.e2e.test_moods import standing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PORT_BASE = 24_600
CASES = 16
PRICE = Price(model="embedded-router-1", input=100.0, output=400.0, batch=0.5)
RULES = f"""
[batch]
steps = ["route", "claim", "diagnosis", "article", "lead", "reply"]
deadline_s = 3600
look_every_s = 10

[[budgets]]
scope = "all"
cap = 100_000_000
unit = "micros"
currency = "USD"

[[prices]]
model = "{PRICE.model}"
input = {PRICE.input}
output = {PRICE.output}
batch = {PRICE.batch}
valid_from = "2020-01-02"
"""
CALLS_OF = "SELECT call_id, case_id, step, question, state, tokens_in, tokens_out, cost_micros FROM model_calls"


def blueprint(folder: Path) -> dict[str, str]:
    """The default blueprint with batches, and a price for the stand-in model."""
    copied = shutil.copytree(PROJECT / "blueprints" / "default", folder / "blueprint")
    rules = copied / "blueprint.toml"
    rules.write_text(rules.read_text("utf-8") + RULES, "utf-8")
    return {"HEADGATE_BLUEPRINT": str(copied), "HEADGATE_OFFLINE_ADMIN_TOKEN": ADMIN_TOKEN}


def asked(running: Running, statement: str) -> list[dict[str, Any]]:
    """Return the rows of the store."""
    with closing(sqlite3.connect(running.data_dir / "store.db")) as store:
        store.row_factory = sqlite3.Row
        return [dict(row) for row in store.execute(statement)]


def under_way(running: Running) -> bool:
    """Return whether the provider has a batch that has not ended."""
    return bool(asked(running, "SELECT key FROM model_batches WHERE number <> '' AND ended_at IS NULL"))


def in_batches(running: Running) -> list[str]:
    """Return the questions that came in batches, as the provider says: once for each time that they came."""
    url, found, after = running.endpoints["offline_model"], [], None
    while True:
        page = httpx.get(f"{url}/v1/batches", params={"after": after} if after else {}).json()
        for batch in page["data"]:
            counts = batch["request_counts"]
            assert (counts["completed"], counts["failed"]) == (counts["total"], 0)
            lines = httpx.get(f"{url}/v1/files/{batch['output_file_id']}/content").text.splitlines()
            found += [json.loads(line)["custom_id"] for line in lines]
        if not page["has_more"]:
            return found
        after = page["last_id"]


def test_what_may_wait_ends_at_half_the_price_though_workers_are_killed(
    start_headgate: Callable[..., Running], tmp_path: Path
) -> None:
    running = start_headgate("--samples", port_base=PORT_BASE, env=blueprint(tmp_path))
    told = {"mode": "none", "batch_looks": 1}  # a batch takes two rounds
    url = f"{running.endpoints['offline_model']}/admin/misbehave"
    httpx.post(url, json=told, headers={"authorization": f"Bearer {ADMIN_TOKEN}"}).raise_for_status()
    case_ids = [
        running.hand_in(f"batch-{n}", {**message, "priority": "may_wait"})
        for n, message in enumerate(sample_messages()[:CASES])
    ]
    eventually(lambda: standing(running, case_ids).get("parked", 0) > 0, 60, "no case waited for a batch", every=1)
    eventually(lambda: under_way(running), 120, "no batch was sent", every=0.1)
    killed = running.kill("worker-model")
    parked = next(case_id for case_id, state in running.states().items() if state == "parked")
    shown = running.json("cases", "show", parked)
    assert "put to a batch of offline embedded-router-1" in shown["waits_for"]
    running.await_restart("worker-model", killed)
    running.kill("worker-case")

    def all_settled() -> bool:
        return not {"running", "parked", "not yet"} & set(standing(running, case_ids))

    eventually(all_settled, 500, "the cases did not settle", every=5)
    assert "dead_lettered" not in standing(running, case_ids)
    calls = {row["call_id"]: row for row in asked(running, CALLS_OF)}
    waited = {row["item_id"]: row for row in asked(running, 'SELECT item_id, live, "end" FROM batch_questions')}
    live = [row for call_id, row in calls.items() if call_id not in waited and row["state"] == "done"]

    # the provider's own word: each question came once, and is one that we know of
    came = in_batches(running)
    assert len(came) >= CASES
    assert sorted(came) == sorted(waited)
    assert {(row["live"], row["end"]) for row in waited.values()} == {(0, "answered")}

    # nothing that came in a batch was asked live as well
    asked_once = {(calls[item]["case_id"], calls[item]["step"], calls[item]["question"]) for item in waited}
    assert len(asked_once) == len(waited)
    assert not asked_once & {(row["case_id"], row["step"], row["question"]) for row in live}

    # half the price, on record and in what people see
    for item in waited:
        row, half = calls[item], PRICE.in_batch()
        assert (row["state"], row["cost_micros"]) == ("done", half.cost_micros(row["tokens_in"], row["tokens_out"]))
    document = running.json("budget", "show")
    billed = sum(row["cost_micros"] for row in document["sums"])
    listed = sum(PRICE.cost_micros(row["tokens_in"], row["tokens_out"]) for row in document["sums"])
    of_live = sum(row["cost_micros"] for row in live)
    figures = {"in batches": len(came), "live": len(live), "billed": billed, "at the list price": listed}
    print(json.dumps({"cases": standing(running, case_ids), **figures}))
    assert billed == sum(row["cost_micros"] for row in calls.values())
    assert abs(2 * (billed - of_live) - (listed - of_live)) <= 2 * len(calls), "rounded up for each call"
    assert document["windows"][0]["used"] == billed
    assert audited(running)["checked"]["L5"] == 1
