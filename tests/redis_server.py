"""Starts a Redis of its own for tests: in a temporary folder, on a free port, stopped afterwards."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

START_WITHIN_S = 30.0
PROGRAM_VARIABLE = "HEADGATE_TEST_REDIS"  # another program than the one on PATH, to try a newer Redis
SAFE = ("--appendonly", "yes", "--appendfsync", "always")


class RedisServer:
    """A server that can be killed and started again on the same folder and port."""

    def __init__(self, program: str, folder: Path, options: tuple[str, ...]) -> None:
        self.port = _free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._folder = folder
        self._program = program
        self._command = [
            "redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "",
            "--daemonize", "no", *options,
        ]  # fmt: skip

    def url(self, prefix: str) -> str:
        return f"redis://127.0.0.1:{self.port}/0?prefix={prefix}"

    def client(self) -> "redis.Redis":
        return redis.Redis(port=self.port)

    def start(self, *more: str) -> None:
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen([*self._command, *more], executable=self._program, stdout=log, stderr=log)
        give_up_at = time.monotonic() + START_WITHIN_S
        while True:
            try:
                with contextlib.closing(self.client()) as client:
                    client.ping()
                return
            except redis.AuthenticationError:
                return
            except redis.RedisError:
                if self.process.poll() is not None or time.monotonic() > give_up_at:
                    pytest.fail(f"Redis did not start: {(self._folder / 'log').read_text(errors='replace')[-2000:]}")
                time.sleep(0.05)

    def kill(self) -> None:
        """As `kill -9`: nothing is written any more."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(timeout=START_WITHIN_S)


@contextlib.contextmanager
def running_redis(*options: str) -> Iterator[RedisServer]:
    """Run a server with these options. Skips the test where Redis is not installed, but fails it where CI is set."""
    # In Debian both are one program, which goes by its name; `redis-tools` brings it without starting a service.
    program = os.environ.get(PROGRAM_VARIABLE) or shutil.which("redis-server") or shutil.which("redis-check-rdb")
    if program is None:
        message = "redis-server was not found: install Debian's `redis-tools`"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    folder = Path(tempfile.mkdtemp(prefix="headgate-redis-"))
    server = RedisServer(program, folder, options)
    try:
        server.start()
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port < 55_000:  # one of a cluster listens ten thousand above it, too
            return port
