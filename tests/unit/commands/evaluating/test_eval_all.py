"""`headgate eval all` as a person types it, with the offline model and little data."""

import json
import re
import shutil
from pathlib import Path

import pytest

from commands.eval_sets.table import SETS, files_of
from tests.unit.commands.command_line import PROJECT, run
from workers.config.settings import load_settings
from workers.local_models.router import taught_file

BASELINE = PROJECT / "samples" / "evals" / "offline.json"
LIMIT = "60"


@pytest.fixture(autouse=True)
def without_local_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the checked-in result was made with, whatever is installed here."""
    monkeypatch.setenv("HEADGATE_EMBEDDER", "hashed")
    monkeypatch.setenv("HEADGATE_NAMES", "off")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder of data with two sets."""
    folder = tmp_path / "data"
    (folder / "inner").mkdir(parents=True)
    lines = [
        {"id": "1", "text": "I was charged twice for order ORD-10023, please refund one payment.", "label": "Billing"},
        {"id": "1", "text": "The router is offline and shows an error.", "label": "Technical Support"},
        {"id": "3", "text": "what year was this film released", "label": None},
    ]
    (folder / "routing.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    shutil.copy(PROJECT / "samples" / "claims.jsonl", folder / "inner" / "claims.jsonl")
    return folder


def test_no_regression_since_the_checked_in_result(tmp_path: Path) -> None:
    """After a change for the better, or of a sample: `make eval-baseline`, and look at what changed."""
    code, stdout, stderr = run(
        *("eval", "all", "--limit", LIMIT, "--against", str(BASELINE), "--data-dir", str(tmp_path), "--json")
    )
    compared = json.loads(stdout)["comparison"] if stdout else {}
    assert code == 0, f"{compared.get('verdict')} {compared.get('rows')} {stderr}"
    assert set(compared["not_compared"]) == {"names"}, "samples have changed: `make eval-baseline`"
    assert {group["set"] for group in compared["groups"]} == {one.name for one in SETS} - {"names"}
    document = json.loads(stdout)
    assert {cost["profile"] for cost in document["cost"]} == {"openai", "anthropic", "openai_thrifty"}
    for cost in document["cost"]:
        steps = {step["step"]: step for step in cost["steps"]}
        assert set(steps) == {"route", "claim", "diagnosis", "lead", "reply"}
        assert all(step["micros"] <= step["micros_large"] for step in steps.values())
        assert steps["route"]["micros"] < steps["route"]["micros_large"]


def test_a_blueprint_that_is_worse_fails_with_the_rows(tmp_path: Path) -> None:
    """The window for refunds is shut: what was refunded is denied."""
    worse = tmp_path / "blueprint"
    shutil.copytree(PROJECT / "blueprints" / "default", worse)
    file = worse / "blueprint.toml"
    text = file.read_text("utf-8")
    assert "window_days = 60" in text
    file.write_text(text.replace("window_days = 60", "window_days = 2"), "utf-8")
    arguments = ("eval", "all", "--set", "claims", "--limit", LIMIT, "--data-dir", str(tmp_path))
    code, stdout, stderr = run(*arguments)
    assert code == 0, stderr
    page = tmp_path / "page.html"
    code, stdout, _ = run(*arguments, "--blueprint", str(worse), "--against", "latest", "--html", str(page))
    assert code == 1
    assert "REGRESSION: worse by more than noise: claims (complaints)" in stdout
    assert "blueprint: default@" in stdout
    assert re.search(r"worse  claims claim-\d+: refund of [\d,]+ minor units -> deny, expected refund", stdout)
    assert "REGRESSION" in page.read_text("utf-8")


def test_files_are_found_by_their_names_and_one_row_of_a_name_is_another(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    code, stdout, stderr = run(
        *("eval", "all", "--data", str(data), "--set", "routing", "--set", "repair"),
        *("--data-dir", str(tmp_path), "--out", str(out), "--against", "latest"),
    )
    assert code == 0, stderr
    assert "repair: not run: there is no file of it: documents.jsonl or malformed_json.jsonl" in stdout
    assert "nothing to compare with" in stdout
    document = json.loads(out.read_text("utf-8"))
    [kept] = (tmp_path / "evals").glob("*.json")
    assert json.loads(kept.read_text("utf-8")) == document
    assert document["complete"] is True
    rows = {row["id"]: row for row in document["sets"][0]["rows"]}
    assert {name: row["expected"] for name, row in rows.items()} == {
        "1": "Billing", "1#2": "Technical Support", "3": "none of them",
    }  # fmt: skip
    assert (rows["1"]["got"], rows["1"]["right"]) == ("Billing", True)
    assert "charged twice" not in out.read_text("utf-8")
    claims = next(one for one in SETS if one.name == "claims")
    assert [name for name, _ in files_of(claims, data)] == ["inner/claims.jsonl"]


def test_the_router_of_the_data_dir_is_what_is_measured(data: Path, tmp_path: Path) -> None:
    """One that was taught, and spoilt since, is not passed over in silence."""
    code, stdout, stderr = run("eval", "all", "--data", str(data), "--set", "claims", "--data-dir", str(tmp_path))
    assert code == 0, stderr
    assert "as it ships" in stdout
    taught_file(load_settings(data_dir=tmp_path)).write_bytes(b"no router")
    code, _, stderr = run("eval", "all", "--data", str(data), "--set", "claims", "--data-dir", str(tmp_path))
    assert code != 0
    assert "router.taught" in stderr


def test_what_cannot_be_compared_is_not_held_to_be_good(data: Path, tmp_path: Path) -> None:
    code, stdout, _ = run(
        *("eval", "all", "--data", str(data), "--set", "claims", "--limit", "3"),
        *("--against", str(BASELINE), "--data-dir", str(tmp_path)),
    )
    assert code == 1
    assert "claims: not compared: --limit was 60, and is 3" in stdout
    assert "NOT COMPARED" in stdout


def test_wrong_use_is_named_before_anything_is_run(tmp_path: Path) -> None:
    place = ("--data-dir", str(tmp_path))
    for arguments, said in (
        (("--set", "poems"), "routing"),
        (("--against", str(tmp_path / "gone.json")), "gone.json"),
        (("--against", str(PROJECT / "README.md")), "no result"),
        (("--models", "oracle"), "oracle"),
    ):
        code, _, stderr = run("eval", "all", *arguments, *place)
        assert code == 2, stderr
        assert said in stderr
    (tmp_path / "empty").mkdir()
    code, _, stderr = run("eval", "all", "--data", str(tmp_path / "empty"), *place)
    assert code == 1
    assert "no set could be run" in stderr


def test_a_line_that_cannot_be_read_is_named_and_the_result_is_not_taken_for_a_whole_one(
    data: Path, tmp_path: Path
) -> None:
    with (data / "routing.jsonl").open("a") as file:
        file.write('\n{"id": "4", "label": "Poems", "text": "x"}')
    code, _, stderr = run("eval", "all", "--data", str(data), "--set", "routing", "--data-dir", str(tmp_path))
    assert code == 1
    assert "line 4" in stderr
    [kept] = (tmp_path / "evals").glob("*.json")
    assert json.loads(kept.read_text("utf-8"))["complete"] is False


def test_two_results_are_compared_without_a_model(tmp_path: Path) -> None:
    worse = json.loads(BASELINE.read_text("utf-8"))
    claims = next(one for one in worse["sets"] if one["name"] == "claims")
    claims["rows"][0] |= {"grave": True, "right": False, "got": "refund of 99,999 minor units"}
    other = tmp_path / "other.json"
    other.write_text(json.dumps(worse), "utf-8")
    code, stdout, _ = run("eval", "compare", str(BASELINE), str(other), "--json")
    assert code == 1
    compared = json.loads(stdout)["comparison"]
    assert compared["regressed"] is True
    assert [row["id"] for row in compared["rows"] if row["new_grave"]] == [claims["rows"][0]["id"]]
    code, _, _ = run("eval", "compare", str(other), str(BASELINE))
    assert code == 0
