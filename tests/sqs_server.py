"""Starts a speaker of SQS for tests (ministack, in an environment of its own): on a free port, stopped afterwards."""

import contextlib
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from workers.machine.temporal_server import cache_dir

START_WITHIN_S = 60.0
VERSION = "1.5.33"  # `.ci/run` installs this one
REGION = "eu-central-1"
_SCOPE = f"Credential=test/20260101/{REGION}/sqs/aws4_request"
_SIGNED = f"AWS4-HMAC-SHA256 {_SCOPE}, SignedHeaders=host, Signature=0"


class SqsServer:
    """A server that keeps its queues in memory, and can be stopped and started again, with nothing in them."""

    def __init__(self, program: Path, folder: Path, environ: dict[str, str]) -> None:
        self.port = _free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._program = program
        self._folder = folder
        self._environ = {
            **os.environ,
            "BIND_HOST": "127.0.0.1",  # it listens everywhere unless told
            "GATEWAY_PORT": str(self.port),
            "HOME": str(folder),
            **environ,
        }

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url(self, prefix: str) -> str:
        return f"sqs://{REGION}/{prefix}?endpoint={self.endpoint}"

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(self._program)], env=self._environ, cwd=self._folder, stdout=log, stderr=log
            )
        give_up_at = time.monotonic() + START_WITHIN_S
        while True:
            try:
                # Its first answer about SQS takes seconds.
                self.ask("ListQueues")
                return
            except httpx.HTTPError:
                if self.process.poll() is not None or time.monotonic() > give_up_at:
                    pytest.fail(f"ministack did not start: {(self._folder / 'log').read_text()[-2000:]}")
                time.sleep(0.1)

    def ask(self, action: str, **arguments: str) -> dict[str, str]:
        """Ask as anybody could."""
        headers = {"X-Amz-Target": f"AmazonSQS.{action}", "Authorization": _SIGNED}
        answer = httpx.post(self.endpoint, headers=headers, json=arguments, timeout=START_WITHIN_S)
        return dict(answer.raise_for_status().json())

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(timeout=START_WITHIN_S)


@contextlib.contextmanager
def running_sqs(**environ: str) -> Iterator[SqsServer]:
    """Run a server. Skips the test where ministack is not installed, but fails it where CI is set."""
    program = cache_dir() / f"ministack-{VERSION}" / "bin" / "ministack"
    if not program.exists():
        message = f"ministack was not found at {program}: `.ci/run` installs it"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with tempfile.TemporaryDirectory(prefix="headgate-sqs-", ignore_cleanup_errors=True) as folder:
        server = SqsServer(program, Path(folder), environ)
        try:
            server.start()
            yield server
        finally:
            if server.process is not None and server.process.poll() is None:
                server.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
