"""`headgate unstick` says of each workflow what became of it, and exits 1 where something stays stuck."""

import json

import pytest
from temporalio.client import Client

from client import refusals
from client.standstill import stuck, unsticking
from client.standstill.stuck import StuckLook
from client.standstill.unsticking import Unstuck
from domain.audit.facts import Stuck
from tests.fakes.headgate import FakeHeadgate
from tests.unit.commands.command_line import CASE, run

pytestmark = pytest.mark.usefixtures("fake")


@pytest.fixture
def mended(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """What was to be mended, and whether dry; the intake cannot be."""
    asked: list[tuple[str, bool]] = []

    async def mend(_: Client, workflow_id: str, *, dry_run: bool) -> Unstuck:
        asked.append((workflow_id, dry_run))
        good = workflow_id == CASE
        return Unstuck(workflow_id, good, "said so", left_out=["the signal 'decide'"] if good else [])

    async def look(_: Client) -> StuckLook:
        found = [Stuck(workflow_id=i, run_id="r", workflow_type="t", problem="p") for i in (CASE, "intake/default")]
        return StuckLook(tuple(found), all_seen=True)

    async def there(_: Client, __: str) -> None: ...

    monkeypatch.setattr(refusals, "describe", there)
    monkeypatch.setattr(unsticking, "unstick", mend)
    monkeypatch.setattr(stuck, "look_for_stuck", look)
    return asked


@pytest.mark.parametrize("arguments", [(), (CASE, "--all")])
def test_one_or_all_must_be_named(arguments: tuple[str, ...]) -> None:
    code, _, stderr = run("unstick", *arguments)
    assert (code, stderr.strip()) == (2, "name one workflow by its ID, or --all")


def test_one_that_is_mended_is_exit_0_and_names_what_was_left_out(mended: list[tuple[str, bool]]) -> None:
    code, stdout, _ = run("unstick", CASE)
    assert (code, mended) == (0, [(CASE, False)])
    assert stdout.splitlines() == [f"{CASE}: said so", "    left out: the signal 'decide'"]


def test_all_in_one_document_and_exit_1_where_one_stays(mended: list[tuple[str, bool]]) -> None:
    code, stdout, _ = run("unstick", "--all", "--json")
    document = json.loads(stdout)
    assert (code, document["ids"], document["accepted"]) == (1, [CASE, "intake/default"], False)
    assert document["message"] == "1 of 2 mended"
    assert [each["accepted"] for each in document["workflows"]] == [True, False]


def test_a_dry_run_changes_nothing_and_is_exit_0(mended: list[tuple[str, bool]]) -> None:
    code, _, _ = run("unstick", "--all", "--dry-run")
    assert (code, [dry for _, dry in mended]) == (0, [True, True])


def test_nothing_stuck_is_said(monkeypatch: pytest.MonkeyPatch, fake: FakeHeadgate) -> None:
    async def look(_: Client) -> StuckLook:
        return StuckLook((), all_seen=True)

    monkeypatch.setattr(stuck, "look_for_stuck", look)
    assert run("unstick", "--all")[:2] == (0, "nothing is stuck\n")
