"""What the README shows works as it stands there."""

import functools
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.blueprints.folder import load_blueprint
from adapters.models.factory import build_models
from adapters.moods.memory import MoodsInMemory
from domain.model_call import Tier
from tests.e2e.running import HEADGATE, PROJECT, Running
from workers.config.secret_files import secrets_in

PORT_BASE = 20_800
README = (PROJECT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
TOMLS = [text for lang, text in BLOCKS if lang == "toml"]
SESSION = next(text for _, text in BLOCKS if ".venv/bin/headgate up" in text).splitlines()
OWN = next(text for _, text in BLOCKS if ".venv/bin/headgate records import" in text)
PROGRAMS = [text for lang, text in BLOCKS if lang == "python"]
# In blocks, and in the running text between back quotes.
SHOWN = sorted(
    {
        line.removeprefix(".venv/bin/")
        for _, text in BLOCKS
        for line in text.splitlines()
        if line.startswith(".venv/bin/headgate ")
    }
    | {quoted for quoted in re.findall(r"`(headgate [^`\n]+)`", README) if "|" not in quoted}
)


def test_the_readme_shows_commands_and_a_program() -> None:
    assert len(SHOWN) >= 10
    assert len(PROGRAMS) == 1


@functools.cache
def help_of(*path: str) -> str:
    done = subprocess.run(
        [*HEADGATE, *path, "--help"], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"{path}: {done.stderr}"
    return done.stdout


@pytest.mark.parametrize("line", SHOWN)
def test_every_command_shown_exists_with_the_options_shown(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    path = []
    told = ""
    for word in ["", *words]:
        if word:
            path.append(word)
        told = help_of(*path)
        if "Commands:" not in told:
            break
    else:
        assert not words, f"{line!r} names a group of commands, but no command"
    for option in (word for word in words if word.startswith("--")):
        assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", told), f"{option} is not an option of {path}"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_program_runs_as_shown(start_headgate: Callable[..., Running], tmp_path: Path) -> None:
    running = start_headgate("--samples", port_base=PORT_BASE)
    (tmp_path / ".headgate").symlink_to(running.data_dir)
    (tmp_path / "program.py").write_text(PROGRAMS[0], "utf-8")
    done = subprocess.run(
        [sys.executable, "program.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = re.fullmatch(r"case/shop/evt_\w+ rejected Billing (.+)\n", done.stdout)
    assert told, done.stdout
    assert f"it prints `{told[1]}`" in README


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_session_runs_as_shown(start_headgate: Callable[..., Running]) -> None:
    lines = [shlex.split(line, comments=True)[1:] for line in SESSION]
    [started] = [words[1:] for words in lines if words[0] == "up"]
    running = start_headgate(*started, port_base=PORT_BASE + 50)
    for words in (words for words in lines if words[0] != "up"):
        if words == ["models", "list"]:  # of this machine, not of a Headgate
            done = subprocess.run([*HEADGATE, *words], env=running.env, capture_output=True, text=True, check=False)
        else:
            done = running.command(*words)
        assert done.returncode == 0, f"{words}: {done.stdout[-2000:]}{done.stderr}"
    states = running.states()
    assert running.json("intake", "show")["paused"] is False
    assert running.json("status")["effects"] == "allowed"
    assert (states["case/shop/evt-0132"], states["case/shop/evt-0079"]) == ("done", "done")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_records_of_ones_own_are_worked_as_shown(start_headgate: Callable[..., Running], tmp_path: Path) -> None:
    running = start_headgate(port_base=PORT_BASE + 100)
    (tmp_path / ".headgate").symlink_to(running.data_dir)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    command = tmp_path / ".venv" / "bin" / "headgate"
    command.write_text(f'#!/bin/sh\nexec {shlex.join(HEADGATE)} "$@"\n', "utf-8")
    command.chmod(0o755)
    done = subprocess.run(
        ["sh", "-eux", "-c", OWN],
        cwd=tmp_path,
        env={**running.env, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}{done.stderr[-3000:]}"
    assert "3 records written" in done.stdout
    assert "refund of 49.90 USD on ORD-1: undelivered" in done.stdout
    assert "audit: clean" in done.stdout


def test_the_model_profile_shown_is_good(tmp_path: Path) -> None:
    [profile] = [block for block in TOMLS if block.startswith("[models.")]
    name = re.findall(r"\[models\.(\w+)\.", profile)[0]
    assert f"`HEADGATE_MODELS={name} .venv/bin/headgate up`" in README
    folder = Path(shutil.copytree(PROJECT / "blueprints" / "default", tmp_path / "blueprint"))
    with (folder / "blueprint.toml").open("a", encoding="utf-8") as file:
        file.write(profile)
    models = build_models(load_blueprint(folder), name, secrets_in({}), "http://127.0.0.1:1", MoodsInMemory())
    assert set(models) == {Tier.SMALL, Tier.LARGE}
