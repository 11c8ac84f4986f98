"""A budget that is used up in the middle of a day's work: nothing beyond it is asked, nothing is lost, all is done."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.running import PROJECT, Running, audited, eventually
from tests.e2e.test_moods import await_settled, standing, submit

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PORT_BASE = 24_400
CAP = 30_000
ENOUGH = 50_000_000


def blueprint(folder: Path, *, apart: bool) -> dict[str, str]:
    """The default blueprint with a budget; its specialists inside their cases, or apart."""
    copied = shutil.copytree(PROJECT / "blueprints" / "default", folder / "blueprint")
    rules = copied / "blueprint.toml"
    text = rules.read_text("utf-8") + f'\n[[budgets]]\nscope = "all"\ncap = {CAP}\nunit = "tokens"\n'
    rules.write_text(text.replace("\nspecialist = ", "\napart = true\nspecialist = ") if apart else text, "utf-8")
    return {"HEADGATE_BLUEPRINT": str(copied)}


@pytest.mark.parametrize("apart", [False, True], ids=["inside", "apart"])
def test_a_budget_is_kept_cases_park_and_go_on_when_a_person_raises_it(
    start_headgate: Callable[..., Running], tmp_path: Path, apart: bool
) -> None:
    running = start_headgate("--samples", port_base=PORT_BASE + 40 * apart, env=blueprint(tmp_path, apart=apart))
    case_ids = submit(running, tmp_path, "budget")
    await_settled(running, case_ids)
    counts = standing(running, case_ids)
    assert counts.get("parked", 0) > 5, counts
    assert "dead_lettered" not in counts
    [window] = running.json("budget", "show")["windows"]
    assert window["used"] + window["held"] <= CAP
    assert window["used"] > CAP // 2
    assert running.json("status")["spend"]["windows"][0]["cap"] == CAP
    parked = next(case_id for case_id, state in running.states().items() if state == "parked")
    shown = running.json("cases", "show", parked)
    assert "the budget of all is used up" in shown["waits_for"]
    with closing(sqlite3.connect(running.data_dir / "store.db")) as store:
        told = [row[0] for row in store.execute("SELECT word_id FROM words WHERE kind = 'budget' ORDER BY at")]
    assert [word_id.split("/")[-2] for word_id in told] == ["warning", "full"], "one word for all cases, not for each"
    assert running.command("audit").returncode == 0, "parked cases break no promise"

    refused = running.command("budget", "set", "tenant:acme", "5", "--by", "dana")
    assert (refused.returncode, "all (tokens)" in refused.stderr) == (2, True)
    assert running.json("cases", "resume", parked, "--by", "dana")["accepted"]
    eventually(lambda: running.states()[parked] == "parked", 60, "it parks again: there is no money yet", every=1)
    raised = running.json("budget", "set", "all", str(ENOUGH), "--by", "dana")
    assert f"{counts['parked']} parked cases try again" in raised["message"]
    eventually(lambda: "parked" not in standing(running, case_ids), 120, "parked cases did not go on", every=2)
    await_settled(running, case_ids)
    report = audited(running)
    assert report["checked"]["L5"] == 1
    document = running.json("budget", "show")
    [window] = document["windows"]
    assert (window["cap"], window["cap_by"], window["held"]) == (ENOUGH, "dana", 0)
    assert window["used"] == sum(row["tokens_in"] + row["tokens_out"] for row in document["sums"])
    status = running.json("status")
    assert status["cases"].get("parked", 0) == 0
    assert not status["dead_letters"]
    assert running.command("cases", "resume", parked).returncode == 1, "it is not parked any more"
