"""The command line keeps its word: quick help, one JSON document, the documented exit codes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self
from unittest.mock import MagicMock

import pytest
from temporalio.service import RPCError, RPCStatusCode
from typer.main import get_command
from typer.testing import CliRunner

from adapters.store import open_store
from client.case_rows import CaseRow
from client.cases import Headgate, UnknownCaseError
from commands.main import app
from commands.work import cases as case_commands
from commands.work.audit import audit_report
from domain.audit.facts import AuditReport, Violation
from domain.case import CaseAnswer, CaseMessage, CaseState, CaseStatus, HumanDecision
from domain.deadletter import DeadLetter
from domain.errors import FailureKind
from domain.intake import IntakeState
from domain.money.approval import ApprovalDecision, DecisionAnswer

PROJECT = Path(__file__).resolve().parents[3]
VENDOR_SDKS = (
    "temporalio",
    "openai",
    "anthropic",
    "redis",
    "sqlalchemy",
    "starlette",
    "uvicorn",
    "httpx",
    "lxml",
    "numpy",
)
COMMANDS = {
    "up", "init", "submit", "status", "audit", "demo", "gateway", "worker", "offline-model", "doctor", "cases",
    "approvals", "intake", "eval", "bench", "dlq", "ledger", "effects", "blueprint", "records",
}  # fmt: skip


def run(*arguments: str) -> "tuple[int, str, str]":
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_help_imports_no_vendor_sdk() -> None:
    """`--help` stays instant because nothing heavy is loaded for it."""
    code = (
        "import sys\nfrom commands.main import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([m for m in {VENDOR_SDKS!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "submit" in done.stdout


def test_every_command_is_there_and_explains_itself() -> None:
    code, stdout, _ = run("--help")
    assert code == 0
    missing = [name for name in COMMANDS if name not in stdout]
    assert not missing


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_each_command_has_help(command: str) -> None:
    code, stdout, _ = run(command, "--help")
    assert code == 0
    assert "Usage" in stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("audit",),
        ("dlq", "list"),
        ("ledger", "export"),
        ("records", "import", str(PROJECT / "samples" / "records")),
        ("cases", "list"),
        ("approvals", "list"),
        ("intake", "pause"),
        ("submit", str(PROJECT / "samples" / "complaints.jsonl")),
    ],
)
def test_nothing_running_is_exit_3_and_says_what_to_do(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEMPORAL_ADDRESS", raising=False)
    code, _, stderr = run(*arguments, "--data-dir", str(tmp_path / "none"))
    assert code == 3, stderr
    assert "headgate up" in stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("worker", "--role", "cook"), "cook"),
        (("cases", "route", "case/shop/x", "Marketing"), "Marketing"),
        (("cases", "answer", "case/shop/x", "--text", "  "), "empty"),
        (("dlq", "replay"), "--all"),
        (("dlq", "replay", "case/x/dead/1", "--all"), "--all"),
        (("dlq", "replay", "--all", "--kind", "Foo"), "told_to_wait"),
        (("cases", "list", "--category", "Foo"), "Technical Support"),
        (("cases", "list", "--state", "Foo"), "waiting_human"),
    ],
)
def test_wrong_use_is_exit_2_and_names_the_value(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    code, _, stderr = run(*arguments, "--data-dir", str(tmp_path))
    assert code == 2
    assert said in stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("doctor",),
        ("status",),
        ("dlq", "list"),
        ("up",),
        ("demo", "--ci"),
        ("gateway",),
        ("worker", "--role", "case"),
        ("offline-model",),
        ("blueprint", "validate"),
        ("bench", "cases"),
        ("eval", "routing", "--data", str(PROJECT / "samples" / "complaints.jsonl")),
    ],
    ids=" ".join,
)
def test_settings_that_make_no_sense_are_named(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADGATE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HEADGATE_GATEWAY_PORT", "ninety")
    code, _, stderr = run(*arguments)
    assert code == 2
    assert "HEADGATE_GATEWAY_PORT='ninety'" in stderr


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [("HEADGATE_MODELS", "oracle", "anthropic, offline, openai"), ("HEADGATE_BLUEPRINT", "/nowhere", "no such folder")],
)
def test_a_profile_or_a_blueprint_that_does_not_exist_is_wrong_use(
    variable: str, value: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    (tmp_path / "data.jsonl").write_text('{"id": "1", "text": "hello", "label": null}')
    code, _, stderr = run("eval", "routing", "--data", str(tmp_path / "data.jsonl"))
    assert code == 2
    assert variable in stderr
    assert repr(value) in stderr
    assert said in stderr


def test_a_settings_file_that_is_not_there_or_wrong_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "headgate.toml"
    monkeypatch.setenv("HEADGATE_CONFIG_FILE", str(file))
    for content, said in (
        (None, "no such file"),
        ("gateway_port = ", "HEADGATE_CONFIG_FILE"),
        ("gateway_prot = 1", "gateway_prot"),
        ('rail = "gold"', "'gold'"),
    ):
        if content is not None:
            file.write_text(content)
        code, _, stderr = run("status", "--data-dir", str(tmp_path))
        assert code == 2
        assert str(file) in stderr
        assert said in stderr


def every_command(group: Any, *path: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from every_command(command, *path, name)
        else:
            yield " ".join((*path, name)), command


def test_every_command_that_ends_by_itself_has_json() -> None:
    """As the README says."""
    goes_on = {"up", "demo", "gateway", "worker", "offline-model", "cases follow"}
    commands = dict(every_command(get_command(app)))
    without = {name for name, c in commands.items() if not any("--json" in p.opts for p in c.params)}
    assert without == goes_on
    readme = (PROJECT / "README.md").read_text("utf-8")
    assert all(f"`{name}`" in readme for name in goes_on)


class FakeHeadgate:
    """A running Headgate with one case and one approval; what is asked for is done, or had no effect."""

    counts = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None: ...

    async def row(self, case_id: str) -> CaseRow:
        if case_id != "case/shop/1":
            raise UnknownCaseError(case_id)
        return CaseRow(case_id=case_id, state="terminated", tenant="acme", amount_minor=500, cost_micros=7)

    async def status(self, case_id: str) -> CaseStatus:
        return CaseStatus(case_id=case_id, state=CaseState.WAITING_HUMAN, waits_for="a person")

    async def message(self, case_id: str) -> CaseMessage:
        return CaseMessage(subject="No refund", lang="en", flags=["attachments"], text="Where is\n\nmy \x1b[2Jmoney?")

    async def start(self, **message: object) -> str:
        return "case/shop/1"

    async def cancel(self, case_id: str) -> None: ...

    async def decide_case(self, case_id: str, decision: HumanDecision) -> CaseAnswer:
        return CaseAnswer(accepted=self.counts, message=f"{decision.verdict} by {decision.by}")

    async def show(self, approval_id: str) -> SimpleNamespace:
        return SimpleNamespace(digest="d")

    async def decide(self, decision: ApprovalDecision) -> DecisionAnswer:
        return DecisionAnswer(accepted=self.counts, message=f"{decision.verdict} by {decision.by}")

    async def pause_intake(self) -> IntakeState:
        return IntakeState(paused=True)

    async def resume_intake(self) -> None: ...

    async def pace_intake(self, per_second: float) -> None: ...


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeHeadgate:
    headgate = FakeHeadgate()

    async def connect(data_dir: Path | None = None) -> FakeHeadgate:
        return headgate

    monkeypatch.setattr(Headgate, "connect", connect)
    return headgate


CASE, APPROVAL = "case/shop/1", "case/shop/1/approval/1"
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
        "ids": [letter.dead_letter_id],
        "accepted": True,
        "message": "1 would be started again",
    }
    code, stdout, _ = run("dlq", "discard", letter.dead_letter_id, "--reason", "old", *data)
    assert json.loads(stdout) == {"ids": [letter.dead_letter_id], "accepted": True, "message": "discarded"}
    code, stdout, _ = run("effects", "stop", "--reason", "trial", *data)
    assert json.loads(stdout) == {"ids": ["effects"], "accepted": True, "message": "effects are stopped"}


def test_a_case_that_was_terminated_is_shown_as_the_list_shows_it(fake: FakeHeadgate) -> None:
    """Its workflow still says that it waits, since nobody told it."""
    code, stdout, stderr = run("cases", "show", CASE, "--json")
    assert code == 0, stderr
    document = json.loads(stdout)
    assert set(CaseRow.model_fields) <= set(document)
    assert (document["state"], document["waits_for"]) == ("terminated", "")
    assert (document["tenant"], document["amount_minor"], document["cost_micros"]) == ("acme", 500, 7)


def test_following_an_unknown_case_says_so(fake: FakeHeadgate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_commands, "LET_IN_WITHIN_S", 0.0)
    code, _, stderr = run("cases", "follow", "case/shop/none")
    assert code == 1
    assert stderr.startswith("case/shop/none: not known")
    assert "cases list" in stderr


def test_what_temporal_refuses_is_one_line_and_exit_3(fake: FakeHeadgate, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(case_id: str) -> None:
        raise RPCError("transport error", RPCStatusCode.UNAVAILABLE, b"")

    monkeypatch.setattr(fake, "cancel", gone)
    code, _, stderr = run("cases", "cancel", CASE)
    assert code == 3
    assert "UNAVAILABLE" in stderr
    assert "headgate doctor" in stderr


async def test_a_violation_names_its_case(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(**parts: object) -> AuditReport:
        return AuditReport(violations=[Violation(promise="S2", kind="paid_twice", subject=CASE, text="paid twice")])

    monkeypatch.setattr("client.audit.run_audit", broken)
    anything: Any = MagicMock()
    _, lines = await audit_report(anything, anything)
    assert lines[0].startswith(f"S2 {CASE}: paid twice")


def test_doctor_prints_one_json_document(tmp_path: Path) -> None:
    code, stdout, stderr = run("doctor", "--json", "--data-dir", str(tmp_path))
    document = json.loads(stdout)
    assert code == (0 if document["ok"] else 1), stderr
    assert {"name", "ok", "found", "remedy"} <= set(document["findings"][0])


def test_blueprint_validate_names_the_key_that_is_wrong(tmp_path: Path) -> None:
    code, stdout, _ = run("blueprint", "validate", "--json")
    assert code == 0
    assert json.loads(stdout)["version"].startswith("default@")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "blueprint.toml").write_text('name = "broken"\nladder_s = [-1]\n')
    code, _, stderr = run("blueprint", "validate", str(tmp_path))
    assert code == 1
    assert "blueprint.toml" in stderr


@pytest.mark.parametrize("what", ["intake", "cases"])
def test_an_installation_without_the_measurements_says_so(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The container image has no `bench`."""
    monkeypatch.setitem(sys.modules, "bench", None)
    code, _, stderr = run("bench", what)
    assert code == 2
    assert "make bench" in stderr


# --- data dirs and files that cannot be used ----------------------------------------------------------------------


@pytest.mark.parametrize("command", [["gateway"], ["up"], ["demo", "--ci"]], ids=["gateway", "up", "demo"])
def test_a_data_dir_that_cannot_be_used_is_named_with_the_remedy(command: list[str], tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a folder")
    code, _, said = run(*command, "--data-dir", str(in_the_way))
    assert code == 2
    assert said.splitlines()[-1] == (
        f"the data dir {str(in_the_way)!r} cannot be used (File exists): choose another with --data-dir or "
        "HEADGATE_DATA_DIR"
    )


@pytest.mark.parametrize("command", [["cases", "list"], ["status"], ["audit"], ["dlq", "list"], ["submit", "x"]])
def test_commands_on_what_is_no_data_dir_say_so(command: list[str], tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a folder")
    code, _, said = run(*command, "--data-dir", str(in_the_way))
    assert code == 3
    assert "headgate up" in said


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("sources.json", '{"sources": ['),
        ("sources.json", '{"sources": [{"name": "shop", "secrets": ["whsec_c2VjcmV0"], "colour": "red"}]}'),
        ("approvers.json", "[]"),
        ("approver-tokens.json", '{"ada": 7}'),
    ],
)
def test_a_broken_file_of_secrets_stops_the_gateway_with_one_line(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    code, _, said = run("gateway", "--data-dir", str(tmp_path))
    assert code == 1
    assert said.startswith(f"{str(tmp_path / name)!r} is not as expected: ")
    assert said.count("\n") == 1
    assert "c2VjcmV0" not in said


def test_a_broken_blueprint_stops_the_gateway_with_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "blueprint.toml").write_text("x = [")
    monkeypatch.setenv("HEADGATE_BLUEPRINT", str(tmp_path))
    code, _, said = run("gateway", "--data-dir", str(tmp_path / "data"))
    assert code == 1
    assert said.startswith(f"{tmp_path / 'blueprint.toml'}: no valid TOML: ")


def test_who_must_answer_a_case_sees_what_it_is_about(fake: FakeHeadgate) -> None:
    code, stdout, stderr = run("cases", "show", CASE)
    assert code == 0, stderr
    assert "No refund" in stdout
    assert '["attachments"]' in stdout
    assert "  | Where is\n  | \n  | my  [2Jmoney?" in stdout
    assert "\x1b" not in stdout, "it is the sender's text"
    code, stdout, _ = run("cases", "show", CASE, "--json")
    assert json.loads(stdout)["message"]["subject"] == "No refund"
