"""The command line as a person types it."""

from pathlib import Path

from typer.testing import CliRunner

from commands.main import app

PROJECT = Path(__file__).resolve().parents[3]
CASE, APPROVAL = "case/shop/1", "case/shop/1/approval/1"


def run(*arguments: str) -> "tuple[int, str, str]":
    """Run a command in this process; return its exit code, stdout and stderr."""
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr
