"""Turns on a real Headgate: a flood of one tenant makes no other wait, what is urgent goes first, Temporal knows."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.common import Priority

from client.connect import data_converter
from client.private_files import write_private
from tests.e2e.running import Running, eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PORT_BASE = 21_300
FLOOD, LOW, SMALL, PER_SECOND = 400, 200, 6, 2
TEXT = "My printer is offline and the print jobs are stuck in the queue."


@pytest.fixture(scope="module")
def running(start_headgate: Callable[..., Running]) -> Running:
    running = start_headgate(port_base=PORT_BASE, env={"HEADGATE_INTAKE_PER_SECOND": str(PER_SECOND)})
    path = running.data_dir / "sources.json"
    content = json.loads(path.read_text())
    content["sources"] = [{**source, "tenants": ["flood", "small"]} for source in content["sources"]]
    write_private(path, json.dumps(content).encode())
    return running


def message(tenant: str, priority: str = "") -> dict[str, Any]:
    return {"channel": "web", "text": TEXT, "tenant": tenant, "priority": priority}


def ids_of(messages: list[dict[str, Any]]) -> list[str]:
    return [f"case/shop/{one['id']}" for one in messages]


def lanes(running: Running) -> dict[str, int]:
    return dict(running.json("status")["inbox"]["lanes"])


def hand_in(running: Running, messages: list[dict[str, Any]]) -> None:
    sent = running.json("submit", "-", "--source", "shop", stdin="\n".join(map(json.dumps, messages)))
    assert sent["accepted"] == len(messages), sent


async def begun(running: Running) -> dict[str, Priority]:
    """Return the keys by which Temporal has each case that began."""
    client = await Client.connect(
        running.endpoints["temporal"], namespace=running.endpoints["namespace"], data_converter=data_converter()
    )
    found = {}
    async for case in client.list_workflows("WorkflowType = 'CaseWorkflow'"):
        keys = (await client.get_workflow_handle(case.id).describe()).raw_description.workflow_execution_info.priority
        found[case.id] = Priority._from_proto(keys)  # the SDK shows it nowhere else
    return found


async def test_a_flood_makes_nobody_wait_and_urgent_goes_first(running: Running) -> None:
    known = lambda: running.post("known", message("flood")).status_code == 202  # noqa: E731
    eventually(known, 10, "the gateway did not read its file again")
    assert running.command("intake", "pause").returncode == 0
    low = [{**message("flood", "bulk"), "id": f"low-{n}"} for n in range(LOW)]
    flood = [{**message("flood"), "id": f"flood-{n}"} for n in range(FLOOD)]
    small = [{**message("small"), "id": f"small-{n}"} for n in range(SMALL)]
    urgent = [{**message("flood", "P1"), "id": f"urgent-{n}"} for n in range(6)]
    half = FLOOD // 2
    hand_in(running, [*low, *flood[:half], *small, *flood[half:], *urgent])
    eventually(lambda: running.json("status")["inbox"]["leased"] == 0, 30, "a batch is under way")
    waits = lanes(running)
    assert waits["small/normal"] == SMALL
    assert waits["flood/urgent"] == len(urgent)
    assert "flood/normal " in running.command("status").stdout

    assert running.command("intake", "resume").returncode == 0
    first = {"small/normal", "flood/urgent"}
    eventually(lambda: first.isdisjoint(lanes(running)), 60, "the small tenant and what is urgent were not let in")
    running.command("intake", "pause")
    left = lanes(running)
    assert left["flood/normal"] > FLOOD / 2
    assert left["flood/may_wait"] > LOW / 2
    done = lambda: all(running.states()[case_id] != "running" for case_id in ids_of(small))  # noqa: E731
    eventually(done, 60, "the small tenant's cases are not done")

    cases = await begun(running)
    assert {cases[i] for i in ids_of(small)} == {Priority(priority_key=3, fairness_key="small", fairness_weight=1.0)}
    assert Priority(priority_key=2, fairness_key="flood", fairness_weight=1.0) in {cases[i] for i in ids_of(urgent)}
    assert {cases[i].priority_key for i in ids_of(low) if i in cases} <= {4}
