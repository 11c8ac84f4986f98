"""Commands on a real Temporal on which something is missing: the namespace, the workers, or the case's own end."""

import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError

from client.connect import connect
from client.headgate import Headgate
from client.starting import ensure_intake
from client.which import which_temporal
from commands.doctor.temporal import check_temporal
from commands.work.overview import for_people, gather_overview, states_in_temporal
from domain.case import CaseState
from domain.intake import IntakeState
from workers.bootstrap import Parts
from workers.config.settings import Settings
from workers.installation import take_stock
from workers.machine.local_ports import free_ports
from workers.machine.process_keeper import ProcessKeeper
from workers.machine.process_specs import ProcessSpec
from workers.machine.temporal_server import dev_server_command, find_temporal, prepare_namespace
from workers.namespace import claim_namespace, installation_of
from workers.roles import case_worker
from workflows import options

PROJECT = Path(__file__).parents[2]
NAMESPACE = "ours"


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """A Temporal with our namespace and search attributes, and no worker; `TEMPORAL_*` names it."""
    (port,) = free_ports(24900, 1)
    address = f"127.0.0.1:{port}"
    wanted = options.SEARCH_ATTRIBUTES
    command = dev_server_command(
        find_temporal(), db_file=None, port=port, ui_port=None, namespace=NAMESPACE, search_attributes=wanted
    )
    for name in [name for name in os.environ if name.startswith("TEMPORAL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TEMPORAL_ADDRESS", address)
    monkeypatch.setenv("TEMPORAL_NAMESPACE", NAMESPACE)

    async def ready() -> bool:
        await prepare_namespace(address, NAMESPACE, search_attributes=wanted)
        return True

    async with ProcessKeeper(tmp_path, handle_signals=False) as keeper:
        await keeper.start([ProcessSpec("temporal", command, ready=ready)])
        yield address


@pytest.fixture
async def client(server: str) -> Client:
    return await connect(which_temporal())


def headgate(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "commands.main", *arguments],
        cwd=PROJECT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_a_missing_namespace_is_one_line_and_exit_3(server: str, tmp_path: Path) -> None:
    for command in (("cases", "list"), ("worker", "--role", "case"), ("worker", "--role", "intake")):
        done = headgate(*command, "--data-dir", str(tmp_path / "data"), TEMPORAL_NAMESPACE="nowhere")
        assert done.returncode == 3
        [line] = done.stderr.splitlines()
        assert server in line
        assert "'nowhere'" in line
        assert "headgate init" in line


async def test_status_tells_the_rest_where_nobody_answers_for_the_intake(client: Client, tmp_path: Path) -> None:
    parts = Parts(Settings(data_dir=tmp_path))
    never = await gather_overview(parts, Headgate(client))
    assert never["intake"] is None
    assert "headgate worker --role intake" in str(never["intake_reason"])

    await ensure_intake(client, IntakeState())
    standing = await gather_overview(parts, Headgate(client))
    parts.close()
    assert standing["intake"] is None
    assert "headgate doctor" in str(standing["intake_reason"])
    assert standing["inbox"] == {"ready": 0, "leased": 0, "accepted": 0, "lanes": {}}
    assert standing["words"] == {"told": 0, "waiting": 0, "oldest_waiting_s": 0, "last_error": "", "hook": False}
    shown = for_people(standing)
    assert shown["words"] == "told 0, waiting 0; to the log only, no webhook is set"
    assert str(shown["intake"]).startswith("no answer: ")
    assert "intake_reason" not in shown
    for role in options.Role:
        assert f"(role {role}): `headgate doctor`, and look into logs/worker-{role}.log" in str(shown["warnings"])
    assert len(standing["warnings"]) == sum(map(len, options.QUEUES.values()))  # type: ignore[arg-type]  # a list of lines


async def test_a_case_that_was_terminated_waits_for_nobody(client: Client) -> None:
    case_id = "case/shop/gone"
    await client.start_workflow(
        "CaseWorkflow",
        id=case_id,
        task_queue=options.CASES_QUEUE,
        search_attributes=TypedSearchAttributes([SearchAttributePair(options.CASE_STATE, CaseState.WAITING_HUMAN)]),
    )
    ours = Headgate(client)
    await _counted(ours, {"waiting_human": 1})
    await client.get_workflow_handle(case_id).terminate("from outside")
    await _counted(ours, {"terminated": 1})
    assert [row async for row in ours.cases.list(state="waiting_human")] == []
    [row] = [row async for row in ours.cases.list(state="terminated")]
    assert (row.case_id, row.state, row.ended_outside) == (case_id, "terminated", True)
    outcome = await ours.cases.outcome(case_id)
    assert outcome is not None
    assert outcome.state is CaseState.CANCELLED
    assert "terminated" in outcome.finding


async def _counted(ours: Headgate, expected: dict[str, int], within_s: float = 20.0) -> None:
    """The list follows what happens within a second or so."""
    deadline = time.monotonic() + within_s
    while (found := await states_in_temporal(ours)) != expected:
        assert time.monotonic() < deadline, found


async def test_the_doctor_says_which_worker_is_missing(client: Client, server: str) -> None:
    found = {finding.name: finding for finding in await check_temporal(which_temporal())}
    assert [found[n].ok for n in ("temporal server", "namespace", "search attributes")] == [True] * 3
    assert found["temporal server"].found.endswith(server)
    for role in options.Role:
        assert found[f"worker {role}"].ok is False
        assert f"headgate worker --role {role}" in found[f"worker {role}"].remedy
    await ensure_intake(client, IntakeState())
    async with case_worker(client, []):
        ours = Headgate(client)
        await ours.intake.state()
        found = {finding.name: finding for finding in await check_temporal(which_temporal())}
        assert found["worker case"].ok is True
        assert found["worker model"].ok is False


async def test_the_doctor_says_what_the_namespace_lacks(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(options.SEARCH_ATTRIBUTES, "CaseColour", "Keyword")
    *_, found = await check_temporal(which_temporal())
    assert (found.name, found.ok) == ("search attributes", False)
    assert "CaseColour" in found.found
    assert "headgate init" in found.remedy
    done = headgate("doctor", "--json", "--data-dir", str(tmp_path / "data"), TEMPORAL_NAMESPACE="nowhere")
    assert done.returncode == 1
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert findings["namespace"]["ok"] is False
    assert "headgate init" in findings["namespace"]["remedy"]


async def test_a_worker_does_not_join_the_temporal_of_another_installation(
    server: str, client: Client, tmp_path: Path
) -> None:
    """Its data dir and store are one installation's, the namespace is another's: one line, exit 3, nothing started."""
    (tmp_path / "theirs").mkdir()
    theirs = take_stock(Parts(Settings(data_dir=tmp_path / "theirs"))).installation
    await claim_namespace(client, theirs)
    (tmp_path / "ours").mkdir()
    done = headgate("worker", "--role", "journal", "--data-dir", str(tmp_path / "ours"))
    assert done.returncode == 3, done.stderr
    assert f"namespace 'ours' at '{server}' belongs to installation {theirs}" in done.stderr
    assert (done.stderr.count("\n"), done.stdout) == (1, "")
    with pytest.raises(RPCError, match="not found"):
        await client.get_workflow_handle(options.JOURNAL_WORKFLOW_ID).describe()
    assert await installation_of(client) == theirs
