"""The command line keeps its word: quick help, one JSON document, the documented exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from workers.main import app

PROJECT = Path(__file__).resolve().parents[2]
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
    "approvals", "intake", "eval", "bench", "dlq", "ledger", "effects", "blueprint",
}  # fmt: skip


def run(*arguments: str) -> "tuple[int, str, str]":
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_help_imports_no_vendor_sdk() -> None:
    """`--help` stays instant because nothing heavy is loaded for it."""
    code = (
        "import sys\nfrom workers.main import app\n"
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
    ],
)
def test_wrong_use_is_exit_2_and_names_the_value(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    code, _, stderr = run(*arguments, "--data-dir", str(tmp_path))
    assert code == 2
    assert said in stderr


def test_settings_that_make_no_sense_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_GATEWAY_PORT", "ninety")
    code, _, stderr = run("doctor", "--data-dir", str(tmp_path))
    assert code == 2
    assert "gateway_port" in stderr


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
