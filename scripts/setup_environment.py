"""The part of setup that makes `.venv` with the locked dependencies."""

import hashlib
import os
import shutil
import sys
from pathlib import Path

from setup_progress import SetupError, run, say

REPOSITORY = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = (3, 11)
VENV_LIMIT_S = 180
PIP_LIMIT_S = 600
SYNC_LIMIT_S = 1200
ANSWER_LIMIT_S = 60


def make_environment() -> None:
    """Make `.venv` with the locked dependencies; left alone while lock, project and Python are unchanged."""
    environment = REPOSITORY / ".venv"
    python = environment / "bin" / "python"
    stamp = environment / ".headgate-setup"
    if stamp.is_file() and python.exists() and stamp.read_text("ascii") == _environment_digest():
        say("dependencies: there, as locked")
        return
    stamp.unlink(missing_ok=True)
    if not _is_recent(python):
        say(f"virtual environment: making .venv with Python {sys.version_info[0]}.{sys.version_info[1]}")
        try:
            run([sys.executable, "-m", "venv", "--clear", environment], limit_s=VENV_LIMIT_S, what="python -m venv")
        except SetupError as error:
            raise SetupError(
                f"{error}\n  This Python lacks `venv`: on Debian or Ubuntu `apt-get install python3-venv`."
            ) from None
    uv = _uv(python)
    say("dependencies: installing as locked (a minute or two at first, by the network)")
    environ = {
        **os.environ,
        "UV_PROJECT_ENVIRONMENT": str(environment),
        "VIRTUAL_ENV": str(environment),
        "UV_COMPILE_BYTECODE": "1",  # without it each process compiles for a second at its start
    }
    run(
        [uv, "sync", "--locked", "--inexact", "--project", REPOSITORY, "--python", python],
        limit_s=SYNC_LIMIT_S,
        what="uv sync --locked",
        environ=environ,
    )
    stamp.write_text(_environment_digest(), "ascii")
    say("dependencies: ready")


def _environment_digest() -> str:
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "uv.lock", ".venv/pyvenv.cfg"):
        digest.update((REPOSITORY / name).read_bytes())
    return digest.hexdigest()


def _is_recent(python: Path) -> bool:
    if not python.exists():
        return False
    question = f"import sys; sys.exit(sys.version_info < {OLDEST_PYTHON})"
    try:
        run([python, "-c", question], limit_s=ANSWER_LIMIT_S, what=f"{python} --version")
    except SetupError:
        return False
    return True


def _uv(python: Path) -> Path:
    own = python.parent / "uv"
    for found in (shutil.which("uv"), own if own.exists() else None):
        if found is None:
            continue
        try:
            run([found, "--version"], limit_s=ANSWER_LIMIT_S, what="uv --version")
        except SetupError:
            # A shim of a version manager can be on PATH without a program behind it.
            continue
        return Path(found)
    say("uv: not found, installing it into .venv")
    try:
        run([python, "-m", "ensurepip"], limit_s=ANSWER_LIMIT_S, what="python -m ensurepip")
        run([python, "-m", "pip", "install", "--quiet", "uv"], limit_s=PIP_LIMIT_S, what="pip install uv")
    except SetupError as error:
        raise SetupError(f"{error}\n  Without a network: install `uv` by other means and put it on PATH.") from None
    return own
