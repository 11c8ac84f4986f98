"""What `headgate doctor` finds: the programs, the machine, what is reachable, and what to do about the rest.

Every check runs beside the others, is bounded in time and never raises: what cannot be looked at is a finding too.
"""

import asyncio
import os
import platform
import shutil
import sqlite3
import sys
import tempfile
import textwrap
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from domain.errors import ServerProgramMissingError
from workers.machine.temporal_server import find_temporal, find_test_server

if TYPE_CHECKING:
    from rich.console import Console

OLDEST_PYTHON = (3, 11)
OLDEST_SQLITE = (3, 35, 0)  # RETURNING, which the store uses
LEAST_FREE_BYTES = 1 << 30
ANSWER_LIMIT_S = 5.0
TEMPORAL_PROGRAM = "temporal program"
_MOST_CHARS = 1000  # some libraries repeat whole answers
_MARKS = {True: ("ok", "green"), False: ("fault", "bold red"), None: ("-", "dim")}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the diagnosis.

    Attributes:
        name: what was looked at.
        ok: ``False`` if something needed is missing or broken; ``None`` if it is absent and may be.
        found: what is there, with its version.
        remedy: what to do; empty if nothing.
    """

    name: str
    ok: bool | None
    found: str
    remedy: str = ""


async def diagnose(
    *,
    data_dir: Path,
    gateway_url: str | None = None,
    models: Sequence[tuple[str, str]] = (),
    environ: Mapping[str, str] | None = None,
) -> list[Finding]:
    """Look at the machine and at what answers over HTTP; order and names of the findings are stable.

    Args:
        data_dir: of the installation; need not exist.
        gateway_url: base URL of the gateway; ``None``: nothing runs, as far as is known.
        models: name and base URL of each model endpoint in use.
        environ: the environment to look at, if not this process's own.
    """
    env = os.environ if environ is None else environ
    checks: list[Awaitable[Finding]] = [
        asyncio.to_thread(check_python),
        asyncio.to_thread(check_environment),
        check_temporal_program(env),
        check_test_server(env),
        check_java(env),
        asyncio.to_thread(check_sqlite, data_dir),
        asyncio.to_thread(check_disk, data_dir),
        check_http("gateway", f"{gateway_url}/healthz" if gateway_url else None, "start it with `headgate up`"),
        *(check_http(f"model endpoint {name}", url, _model_remedy(url), any_answer=True) for name, url in models),
    ]
    return list(await asyncio.gather(*checks))


def check_python() -> Finding:
    """Is this Python new enough?"""
    found = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info[:2] < OLDEST_PYTHON:
        return Finding("python", False, found, "install Python 3.11 or newer and run `make setup PYTHON=…`")
    return Finding("python", True, found)


def check_environment() -> Finding:
    """Does this run in a virtual environment (as `make setup` makes it)?"""
    if sys.prefix == sys.base_prefix:
        return Finding(
            "virtual environment",
            None,
            "none: the system's packages are used",
            "run `make setup`, then .venv/bin/headgate",
        )
    return Finding("virtual environment", True, sys.prefix)


async def check_temporal_program(environ: Mapping[str, str] | None = None) -> Finding:
    """Is Temporal's server program there, and does it run?"""
    name = TEMPORAL_PROGRAM
    try:
        program = find_temporal(environ)
    except ServerProgramMissingError as error:
        return Finding(name, False, "not found", str(error))
    answer = await _answer_of(str(program), "--version")
    if answer is None or "temporal version" not in answer:
        return Finding(name, False, f"{program} does not run", "remove it and run `make setup`")
    version = answer.strip().splitlines()[-1].removeprefix("temporal version ")
    return Finding(name, True, f"{version} ({program})")


async def check_test_server(environ: Mapping[str, str] | None = None) -> Finding:
    """Is the time-skipping server there? Only tests need it."""
    try:
        return Finding("test server", True, str(await asyncio.to_thread(find_test_server, environ)))
    except ServerProgramMissingError as error:
        return Finding("test server", None, "not found; only tests need it", str(error))


async def check_java(environ: Mapping[str, str] | None = None) -> Finding:
    """Is Java there? Only a test server that was fetched by Maven, a script, needs it."""
    env = os.environ if environ is None else environ
    java = shutil.which("java", path=env.get("PATH"))
    answer = await _answer_of(java, "-version") if java else None
    if answer is not None:
        return Finding("java", True, f"{answer.strip().splitlines()[0]} ({java})")
    try:
        needed = find_test_server(env).read_bytes()[:2] == b"#!"
    except (ServerProgramMissingError, OSError):
        needed = False
    if needed:
        return Finding("java", False, "not found", "the test server runs on it: `apt-get install default-jre-headless`")
    return Finding("java", None, "not found; not needed here")


def check_sqlite(data_dir: Path) -> Finding:
    """Is SQLite new enough, and does its write-ahead log work where the data is?"""
    folder = data_dir if data_dir.is_dir() else Path(tempfile.gettempdir())
    found = f"{sqlite3.sqlite_version}, tried in {folder}"
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        return Finding(
            "sqlite", False, found, f"needs {'.'.join(map(str, OLDEST_SQLITE))} or newer: use a newer Python"
        )
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".doctor-") as trial:
            database = sqlite3.connect(Path(trial) / "trial.db")
            try:
                mode = str(database.execute("PRAGMA journal_mode=WAL").fetchone()[0])
                database.execute("CREATE TABLE trial (id INTEGER)")
                database.commit()
            finally:
                database.close()
    except (OSError, sqlite3.Error) as error:
        return Finding("sqlite", False, f"{found}: {error}", "make the folder writable, or choose another --data-dir")
    if mode != "wal":
        remedy = "choose a --data-dir on a local disk: network file systems cannot do it"
        return Finding("sqlite", False, f"{found}: no write-ahead log ({mode!r} instead)", remedy)
    return Finding("sqlite", True, f"{found}, write-ahead log works")


def check_disk(data_dir: Path) -> Finding:
    """Is there room where the data is, or will be?"""
    folder = data_dir.absolute()
    while not folder.is_dir():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    found = f"{free / (1 << 30):.1f} GiB free at {folder}"
    if free < LEAST_FREE_BYTES:
        return Finding("disk", False, found, "free at least 1 GiB: databases that run out of room stop taking work")
    return Finding("disk", True, found)


async def check_http(name: str, url: str | None, remedy: str, *, any_answer: bool = False) -> Finding:
    """Does something answer over HTTP? With ``any_answer``, also a refusal shows that somebody is there."""
    if url is None:
        return Finding(name, None, "no address known: nothing is running here", remedy)
    import httpx

    try:
        shown = _without_credentials(url)
    except ValueError as error:
        return Finding(name, False, f"not an address: {error}", remedy)
    try:
        async with httpx.AsyncClient(timeout=ANSWER_LIMIT_S) as client:
            status = (await client.get(url)).status_code
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return Finding(name, False, f"{shown}: {type(error).__name__} {one_line(error)}".rstrip(), remedy)
    good = status < 500 if any_answer else status < 300
    return Finding(name, good, f"{shown} answers {status}", "" if good else remedy)


def as_document(findings: Sequence[Finding]) -> dict[str, object]:
    """Return the diagnosis as one JSON document: ``ok`` is false if any finding is."""
    return {"ok": all(finding.ok is not False for finding in findings), "findings": [asdict(f) for f in findings]}


def print_table(findings: Sequence[Finding], console: "Console | None" = None) -> None:
    """Print the diagnosis: for people on a terminal, tab-separated otherwise. No path or word is ever broken in two."""
    from rich.console import Console
    from rich.text import Text

    out = console or Console()
    widest = max((len(finding.name) for finding in findings), default=0)
    for finding in findings:
        word, style = _MARKS[finding.ok]
        if not out.is_terminal:
            out.file.write(f"{word}\t{finding.name}\t{finding.found}\t{finding.remedy}\n")
            continue
        # As Text: paths and messages may hold square brackets, which rich would take for markup.
        line = Text.assemble((f"{word:5}", style), f"  {finding.name:{widest}}  ")
        indent = len(line)
        line.append(_wrapped(finding.found, indent, out.width))
        if finding.remedy:
            line.append(f"\n{' ' * indent}")
            line.append(_wrapped(f"→ {finding.remedy}", indent, out.width), style="yellow")
        out.print(line, soft_wrap=True)


def _wrapped(text: str, indent: int, width: int) -> str:
    """Break a text between words, so that it fits behind an indent; a word too long for a line keeps its length."""
    lines = textwrap.wrap(text, max(width - indent, 20), break_long_words=False, break_on_hyphens=False)
    return f"\n{' ' * indent}".join(lines)


async def _answer_of(*command: str) -> str | None:
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError:
        return None
    try:
        printed, _ = await asyncio.wait_for(process.communicate(), ANSWER_LIMIT_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        return None
    return printed.decode("utf-8", "replace") if process.returncode == 0 and printed.strip() else None


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def _model_remedy(url: str) -> str:
    if any(f"//{host}" in url for host in ("127.0.0.1", "localhost", "[::1]")):
        return "start it: `headgate up` runs the offline model, others (Ollama, vLLM) have their own command"
    return "check the base URL in the blueprint, and the network"


def one_line(error: BaseException) -> str:
    """Return an error's message on one line; one of more than a page is cut at a word."""
    return textwrap.shorten(str(error), _MOST_CHARS, placeholder=" …")
