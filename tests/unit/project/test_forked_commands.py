"""The commands that the tests fork are the commands that people type."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.commanding import run_headgate
from tests.e2e.running import HEADGATE, PROJECT


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("cases", "nope"),
        ("cases", "list", "--limit", "0"),
        ("cases", "list", "--data-dir", "{folder}"),
        ("submit", "-", "--data-dir", "{folder}"),
        ("sources", "add", "Straße", "--data-dir", "{folder}"),
    ],
    ids=" ".join,
)
def test_a_forked_command_says_and_returns_what_a_typed_one_does(arguments: tuple[str, ...], tmp_path: Path) -> None:
    words = [word.format(folder=tmp_path) for word in arguments]
    env = {name: value for name, value in os.environ.items() if name != "TEMPORAL_ADDRESS"}
    forked = run_headgate(*words, env=env, stdin="no JSON\n", timeout=100)
    typed = subprocess.run(
        [*HEADGATE, *words],
        cwd=PROJECT,
        env=env,
        input="no JSON\n",
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (forked.returncode, forked.stdout, forked.stderr) == (typed.returncode, typed.stdout, typed.stderr)


def test_a_forked_command_has_the_environment_it_is_given_and_no_other(tmp_path: Path) -> None:
    env = {"HEADGATE_STORE_URL": "nonsense", "PATH": os.environ["PATH"]}
    done = run_headgate("records", "import", str(tmp_path), "--data-dir", str(tmp_path), env=env, timeout=100)
    assert done.returncode != 0
    assert "the store's URL cannot be read" in done.stderr


def test_a_forked_command_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        run_headgate("gateway", "--data-dir", str(tmp_path), env=dict(os.environ), timeout=0.01)
