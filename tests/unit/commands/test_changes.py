"""A command that changes something says what became of it, in one document with `--json`."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from temporalio.service import RPCError, RPCStatusCode

from adapters.store import open_store
from domain.deadletter import DeadLetter
from domain.errors import FailureKind
from tests.fakes.headgate import FakeHeadgate
from tests.unit.commands.command_line import APPROVAL, CASE, run

DECISIONS = [
    (("cases", "route", CASE, "Sales", "--by", "ann"), CASE, "route by ann"),
    (("cases", "answer", CASE, "--text", "hello", "--by", "ann"), CASE, "answer by ann"),
    (("cases", "close", CASE, "--by", "ann"), CASE, "close by ann"),
    (("approvals", "approve", APPROVAL, "--by", "ann"), APPROVAL, "approve by ann"),
    (("approvals", "reject", APPROVAL, "--by", "ann"), APPROVAL, "reject by ann"),
]


@pytest.mark.parametrize(
    ("arguments", "subject", "said"),
    [
        *DECISIONS,
        (("cases", "start", "hello"), CASE, "accepted"),
        (("cases", "cancel", CASE), CASE, "asked to end"),
        (("intake", "pause"), "intake/default", "paused"),
        (("intake", "resume"), "intake/default", "resumed"),
        (("intake", "pace", "5"), "intake/default", "up to 5 cases per second"),
    ],
)
def test_a_change_is_told_in_one_document(
    fake: FakeHeadgate, arguments: tuple[str, ...], subject: str, said: str
) -> None:
    code, stdout, _ = run(*arguments, "--json")
    document = json.loads(stdout)
    assert code == 0
    assert document.pop("message").startswith(said)
    assert document == {"ids": [subject], "accepted": True}


@pytest.mark.parametrize(("arguments", "subject", "said"), DECISIONS)
def test_a_decision_that_did_not_count_is_exit_1(
    fake: FakeHeadgate, arguments: tuple[str, ...], subject: str, said: str
) -> None:
    fake.counts = False
    code, stdout, _ = run(*arguments, "--json")
    document = json.loads(stdout)
    assert (code, document["ids"], document["accepted"]) == (1, [subject], False)
    assert said in document["message"]
    code, stdout, stderr = run(*arguments)
    assert (code, stdout) == (1, "")
    assert said in stderr


def test_dead_letters_are_changed_in_one_document(tmp_path: Path, fake: FakeHeadgate) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    now = datetime.now(UTC)
    letter = DeadLetter(
        dead_letter_id="case/shop/1/dead/1",
        case_id=CASE,
        source="shop",
        kind=FailureKind.TRANSIENT,
        step="refund",
        last_error="busy",
        payload_ref="p",
        blueprint_version="b",
        at=now,
    )
    store.dead_letters.bury(letter)
    store.close()
    data = ("--data-dir", str(tmp_path), "--json")
    code, stdout, stderr = run("dlq", "replay", "--all", "--dry-run", *data)
    assert code == 0, stderr
    assert json.loads(stdout) == {
        "would_replay": 1,
        "by_reason": [{"reason": "transient", "source": "shop", "letters": 1}],
        "seconds": 0,
        "blueprint": "own",
    }
    code, stdout, _ = run("dlq", "discard", letter.dead_letter_id, "--reason", "old", *data)
    assert json.loads(stdout) == {"ids": [letter.dead_letter_id], "accepted": True, "message": "discarded"}
    code, stdout, _ = run("effects", "stop", "--reason", "trial", *data)
    assert json.loads(stdout) == {"ids": ["effects"], "accepted": True, "message": "effects are stopped"}


def test_what_temporal_refuses_is_one_line_and_exit_3(fake: FakeHeadgate, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(case_id: str) -> None:
        raise RPCError("transport error", RPCStatusCode.UNAVAILABLE, b"")

    monkeypatch.setattr(fake.cases, "cancel", gone)
    code, _, stderr = run("cases", "cancel", CASE)
    assert code == 3
    assert "UNAVAILABLE" in stderr
    assert "headgate doctor" in stderr
