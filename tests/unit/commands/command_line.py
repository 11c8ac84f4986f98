"""The command line as a person types it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from commands.main import app

PROJECT = Path(__file__).resolve().parents[3]
CASE, APPROVAL = "case/shop/1", "case/shop/1/approval/1"


def run(*arguments: str) -> "tuple[int, str, str]":
    """Run a command in this process; return its exit code, stdout and stderr."""
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def every_command(group: Any, *path: str) -> Iterator[tuple[str, Any]]:
    """Yield the words of every command, and the command."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from every_command(command, *path, name)
        else:
            yield " ".join((*path, name)), command
