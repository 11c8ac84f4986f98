"""A real Headgate: `headgate up` as a process of its own, spoken to by its commands, its webhook and its files."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

import httpx

from adapters.rails.embedded import EmbeddedRail
from domain.audit.facts import RailEntry
from domain.inbound.signing import sign
from tests.commanding import run_headgate
from workers.machine.kept_process import MARK_VARIABLE
from workers.machine.process_identity import carries_mark, start_of

PROJECT = Path(__file__).resolve().parents[2]
SAMPLES = PROJECT / "samples" / "complaints.jsonl"
HEADGATE = [sys.executable, "-m", "commands.main"]
POLL_S = 0.5
# Asks for SIGTERM (15) when the thread dies that started it: where the tests are killed, no Headgate stays. Linux only.
TIED = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 15, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])"


class Running:
    """A running `headgate up` and the commands that talk to it."""

    def __init__(self, data_dir: Path, port_base: int, env: dict[str, str], *arguments: str) -> None:
        self.data_dir = data_dir
        self.argv = [*HEADGATE, "up", "--data-dir", str(data_dir), "--port-base", str(port_base), *arguments]
        self.env = {**os.environ, **env}
        self._log = data_dir.parent / "up.log"
        self.process: subprocess.Popen[bytes]
        self.start()

    def start(self) -> None:
        (self.data_dir / "endpoints.json").unlink(missing_ok=True)
        tied = [sys.executable, "-I", "-S", "-c", TIED] if sys.platform == "linux" else []
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*tied, *self.argv], cwd=PROJECT, env=self.env, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 180
        while not (self.data_dir / "endpoints.json").exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"headgate up did not start:\n{self.log_end()}")
            time.sleep(0.1)

    def log_end(self) -> str:
        return self._log.read_text()[-4000:]

    @property
    def endpoints(self) -> dict[str, Any]:
        return dict(json.loads((self.data_dir / "endpoints.json").read_text()))

    @property
    def ports(self) -> list[int]:
        found = self.endpoints
        urls = (found["gateway"], found["temporal"], found["temporal_ui"], found["offline_model"])
        return [int(url.rsplit(":", 1)[1]) for url in urls]

    # --- commands -------------------------------------------------------------------------------------------

    def command(
        self, *arguments: str, stdin: str | None = None, timeout: float = 600
    ) -> subprocess.CompletedProcess[str]:
        return run_headgate(*arguments, "--data-dir", str(self.data_dir), env=self.env, stdin=stdin, timeout=timeout)

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command whose output is read later."""
        return subprocess.Popen(
            [*HEADGATE, *arguments, "--data-dir", str(self.data_dir)],
            cwd=PROJECT,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def json(self, *arguments: str, code: int = 0, stdin: str | None = None, timeout: float = 600) -> dict[str, Any]:
        done = self.command(*arguments, "--json", stdin=stdin, timeout=timeout)
        assert done.returncode == code, (
            f"{arguments}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
        )
        return dict(json.loads(done.stdout))

    def states(self) -> dict[str, str]:
        """Return the state of every case."""
        rows = self.json("cases", "list", "--limit", "100000")["cases"]
        return {row["case_id"]: row["state"] for row in rows}

    def ledger(self) -> list[dict[str, Any]]:
        """Return the ledger's refunds."""
        return [e for e in self.json("ledger", "export")["effects"] if e["kind"] == "refund"]

    async def paid(self) -> list[RailEntry]:
        """Return what the payment provider itself says it paid."""
        return await EmbeddedRail(self.data_dir / "rail.db").log()

    # --- the webhook ----------------------------------------------------------------------------------------

    def secret(self, source: str = "shop") -> str:
        return next(str(s["secret"]) for s in self.endpoints["sources"] if s["name"] == source)

    def post(
        self,
        event_id: str,
        body: bytes | dict[str, Any],
        *,
        source: str = "shop",
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send one webhook, signed as its source signs unless other headers are given."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = sign(self.secret(source), event_id, raw) if headers is None else headers
        return httpx.post(
            f"{self.endpoints['gateway']}/webhooks/{source}",
            content=raw,
            headers={"content-type": content_type, **signed},
            timeout=30,
        )

    def hand_in(self, event_id: str, body: dict[str, Any], *, source: str = "shop") -> str:
        """Send a good webhook and return its case id."""
        answer = self.post(event_id, body, source=source)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["case_id"])

    # --- processes ------------------------------------------------------------------------------------------

    def pid(self, name: str) -> int | None:
        """Return the process that the keeper runs under a name, None between a death and the restart."""
        record = self.data_dir / "run" / f"{name}.json"
        pid = int(json.loads(record.read_text())["pid"]) if record.exists() else None
        return pid if pid is not None and start_of(pid) is not None else None

    def kill(self, name: str) -> int:
        """kill -9 one process, which the keeper starts again; return the id it had."""
        pid = self.pid(name)
        assert pid is not None, f"{name} does not run"
        os.kill(pid, signal.SIGKILL)
        return pid

    def await_restart(self, name: str, old: int, timeout: float = 60) -> None:
        """Wait until another process runs under a name."""
        eventually(lambda: self.pid(name) not in (None, old), timeout, f"{name} was not started again")

    def kill_all(self) -> None:
        """kill -9 the process keeper; its children go with it."""
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


def eventually(holds: Callable[[], object], timeout: float, otherwise: str, every: float = POLL_S) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < deadline, f"{otherwise} within {timeout:g} s"
        time.sleep(every)


def settled(running: Running, case_ids: Collection[str], timeout: float = 600, every: float = POLL_S) -> dict[str, str]:
    """Wait until these cases have ended or wait for a person; return the state of each."""
    deadline = time.monotonic() + timeout
    while True:
        states = running.states()
        found = {case_id: states[case_id] for case_id in case_ids if states.get(case_id, "running") != "running"}
        if len(found) == len(case_ids):
            return found
        missing = sorted(set(case_ids) - set(found))
        assert time.monotonic() < deadline, f"{len(missing)} cases did not settle within {timeout:g} s: {missing[:10]}"
        time.sleep(every)


def audited(running: Running, timeout: float = 150) -> dict[str, Any]:
    """Return a clean audit; the promises of liveness hold two minutes after the faults are lifted at the latest."""
    deadline = time.monotonic() + timeout
    while True:
        done = running.command("audit", "--json")
        if done.returncode == 0:
            return dict(json.loads(done.stdout))
        assert time.monotonic() < deadline, f"audit: {done.stdout[-4000:]}\n{done.stderr[-2000:]}"
        time.sleep(3)


def left_running(data_dir: Path) -> list[int]:
    """Return the living processes that a process keeper of this data dir has started, and what those have started.

    Only Linux can be asked; elsewhere the ports have to do.
    """
    pids = (int(entry.name) for entry in Path("/proc").glob("[0-9]*"))
    return [pid for pid in pids if start_of(pid) is not None and carries_mark(pid, MARK_VARIABLE, str(data_dir))]


def answering(ports: Iterable[int]) -> list[int]:
    """Return those ports of this machine on which something accepts connections."""
    found = []
    for port in ports:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                found.append(port)
    return found


def quick_blueprint(folder: Path, *, apart: bool = False) -> dict[str, str]:
    """Copy the default blueprint whose outages climb a ladder of seconds; return the environment that names it."""
    return _blueprint(folder, "ladder_s = [60, 300, 1800]", "ladder_s = [0.5, 0.5, 0.5]\noutage_s = 0", apart=apart)


def default_blueprint(folder: Path, *, apart: bool) -> dict[str, str]:
    """Copy the default blueprint; where `apart`, specialists work in workflows of their own."""
    return _blueprint(folder, apart=apart)


def _blueprint(folder: Path, *change: str, apart: bool) -> dict[str, str]:
    copied = shutil.copytree(PROJECT / "blueprints" / "default", folder / "blueprint")
    rules = copied / "blueprint.toml"
    changes = [change] if change else []
    if apart:
        changes.append(("\nspecialist = ", "\napart = true\nspecialist = "))
    for old, new in changes:
        text = rules.read_text("utf-8")
        assert old in text
        rules.write_text(text.replace(old, new), "utf-8")
    return {"HEADGATE_BLUEPRINT": str(copied)}


def sample_messages() -> list[dict[str, Any]]:
    """Return the sample messages, redeliveries included."""
    return [json.loads(line) for line in SAMPLES.read_text("utf-8").splitlines() if line.strip()]


def expectations() -> dict[str, dict[str, Any]]:
    """Return the truth about each sample message by its id."""
    lines = (SAMPLES.parent / "expected.jsonl").read_text("utf-8").splitlines()
    return {row["id"]: row for row in map(json.loads, filter(str.strip, lines))}


async def paid_as_recorded(running: Running) -> list[RailEntry]:
    """Return what the payment provider paid, once it is sure that the ledger says just the same, each payment once."""
    paid = await running.paid()
    recorded = running.ledger()
    assert len({entry.key for entry in paid}) == len(paid)
    assert sorted((e.key, e.amount_minor, e.currency, e.payee) for e in paid) == sorted(
        (e["key"], e["amount_minor"], e["currency"], e["payee"]) for e in recorded
    )
    return paid
