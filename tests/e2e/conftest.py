"""A real Headgate for each module: `headgate up` as a process of its own, spoken to only by its commands and its files."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
HEADGATE = [sys.executable, "-m", "workers.main"]


class Running:
    """A running `headgate up` and the commands that talk to it."""

    def __init__(self, data_dir: Path, port_base: int, env: dict[str, str], *arguments: str) -> None:
        self.data_dir = data_dir
        self._argv = [*HEADGATE, "up", "--data-dir", str(data_dir), "--port-base", str(port_base), *arguments]
        self._env = {**os.environ, **env}
        self._log = data_dir.parent / "up.log"
        self.process: subprocess.Popen[bytes]
        self.start()

    def start(self) -> None:
        (self.data_dir / "endpoints.json").unlink(missing_ok=True)
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._argv, cwd=PROJECT, env=self._env, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 120
        while not (self.data_dir / "endpoints.json").exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"headgate up did not start:\n{self._log.read_text()[-4000:]}")
            time.sleep(0.1)

    @property
    def endpoints(self) -> dict[str, object]:
        return dict(json.loads((self.data_dir / "endpoints.json").read_text()))

    def command(self, *arguments: str, stdin: str | None = None, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*HEADGATE, *arguments, "--data-dir", str(self.data_dir)],
            cwd=PROJECT,
            env=self._env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def json(self, *arguments: str, code: int = 0, stdin: str | None = None, timeout: float = 600) -> dict[str, object]:
        done = self.command(*arguments, "--json", stdin=stdin, timeout=timeout)
        assert done.returncode == code, f"{arguments}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
        return dict(json.loads(done.stdout))

    def pids(self, name: str) -> list[int]:
        """Return the process that the supervisor runs under a name."""
        record = self.data_dir / "run" / f"{name}.json"
        return [int(json.loads(record.read_text())["pid"])] if record.exists() else []

    def kill(self, name: str) -> None:
        """kill -9 one process; the supervisor starts it again."""
        (pid,) = self.pids(name)
        os.kill(pid, signal.SIGKILL)

    def kill_all(self) -> None:
        """kill -9 the supervisor; its children go with it."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(30)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait(30)


@pytest.fixture(scope="module")
def start_headgate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def start(*arguments: str, port_base: int = 21700, env: dict[str, str] | None = None) -> Running:
        folder = tmp_path_factory.mktemp("headgate") / "data"
        folder.mkdir()
        running = Running(folder, port_base, env or {}, *arguments)
        started.append(running)
        return running

    yield start
    for running in started:
        running.stop()


def settled(running: Running, expected: int, timeout: float = 600) -> dict[str, int]:
    """Wait until so many cases have ended or wait for a person; return the counts by state."""
    deadline = time.monotonic() + timeout
    states: dict[str, int] = {}
    while time.monotonic() < deadline:
        done = running.command("status", "--json")
        if done.returncode == 0:
            states = json.loads(done.stdout)["cases"]
            if sum(n for state, n in states.items() if state != "running") >= expected:
                return states
        time.sleep(1)
    raise AssertionError(f"only {states} of {expected} settled within {timeout} s")


def audited(running: Running, timeout: float = 150) -> dict[str, object]:
    """Return a clean audit; the promises of liveness hold two minutes after the faults are lifted at the latest."""
    deadline = time.monotonic() + timeout
    while True:
        done = running.command("audit", "--json")
        if done.returncode == 0:
            return dict(json.loads(done.stdout))
        if time.monotonic() > deadline:
            raise AssertionError(f"audit: {done.stdout[-4000:]}\n{done.stderr[-2000:]}")
        time.sleep(3)
