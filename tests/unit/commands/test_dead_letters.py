"""`headgate dlq`: what an operator sees, and what a slip of the hand is told."""

import asyncio
import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.dead_letters.orders import SqlReplayOrders
from adapters.inbox.accepted_log import SqlAcceptedLog
from adapters.store import Store, open_store
from client.dead_letters.replays import NOT_STARTED, Replays, RunStanding
from commands.work.overview import running_replays
from domain.case import CaseState
from domain.dead_letters.choosing import LetterFilter
from domain.dead_letters.replaying import ReplayOrder
from domain.deadletter import DeadLetterStatus
from domain.inbound.formats.mapping import SourceReading
from gateway.webhooks.sources import ensure_sources
from ports.incoming.accepted_log import AcceptedEvent
from tests.contracts.store_letters import buried
from tests.contracts.store_samples import NOW, outcome, stored_case
from tests.fakes.headgate import FakeHeadgate
from tests.unit.commands.command_line import run

LETTER = "case/shop/e1/dead/1"
BODY = b'{"text": "Refund 20 please", "customer": {"id": "C-1"}}'


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    store.cases.admit([stored_case("e1").model_copy(update={"body": BODY, "content_type": "application/json"})])
    store.cases.close(outcome("e1", state=CaseState.DEAD_LETTERED), None)
    for name in ("e1", "e2", "e3"):
        buried(store, name)
    ensure_sources(tmp_path / "sources.json", ["shop"])
    yield store
    store.close()


def dlq(store: Store, *arguments: str) -> tuple[int, str, str]:
    folder = str(Path(str(store.database.url.database)).parent)
    return run("dlq", *arguments, "--data-dir", folder)


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that writes the content of the file `words` over what it is given."""
    program = tmp_path / "editor"
    program.write_text(f'#!/bin/sh\ncat "{tmp_path}/words" > "$1"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", str(program))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path / "words"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("list", "--reason", "away"), "provider_down"),
        (("list", "--since", "soon"), "--since 'soon'"),
        (("list", "--status", "gone"), "discarded"),
        (("list", "--after", "x"), "--after 'x'"),
        (("replay", LETTER, "--all"), "--all"),
        (("replay", "--all", "--rate", "fast"), "--rate 'fast'"),
        (("discard", LETTER), "--reason"),
        (("discard", "--reason", "x"), "--kind"),
        (("discard", "--all", "--reason", "x"), "--yes"),
        (("edit", LETTER, "--file", "none"), "--reason"),
        (("edit", LETTER, "--reason", "x", "--file", "/nowhere/none"), "/nowhere/none"),
        (("show", LETTER, "--raw", "x", "--edit", "3"), "has 0 edits"),
        (("replays", "--pause"), "name one run"),
        (("replays", "r1", "--pause", "--stop"), "name one run"),
    ],
)
def test_a_slip_of_the_hand_is_told_and_changes_nothing(store: Store, arguments: tuple[str, ...], said: str) -> None:
    code, _, stderr = dlq(store, *arguments)
    assert (code, said in stderr) == (2, True), stderr
    assert len(store.dead_letters.list_letters()) == 3


@pytest.mark.parametrize("word", [("show",), ("discard", "--reason", "x"), ("edit", "--reason", "x", "--file", "-")])
def test_an_unknown_letter_is_told(store: Store, word: tuple[str, ...]) -> None:
    code, _, stderr = dlq(store, word[0], "case/shop/none/dead/1", *word[1:])
    assert (code, "is unknown: see `headgate dlq list`" in stderr) == (1, True), stderr


def test_a_list_ends_with_the_place_of_the_next(store: Store) -> None:
    code, stdout, stderr = dlq(store, "list", "--limit", "2")
    assert (code, len(stdout.splitlines())) == (0, 2)
    place = stderr.strip().rpartition("--after ")[2]
    document = json.loads(dlq(store, "list", "--after", place, "--json")[1])
    assert [row["case_id"] for row in document["dead_letters"]] == ["case/shop/e3"]
    assert (document["total"], document["next"]) == (3, None)
    assert dlq(store, "list", "--reason", "bug")[1].startswith("no dead letters like that")


def test_what_it_came_with_is_shown_and_written_out(store: Store, tmp_path: Path) -> None:
    code, stdout, _ = dlq(store, "show", LETTER)
    assert code == 0
    assert '|   "text": "Refund 20 please",' in stdout
    assert "cost so far" in stdout
    assert dlq(store, "show", LETTER, "--raw", str(tmp_path / "raw"))[0] == 0
    assert (tmp_path / "raw").read_bytes() == BODY


def test_an_edit_in_the_editor_is_kept_and_named(store: Store, editor: Path) -> None:
    editor.write_bytes(BODY.replace(b"20", b"25"))
    code, stdout, stderr = dlq(store, "edit", LETTER, "--reason", "the sum", "--by", "dana")
    assert code == 0, stderr
    assert "Refund 25 please" in stdout
    shown = json.loads(dlq(store, "show", LETTER, "--json")[1])
    assert [(e["by"], e["reason"]) for e in shown["edits"]] == [("dana", "the sum")]
    assert any(line.startswith("+") and "25" in line for line in shown["edits"][0]["diff"])
    assert store.cases.load("case/shop/e1").body == BODY
    assert not list(editor.parent.glob("headgate-edit-*")), "what holds personal data is removed"


def test_who_alone_may_approve_is_warned_before_the_edit(store: Store, editor: Path) -> None:
    editor.write_bytes(BODY.replace(b"20", b"25"))
    _, _, stderr = dlq(store, "edit", LETTER, "--reason", "the sum", "--by", "dana")
    assert "warning" not in stderr
    editor.write_bytes(BODY.replace(b"20", b"26"))
    approvers = store.cases.load("case/shop/e1").case.policy.approval.approvers
    for approver in approvers:
        code, _, stderr = dlq(store, "edit", LETTER, "--reason", "the sum", "--by", approver.name)
        assert code == 0, stderr
        editor.write_bytes(BODY.replace(b"20", b"27"))
    assert "can be paid for it: nobody else may approve it" in stderr


@pytest.mark.parametrize("words", [b'{"text": ', b"", b'{"text": "x", "tenant": "other"}'])
def test_an_edit_that_cannot_be_taken_is_refused_and_what_was_written_is_not_lost(
    store: Store, editor: Path, words: bytes
) -> None:
    editor.write_bytes(words)
    code, _, stderr = dlq(store, "edit", LETTER, "--reason", "x", "--by", "dana")
    assert code == 1, stderr
    assert store.dead_letters.edits("case/shop/e1") == []
    [kept] = editor.parent.glob("headgate-edit-*/*")
    assert kept.read_bytes() == words
    assert str(kept) in stderr
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700


NAMES = SourceReading(fields={"text": ["ticket.words"]})
MENDED = b'{"ticket": {"words": "Refund 25 please"}, "text": "internal"}'


def test_an_edit_is_read_by_the_names_that_a_broker_pen_keeps(
    store: Store, editor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADGATE_INBOX", "amqp://nobody:none@127.0.0.1:1/")  # what is known of ids stands in the store
    event = AcceptedEvent("case/shop/e1", "d", NOW, reading=NAMES.model_dump_json())
    SqlAcceptedLog(store.database).record([event])
    editor.write_bytes(MENDED)
    code, _, stderr = dlq(store, "edit", LETTER, "--reason", "x")
    assert code == 0, stderr
    assert [edit.reading for edit in store.dead_letters.edits("case/shop/e1")] == [NAMES.model_dump_json()]


def test_once_the_pen_forgot_an_edit_is_read_as_its_source_has_it(store: Store, editor: Path, tmp_path: Path) -> None:
    file = tmp_path / "sources.json"
    content = json.loads(file.read_text())
    content["sources"][0]["fields"] = {"text": "ticket.words"}
    file.write_text(json.dumps(content))
    editor.write_bytes(MENDED)
    code, _, stderr = dlq(store, "edit", LETTER, "--reason", "x")
    assert code == 0, stderr
    assert [edit.reading for edit in store.dead_letters.edits("case/shop/e1")] == [NAMES.kept()]


@pytest.mark.parametrize("sources", [None, "other"])
def test_where_nobody_knows_by_which_names_it_is_read_no_edit_is_kept(
    store: Store, editor: Path, tmp_path: Path, sources: str | None
) -> None:
    (tmp_path / "sources.json").unlink()
    if sources is not None:
        ensure_sources(tmp_path / "sources.json", [sources])
    editor.write_bytes(MENDED)
    code, _, stderr = dlq(store, "edit", LETTER, "--reason", "x")
    assert (code, "run this where the gateway's sources.json is" in stderr) == (1, True), stderr
    assert store.dead_letters.edits("case/shop/e1") == []


def test_nothing_changed_and_no_editor_are_told(store: Store, editor: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor.write_bytes(BODY)
    code, _, stderr = dlq(store, "edit", LETTER, "--reason", "x")
    assert (code, "nothing was changed" in stderr) == (1, True)
    monkeypatch.delenv("EDITOR")
    code, _, stderr = dlq(store, "edit", LETTER, "--reason", "x")
    assert (code, "no editor is set" in stderr) == (2, True)


def test_many_are_discarded_with_a_reason_after_a_look(store: Store) -> None:
    code, stdout, _ = dlq(store, "discard", "--kind", "provider_down", "--dry-run", "--json")
    assert (code, json.loads(stdout)["would_discard"]) == (0, 3)
    assert len(store.dead_letters.list_letters()) == 3
    code, stdout, _ = dlq(store, "discard", "--kind", "provider_down", "--reason", "drill", "--by", "tom", "--yes")
    assert (code, stdout.strip()) == (0, "3 discarded")
    row = store.dead_letters.show(LETTER)
    assert (row.status, row.changed_by, row.reason) == (DeadLetterStatus.DISCARDED, "tom", "drill")


def test_what_is_given_up_after_the_look_is_neither_discarded_nor_replayed(store: Store, fake: FakeHeadgate) -> None:
    later = buried(store, "e4", at=datetime(2099, 1, 1, tzinfo=UTC))
    for until in ((), ("--until", "2100-01-01")):
        told = json.loads(dlq(store, "replay", "--all", *until, "--dry-run", "--json")[1])
        assert told["would_replay"] == 3
        told = json.loads(dlq(store, "discard", "--all", *until, "--dry-run", "--json")[1])
        assert told["would_discard"] == 3
    code, stdout, _ = dlq(store, "discard", "--all", "--until", "2100-01-01", "--reason", "drill", "--yes")
    assert (code, stdout.strip()) == (0, "3 discarded")
    assert store.dead_letters.show(later).status is DeadLetterStatus.OPEN
    assert dlq(store, "discard", later, "--reason", "drill")[0] == 0


def test_rules_that_are_not_in_force_are_refused(store: Store, fake: FakeHeadgate) -> None:
    code, _, stderr = dlq(store, "replay", "--all", "--dry-run", "--blueprint", "other@1")
    assert (code, "other@1 is not in force" in stderr) == (2, True), stderr


def test_before_the_first_run_it_says_how_to_begin_one(store: Store, fake: FakeHeadgate) -> None:
    code, stdout, stderr = dlq(store, "replays")
    assert code == 0, stderr
    assert stdout.startswith("no runs yet: `headgate dlq replay")


def test_a_letter_that_is_misspelt_or_not_open_holds_up_the_others(store: Store, fake: FakeHeadgate) -> None:
    code, _, stderr = dlq(store, "replay", LETTER, "case/shop/e22/dead/1")
    assert (code, "case/shop/e22/dead/1' is unknown" in stderr) == (1, True), stderr
    store.dead_letters.discard("case/shop/e2/dead/1", reason="spam", by="tom", now=NOW)
    code, _, stderr = dlq(store, "replay", LETTER, "case/shop/e2/dead/1", "--dry-run")
    assert (code, "is discarded (by tom: spam)" in stderr) == (1, True), stderr
    assert store.dead_letters.show(LETTER).status is DeadLetterStatus.OPEN


def test_a_run_that_temporal_forgot_is_not_begun_anew(
    store: Store, fake: FakeHeadgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []

    async def standing(_: Replays, replay_id: str) -> RunStanding:
        return RunStanding(standing=NOT_STARTED)

    async def start(_: Replays, order: ReplayOrder) -> None:
        started.append(order.replay_id)

    monkeypatch.setattr(Replays, "standing", standing)
    monkeypatch.setattr(Replays, "start", start)
    orders = SqlReplayOrders(store.database)
    now = store.dead_letters.now()
    for name, at in (("new", now), ("begun", now), ("old", now - timedelta(hours=2))):
        orders.place(
            ReplayOrder(replay_id=f"replay/{name}", chosen=LetterFilter(), per_second=5, by="dana", at=at),
        )
    store.dead_letters.mark_replayed(LETTER, "dana", now, "replay/begun")
    runs = json.loads(dlq(store, "replays", "--json")[1])["replays"]
    assert {run["replay_id"]: run["standing"] for run in runs} == {
        "replay/new": "not started",
        "replay/begun": "forgotten",
        "replay/old": "forgotten",
    }
    parts: Any = SimpleNamespace(replay_orders=orders, store=store)
    headgate: Any = fake
    assert [run["replay_id"] for run in asyncio.run(running_replays(parts, headgate))] == ["replay/new"]
    for name in ("old", "begun"):
        code, _, stderr = dlq(store, "replays", name, "--resume")
        assert (code, "place a new order" in stderr) == (1, True), stderr
    assert dlq(store, "replays", "new", "--resume")[0] == 0
    assert started == ["replay/new"]
