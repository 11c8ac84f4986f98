"""Starts a PostgreSQL of its own for tests: a new cluster in a temporary folder, on a free port, stopped afterwards."""

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

START_WITHIN_S = 30.0


@dataclass
class Postgres:
    """A running server; `new_database` makes an empty database and returns its URL."""

    port: int
    process: "subprocess.Popen[bytes]"
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def new_database(self, template: str = "template1") -> str:
        name = f"headgate_{next(self._numbers)}"
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')  # type: ignore[arg-type]  # our own names
        return f"postgresql://headgate@127.0.0.1:{self.port}/{name}"

    @property
    def admin_url(self) -> str:
        return f"postgresql://headgate@127.0.0.1:{self.port}/postgres"


@contextlib.contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Run a server. Skips the test where PostgreSQL is not installed, but fails it where CI is set."""
    binaries = _binaries()
    if binaries is None:
        message = "PostgreSQL's programs (initdb, postgres) were not found: install Debian's `postgresql`"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    # A folder that another user may enter: PostgreSQL refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="headgate-pg-"))
    folder.chmod(0o755)
    owner = _owner()
    data = folder / "data"
    data.mkdir()
    if owner is not None:
        shutil.chown(data, owner, pwd.getpwnam(owner).pw_gid)
    try:
        _run(
            [str(binaries / "initdb"), "-D", str(data), "-U", "headgate", "-A", "trust", "--no-sync", "-E", "UTF8"],
            owner,
        )
        port = _free_port()
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
            [
                str(binaries / "postgres"), "-D", str(data), "-p", str(port), "-h", "127.0.0.1",
                "-c", f"unix_socket_directories={data}", "-c", "fsync=off", "-c", "max_connections=60",
            ],
            stdout=subprocess.DEVNULL, stderr=log, cwd="/", **_as(owner),
        )  # fmt: skip
        server = Postgres(port, process)
        try:
            _wait_until_ready(server, folder / "log")
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # the fast shutdown, which does not wait for connections to close
            process.wait(timeout=START_WITHIN_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path | None:
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path).resolve().parent)
    return max(found, key=lambda path: path.parent.name.zfill(4), default=None)


def _owner() -> str | None:
    if os.getuid() != 0:
        return None
    names = {user.pw_name for user in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _as(owner: str | None) -> dict[str, object]:
    if owner is None:
        return {}
    return {"user": owner, "group": pwd.getpwnam(owner).pw_gid, "extra_groups": []}


def _run(command: list[str], owner: str | None) -> None:
    done = subprocess.run(command, capture_output=True, cwd="/", timeout=60, check=False, **_as(owner))  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr.decode()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(server: Postgres, log: Path) -> None:
    give_up_at = time.monotonic() + START_WITHIN_S
    while True:
        try:
            psycopg.connect(server.admin_url, connect_timeout=2).close()
        except psycopg.OperationalError:
            if server.process.poll() is not None or time.monotonic() > give_up_at:
                pytest.fail(f"PostgreSQL did not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)
        else:
            return
