"""`--help` is quick and complete, and what the README says of options holds."""

import subprocess
import sys

import pytest
from typer.main import get_command

from commands.main import app
from commands.terminal.cli import PROFILES
from tests.fakes.blueprint import BLUEPRINT
from tests.unit.commands.command_line import PROJECT, every_command, run

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
    "imapclient",
)
COMMANDS = {
    "up", "init", "submit", "status", "audit", "demo", "gateway", "worker", "offline-model", "doctor", "cases",
    "approvals", "intake", "eval", "bench", "dlq", "ledger", "effects", "blueprint", "records",
    "sources", "rescue", "models", "unstick", "mailbox", "budget", "knowledge", "router", "policy", "cache",
}  # fmt: skip


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


def test_help_and_the_example_name_every_model_profile_that_ships() -> None:
    assert set(PROFILES) == set(BLUEPRINT.models)
    for command in (("up",), ("eval", "routing")):
        code, stdout, _ = run(*command, "--help")
        assert code == 0
        assert not [name for name in PROFILES if name not in stdout]
    assert f"profiles works: {', '.join(PROFILES)}," in (PROJECT / ".env.example").read_text("utf-8")


def test_every_command_that_ends_by_itself_has_json() -> None:
    """As the README says."""
    goes_on = {"up", "demo", "gateway", "worker", "mailbox", "offline-model", "cases follow"}
    commands = dict(every_command(get_command(app)))
    without = {name for name, c in commands.items() if not any("--json" in p.opts for p in c.params)}
    assert without == goes_on
    readme = (PROJECT / "README.md").read_text("utf-8")
    assert all(f"`{name}`" in readme for name in goes_on)
