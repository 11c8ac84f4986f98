"""`headgate models`, and `headgate cases route --all`: what they say, and what they change."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.moods.sql import SqlMoods
from adapters.store import open_store
from client.cases import RoutedCases
from client.spending.parked import ParkedCases
from domain.case import HumanDecision
from domain.errors import ImpossibleError
from domain.moods.mood import Trouble, failed, refused, replaced
from tests.fakes.headgate import FakeCases, FakeHeadgate
from tests.unit.commands.command_line import run

MODEL = "offline embedded-router-1"
NOW = datetime.now(UTC)


@pytest.fixture
def moods(tmp_path: Path) -> SqlMoods:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    return SqlMoods(lambda: store.database)


def status(folder: Path) -> list[dict[str, object]]:
    code, stdout, stderr = run("models", "status", "--json", "--data-dir", str(folder))
    assert code == 0, stderr
    return list(json.loads(stdout)["models"])


def test_models_in_use_are_named_with_their_tiers_before_anything_was_asked(tmp_path: Path, moods: SqlMoods) -> None:
    [row] = status(tmp_path)
    assert (row["tiers"], row["state"], row["cases_waiting"]) == (["small", "large"], "answering", 0)


def test_a_wait_is_shown_and_ended_and_ending_it_again_changes_nothing(
    tmp_path: Path, moods: SqlMoods, fake: FakeHeadgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    [row] = status(tmp_path)
    name = str(row["model"])
    for n in range(7):
        moods.change(name, lambda mood: refused(mood, "HTTP 429: slow down", 3600.0, NOW), NOW, waits=f"case/shop/{n}")
    called: list[str] = []

    async def try_now(self: FakeCases, case_id: str) -> bool:
        called.append(case_id)
        return True

    monkeypatch.setattr(FakeCases, "try_now", try_now, raising=False)
    [row] = status(tmp_path)
    assert (row["state"], row["cases_waiting"], row["last_error"]) == ("told_to_wait", 7, "HTTP 429: slow down")
    assert row["until"] == f"{NOW + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    code, stdout, _ = run("models", "status", "--data-dir", str(tmp_path))
    assert "told to wait until" in stdout
    assert "7 cases wait" in stdout

    code, _, stderr = run("models", "resume", "no such", "--data-dir", str(tmp_path))
    assert (code, name in stderr) == (2, True)
    code, stdout, stderr = run("models", "resume", "--by", "dana", "--json", "--data-dir", str(tmp_path))
    assert code == 0, stderr
    document = json.loads(stdout)
    assert (document["ids"], document["accepted"], len(called)) == ([name], True, 5)
    mood = moods.known(name).mood
    assert mood.until is not None
    assert (mood.until <= datetime.now(UTC), mood.resumed_by) == (True, "dana")

    moods.change(name, lambda mood: failed(mood, Trouble.FAILING, "503", datetime.now(UTC)), NOW)
    code, stdout, _ = run("models", "resume", "--json", "--data-dir", str(tmp_path))
    assert (code, json.loads(stdout)["ids"], json.loads(stdout)["message"]) == (0, [], "no model said to wait")


def test_a_key_is_told_from_others_and_never_shown(
    tmp_path: Path, moods: SqlMoods, fake: FakeHeadgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever types need not have the keys: what is in use is known by its name."""
    rows = [f"{MODEL} #aaaaaaaa", f"{MODEL} #bbbbbbbb", f"{MODEL} (SALES_KEY) #cccccccc"]
    for row in rows:
        moods.change(row, lambda mood: refused(mood, "HTTP 429", 3600.0, NOW), NOW)
    code, stdout, stderr = run("models", "status", "--data-dir", str(tmp_path))
    assert (code, "#" in stdout + stderr) == (0, False)
    shown = [(row["model"], row["tiers"]) for row in status(tmp_path)]
    assert shown == [(MODEL, ["small", "large"])] * 2 + [(f"{MODEL} (SALES_KEY)", [])]
    code, _, stderr = run("models", "resume", "no such", "--data-dir", str(tmp_path))
    assert (code, "SALES_KEY" in stderr, "#" in stderr) == (2, True, False)
    code, stdout, stderr = run("models", "resume", MODEL, "--by", "dana", "--json", "--data-dir", str(tmp_path))
    assert (code, json.loads(stdout)["ids"], "#" in stdout) == (0, [MODEL], False), stderr
    assert [moods.known(row).mood.resumed_by for row in rows] == ["dana", "dana", ""]
    for row in rows[:2]:
        moods.change(row, replaced, NOW)
    assert [row["state"] for row in status(tmp_path)] == ["answering", "told_to_wait"]


def test_a_model_that_is_not_in_use_is_shown_only_while_something_ails_it(tmp_path: Path, moods: SqlMoods) -> None:
    moods.change("openai old", lambda mood: failed(mood, Trouble.MISCONFIGURED, "HTTP 401", NOW), NOW)
    assert [(row["model"], row["tiers"]) for row in status(tmp_path)][1:] == [("openai old", [])]


@pytest.mark.parametrize(
    "arguments",
    [
        ("Billing",),
        ("case/shop/1", "Billing", "--all", "--finding", "x"),
        ("--all", "Billing"),
        ("--all", "--finding", "  ", "Billing"),
        ("case/shop/1", "Billing", "--dry-run"),
        ("case/shop/1", "Billing", "--finding", "x"),
        ("--all", "--finding", "x", "Nowhere"),
    ],
)
def test_a_slip_of_the_hand_routes_nothing(fake: FakeHeadgate, arguments: tuple[str, ...]) -> None:
    code, _, stderr = run("cases", "route", *arguments)
    assert code == 2
    assert stderr


def test_all_with_a_finding_are_sent_and_those_that_did_not_take_it_are_named(
    fake: FakeHeadgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[str, str | None, int, bool]] = []
    refusing = {"case/shop/2": "dana was first with close"}

    async def route_all(
        self: FakeCases, finding: str, decision: HumanDecision, *, limit: int, dry_run: bool
    ) -> RoutedCases:
        heard.append((finding, decision.category, limit, dry_run))
        return RoutedCases(looked_at=9, routed=["case/shop/1"], refused={} if dry_run else refusing)

    monkeypatch.setattr(FakeCases, "route_all", route_all, raising=False)
    asked = ("cases", "route", "--all", "--finding", "the router gave", "billing", "--limit", "5")
    code, stdout, stderr = run(*asked)
    assert (code, "9 looked at, 2 with such a finding, 1 sent, 1 did not take it" in stdout) == (1, True)
    assert "case/shop/2: dana was first" in stderr
    code, stdout, _ = run(*asked, "--dry-run", "--json")
    assert (code, json.loads(stdout)["ids"]) == (0, ["case/shop/1"])
    assert heard == [("the router gave", "Billing", 5, False), ("the router gave", "Billing", 5, True)]


def test_a_model_that_is_out_is_asked_now_by_parked_cases(
    tmp_path: Path, moods: SqlMoods, fake: FakeHeadgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(7):
        case_id = f"case/shop/{n}"
        moods.change(MODEL, lambda mood: failed(mood, Trouble.FAILING, "503", NOW, case_id), NOW, waits=case_id)  # noqa: B023 - called at once
    resumed: list[tuple[str, str]] = []

    async def try_now(self: FakeCases, case_id: str) -> bool:
        return False

    async def resume(self: ParkedCases, case_id: str, by: str) -> None:
        if case_id.endswith("0"):
            raise ImpossibleError(f"{case_id} is not parked, it is done")
        resumed.append((case_id, by))

    monkeypatch.setattr(FakeCases, "try_now", try_now, raising=False)
    monkeypatch.setattr(FakeHeadgate, "temporal", None, raising=False)
    monkeypatch.setattr(ParkedCases, "resume", resume)
    code, stdout, stderr = run("models", "resume", "--by", "dana", "--json", "--data-dir", str(tmp_path))
    assert (code, json.loads(stdout)["ids"]) == (0, [MODEL]), stderr
    assert "4 cases called" in json.loads(stdout)["message"]
    assert {by for _, by in resumed} == {"dana"}
    mood = moods.known(MODEL).mood
    assert mood.until is not None
    assert (mood.until <= datetime.now(UTC), mood.out_since == NOW) == (True, True)
