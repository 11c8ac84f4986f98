"""The part of setup that finds, downloads or builds Temporal's server and the time-skipping test server."""

import json
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from setup_environment import REPOSITORY
from setup_progress import SetupError, run, say

from domain.errors import ServerProgramMissingError, ServerProgramUnusableError
from workers.machine.temporal_server import (
    TEMPORAL_BIN_VARIABLE,
    TEST_SERVER_BIN_VARIABLE,
    cache_dir,
    cached_temporal,
    cached_test_server,
    find_temporal,
    find_test_server,
    is_program,
)

TEMPORAL_VERSION = "1.5.1"
TEMPORAL_MODULE = "github.com/temporalio/cli"
TEMPORAL_VERSION_SYMBOL = "temporalcli.Version"
OLDEST_GO = (1, 21)
TEST_SERVER_VERSION = "1.38.0"

UNFINISHED = "unfinished-"  # how the folders of cut-off work in the cache begin
TRIED = "tried.json"

DOWNLOAD_LIMIT_S = 120
BUILD_LIMIT_S = 1800
MAVEN_LIMIT_S = 600
START_LIMIT_S = 60

MAVEN_PROJECT = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>headgate.local</groupId>
  <artifactId>test-server</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>io.temporal</groupId>
      <artifactId>temporal-test-server</artifactId>
      <version>{version}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-nop</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""

# The SDK calls it as: PROGRAM PORT [FLAGS…]. The client compiler and the serial collector start faster; it lives for
# seconds.
TEST_SERVER_SCRIPT = """\
#!/bin/sh
# Temporal's time-skipping test server {version}, made by Headgate's `make setup`.
exec "${{JAVA_HOME:+$JAVA_HOME/bin/}}java" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \\
    -cp {libraries}/'*' io.temporal.testserver.TestServer "$@"
"""

# Both end by os._exit: without it one in five short-lived clients crashes in the interpreter's own end, with all done
# (temporalio/sdk-python issue 300).
DOWNLOAD_BY_SDK = """\
import asyncio, os, sys
from temporalio.testing import WorkflowEnvironment

async def main(which, folder):
    start = WorkflowEnvironment.start_local if which == "temporal" else WorkflowEnvironment.start_time_skipping
    environment = await start(download_dest_dir=folder)
    await environment.shutdown()

try:
    asyncio.run(main(*sys.argv[1:]))
except RuntimeError as error:
    print(error, flush=True)
    os._exit(1)
os._exit(0)
"""

START_ONCE = """\
import asyncio, os, sys
from temporalio.testing import WorkflowEnvironment

async def main(which, program):
    if which == "temporal":
        environment = await WorkflowEnvironment.start_local(dev_server_existing_path=program)
    else:
        environment = await WorkflowEnvironment.start_time_skipping(test_server_existing_path=program)
        await environment.get_current_time()
    await environment.shutdown()

try:
    asyncio.run(main(*sys.argv[1:]))
except RuntimeError as error:
    print(error, flush=True)
    os._exit(1)
os._exit(0)
"""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that setup provides.

    Attributes:
        title: its name, for people.
        find: returns the program or raises ``ServerProgramMissingError``.
        try_out: runs it and returns what is known of its version.
        ready: its place in the cache.
        ways: how to get it, in the order of trying: each fills a folder and returns the program in it.
        remedy: what a person can do when no way works.
    """

    title: str
    find: Callable[[], Path]
    try_out: Callable[[Path], str]
    ready: Path
    ways: Mapping[str, Callable[[Path], Path]]
    remedy: str


def temporal() -> Program:
    """Temporal's server, with its Web UI, in one program."""
    ready = cached_temporal()
    return Program(
        "Temporal server",
        find_temporal,
        _try_temporal,
        ready,
        {
            "the SDK's download": lambda folder: _download(folder, "temporal"),
            f"a build by Go of {TEMPORAL_MODULE} v{TEMPORAL_VERSION}": _build_temporal,
        },
        "install Go 1.21 or newer (the build takes 3 to 6 minutes and 250 MB), or get the `temporal` program "
        f"(Temporal CLI) yourself and put it on PATH or at {str(ready)!r}, or name it in {TEMPORAL_BIN_VARIABLE}",
    )


def test_server() -> Program:
    """The server that skips time in tests."""
    ready = cached_test_server()
    return Program(
        "test server",
        find_test_server,
        _try_test_server,
        ready,
        {
            "the SDK's download": lambda folder: _download(folder, "test-server"),
            f"Maven, version {TEST_SERVER_VERSION} with what it needs": _fetch_test_server,
        },
        "install Java 11 or newer and Maven (Debian: `apt-get install default-jre-headless maven`), or get the "
        f"`temporal-test-server` program yourself and put it at {str(ready)!r}, or name it in "
        f"{TEST_SERVER_BIN_VARIABLE}",
    )


def provide(program: Program) -> None:
    """Find a program, or get it by the first way that works.

    Raises:
        SetupError: no way works; with each way's trouble and what to do.
    """
    if _is_there(program):
        return
    troubles = []
    for way, get in program.ways.items():
        say(f"{program.title}: trying {way}")
        try:
            version = _install(get, program)
        except SetupError as error:
            say(f"{program.title}: no, {str(error).splitlines()[0]}")
            troubles.append(f"\n  - {way}: {error}")
        else:
            _remember_tried(program.ready)
            say(f"{program.title}: ready, {program.ready} ({version})")
            return
    raise SetupError(
        f"{program.title}: could not be had.\n  What to do: {program.remedy}.\n  Tried:{''.join(troubles)}"
    )


def remove_unfinished() -> None:
    """Remove what a cut-off setup has left in the cache. Call it only as the one setup at work."""
    for folder in cache_dir().glob(f"{UNFINISHED}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _is_there(program: Program) -> bool:
    try:
        found = program.find()
    except ServerProgramUnusableError as error:
        raise SetupError(f"{program.title}: {error}") from None
    except ServerProgramMissingError:
        return False
    if _tried_before(found):
        say(f"{program.title}: there, {found}")
        return True
    try:
        version = program.try_out(found)
    except SetupError as error:
        if found == program.ready:
            say(f"{program.title}: {found} does not run, getting it anew")
            return False
        raise SetupError(
            f"{program.title}: {str(found)!r} was found but does not run; mend it or take it away.\n  {error}"
        ) from None
    _remember_tried(found)
    say(f"{program.title}: there, {found} ({version})")
    return True


def _install(get: Callable[[Path], Path], wanted: Program) -> str:
    # Only a program that has run is moved to where others look for it; a cut-off download never gets there.
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=cache_dir()) as folder:
        program = get(Path(folder))
        program.chmod(0o755)
        version = wanted.try_out(program)
        wanted.ready.parent.mkdir(parents=True, exist_ok=True)
        program.replace(wanted.ready)
    return version


def _download(folder: Path, which: str) -> Path:
    python = REPOSITORY / ".venv" / "bin" / "python"
    command: list[str | Path] = [python, "-c", DOWNLOAD_BY_SDK, which, folder]
    run(command, limit_s=DOWNLOAD_LIMIT_S, what="the SDK's download", growing=folder)
    programs = [path for path in folder.iterdir() if is_program(path)]
    if len(programs) != 1:
        raise SetupError(f"the SDK's download: expected one program, found {[path.name for path in programs]!r}")
    return programs[0]


def _build_temporal(folder: Path) -> Path:
    if shutil.which("go") is None:
        raise SetupError("Go is not installed")
    # From 1.21 on Go gets the newer Go that the sources ask for by itself.
    version = run(["go", "env", "GOVERSION"], limit_s=START_LIMIT_S, what="go env GOVERSION")
    if (parts := re.match(r"go(\d+)\.(\d+)", version)) and (int(parts[1]), int(parts[2])) < OLDEST_GO:
        raise SetupError(f"this Go is too old: {version!r}, needed is {OLDEST_GO[0]}.{OLDEST_GO[1]} or newer")
    say("  this takes 3 to 6 minutes on two cores the first time, and downloads about 250 MB of sources")
    version_flag = f"-s -w -X {TEMPORAL_MODULE}/{TEMPORAL_VERSION_SYMBOL}={TEMPORAL_VERSION}"
    run(
        ["go", "install", "-ldflags", version_flag, f"{TEMPORAL_MODULE}/cmd/temporal@v{TEMPORAL_VERSION}"],
        limit_s=BUILD_LIMIT_S,
        what="building the Temporal server with Go",
        environ={**os.environ, "GOBIN": str(folder), "CGO_ENABLED": "0"},
    )
    return folder / "temporal"


def _fetch_test_server(folder: Path) -> Path:
    for program, name in (("java", "Java"), ("mvn", "Maven")):
        if shutil.which(program) is None:
            raise SetupError(f"{name} is not installed")
    say("  this takes some seconds to a minute, and downloads about 60 MB")
    project = folder / "pom.xml"
    project.write_text(MAVEN_PROJECT.format(version=TEST_SERVER_VERSION), "utf-8")
    fetched = folder / "libraries"
    run(
        [
            "mvn",
            "--quiet",
            "--batch-mode",
            "--file",
            project,
            "dependency:copy-dependencies",
            "-DincludeScope=runtime",
            f"-DoutputDirectory={fetched}",
        ],
        limit_s=MAVEN_LIMIT_S,
        what="fetching the test server with Maven",
    )
    libraries = cache_dir() / f"test-server-{TEST_SERVER_VERSION}"
    shutil.rmtree(libraries, ignore_errors=True)
    fetched.replace(libraries)
    script = folder / "temporal-test-server"
    text = TEST_SERVER_SCRIPT.format(version=TEST_SERVER_VERSION, libraries=shlex.quote(str(libraries)))
    script.write_text(text, "utf-8")
    script.chmod(0o755)
    return script


def _try_temporal(program: Path) -> str:
    version = run([program, "--version"], limit_s=START_LIMIT_S, what=f"{program} --version")
    if "temporal version" not in version:
        raise SetupError(f"{str(program)!r} is not Temporal's CLI: it calls itself {version[:80]!r}")
    _start_once(program, "temporal")
    return version.splitlines()[-1].removeprefix("temporal version ")


def _try_test_server(program: Path) -> str:
    _start_once(program, "test-server")
    return "starts and answers"


def _start_once(program: Path, which: str) -> None:
    python = REPOSITORY / ".venv" / "bin" / "python"
    run([python, "-c", START_ONCE, which, program], limit_s=START_LIMIT_S, what=f"starting {program} once")


def _identity(program: Path) -> list[object]:
    state = program.stat()
    # The test server made by Maven is a script: it runs only as long as Java is there.
    return [str(program), state.st_size, state.st_mtime_ns, shutil.which("java"), os.environ.get("JAVA_HOME")]


def _tried_before(program: Path) -> bool:
    try:
        return _identity(program) in json.loads((cache_dir() / TRIED).read_text("utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def _remember_tried(program: Path) -> None:
    path = cache_dir() / TRIED
    try:
        known = [entry for entry in json.loads(path.read_text("utf-8")) if entry[0] != str(program)]
    except (OSError, ValueError, TypeError, LookupError):
        known = []
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(json.dumps([*known, _identity(program)]), "utf-8")
    unfinished.replace(path)
