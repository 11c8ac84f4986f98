"""The product as a user runs it: `headgate up` as processes of its own, its commands, and what can be done to them."""

import json
import mmap
import os
import re
import resource
import shlex
import signal
import socket
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.e2e.running import PROJECT, Running, eventually
from tests.faults.outside.provider import API_KEY
from tests.faults.records import Booked, Letter

WORKERS = ("intake", "case", "model", "action", "journal")
ROLES = ("gateway", "offline-model", "temporal", *(f"worker-{name}" for name in WORKERS))
LADDER_S = "[4, 10, 20]"  # seconds instead of minutes: faults here last seconds
_REFUSED = re.compile(rb"ORD-9\d{5}")  # `plan.FIRST_REFUSED` and on
_CASE = re.compile(r"case/[a-z0-9-]+/([A-Za-z0-9-]+)")
TRIES = 5
PROFILE = """
[models.watched.small]
provider = "openai"
base_url = "{url}/v1"
model = "embedded-router-1"
timeout_s = 10
logprobs = true

[models.watched.large]
provider = "openai"
base_url = "{url}/v1"
model = "embedded-router-1"
timeout_s = 10
"""


class Broker:
    """The holding pen's broker where there is one: a command that runs it in the foreground, killed and run again.

    `HEADGATE_INBOX…` of the environment says how the product reaches it; this is the one place that knows of both.
    """

    def __init__(self, command: str, port: int, log: Path) -> None:
        self._argv, self._port, self._log = shlex.split(command), port, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run it, and wait until its port answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._argv, stdout=log, stderr=log, start_new_session=True)
        eventually(self._answers, 60, f"the broker does not answer on {self._port}", every=0.2)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def kill(self) -> None:
        """kill -9 it and all that it started."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(30)


def pen_environment() -> dict[str, str]:
    """Return what of the environment says which holding pen the product uses and how it is reached."""
    return {name: value for name, value in os.environ.items() if name.startswith("HEADGATE_INBOX")}


def is_embedded_pen() -> bool:
    """Return whether the holding pen is a file of the data dir."""
    said = pen_environment()
    return "HEADGATE_INBOX_FILE" not in said and (said.get("HEADGATE_INBOX") or "sqlite:").startswith("sqlite:")


class Product:
    """A `headgate up` between the wires of the harness.

    Args:
        folder: an empty folder; the data dir is `data` in it, and may be a mount.
        model_url, provider_url, supervisor_url: where the product meets the outside, through the wires.
    """

    def __init__(self, folder: Path, *, model_url: str, provider_url: str, supervisor_url: str) -> None:
        self.data_dir = folder / "data"
        self.data_dir.mkdir(exist_ok=True)
        self.env = {
            "HEADGATE_BLUEPRINT": str(_blueprint(folder, model_url)),
            "HEADGATE_MODELS": "watched",
            "HEADGATE_RAIL": "stripe",
            "HEADGATE_STRIPE_API_KEY": API_KEY,
            "HEADGATE_STRIPE_BASE_URL": provider_url,
            "HEADGATE_SUPERVISOR_WEBHOOK_URL": supervisor_url,
            **pen_environment(),
        }
        self.running: Running | None = None

    def start(self, port_base: int) -> None:
        """Start it for the first time; returns when it is up."""
        self.running = Running(self.data_dir, port_base, self.env)

    @property
    def up(self) -> Running:
        """The running product."""
        assert self.running is not None, "start() comes first"
        return self.running

    # --- what faults do to it ----------------------------------------------------------------------------------------

    def signal(self, role: str, number: signal.Signals) -> bool:
        """Send a signal to the process of a role; return whether it ran."""
        pid = self.up.pid(role)
        if pid is None:
            return False
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        return True

    def kill_everything(self) -> None:
        """kill -9 the keeper, whose children go with it."""
        self.up.kill_all()

    def limit_files(self, role: str, limit_bytes: int) -> None:
        """Let a process write nothing beyond so many bytes of any file; what it has in memory it may write again."""
        pid = self.up.pid(role)
        if pid is not None:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit_bytes, resource.RLIM_INFINITY))

    def memory(self) -> dict[tuple[str, int], int]:
        """Return the resident bytes of each process, by role and process id."""
        found = {}
        for role in ROLES:
            pid = self.up.pid(role)
            try:
                pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            except (OSError, IndexError):
                continue
            if pid is not None:
                found[role, pid] = pages * resource.getpagesize()
        return found

    # --- what it says ------------------------------------------------------------------------------------------------

    def json(self, *arguments: str, timeout: float = 120, codes: tuple[int, ...] = (0,)) -> dict[str, Any]:
        """Run a command and return its document; empty where it fails, as commands may while something is broken."""
        try:
            done = self.up.command(*arguments, "--json", timeout=timeout)
        except subprocess.TimeoutExpired:
            return {}
        if done.returncode not in codes:
            return {}
        return dict(json.loads(done.stdout))

    def must(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> dict[str, Any]:
        """Run a command that has to succeed once nothing is broken, and return its document.

        Raises:
            RuntimeError: it never did.
        """
        for _ in range(TRIES):
            if found := self.json(*arguments, codes=codes):
                return found
            time.sleep(2)
        raise RuntimeError(f"`headgate {' '.join(arguments)}` failed {TRIES} times")

    def letters(self) -> list[Letter]:
        """Return all dead letters."""
        rows = self.must("dlq", "list", "--all")["dead_letters"]
        return [
            Letter(
                dead_letter_id=row["dead_letter_id"],
                source=row.get("source", ""),
                case_id=row.get("case_id", ""),
                reason=row.get("last_error", ""),
                attempts=len(row.get("attempts", [])),
                status=row["status"],
                kind=row.get("kind", ""),
            )
            for row in rows
        ]

    def ledger(self) -> tuple[list[Booked], dict[str, int]]:
        """Return the refunds in the ledger, and debits minus credits of each currency."""
        document = self.must("ledger", "export")
        booked = [
            Booked(row["key"], row["amount_minor"], row["currency"], row["payee"])
            for row in document.get("effects", [])
            if row["kind"] == "refund"
        ]
        balance: dict[str, int] = {}
        for entry in document.get("entries", []):
            amount = entry["amount_minor"] * (1 if entry["side"] == "debit" else -1)
            balance[entry["currency"]] = balance.get(entry["currency"], 0) + amount
        return booked, balance

    def pen(self) -> dict[str, int]:
        """Return what waits in the holding pen: read from the embedded one's own file, else as the product says."""
        if not is_embedded_pen():
            said = self.json("status").get("inbox", {})
            return {name: int(said.get(name, -1)) for name in ("ready", "leased")}
        query = "SELECT sum(leased_until <= ?1), sum(leased_until > ?1) FROM inbox WHERE acked_at IS NULL"
        with closing(sqlite3.connect(f"file:{self.data_dir / 'inbox.db'}?mode=ro", uri=True)) as pen:
            ready, leased = pen.execute(query, (time.time(),)).fetchone()
        return {"ready": ready or 0, "leased": leased or 0}

    def refused_bodies(self) -> dict[str, str]:
        """Return the orders of refused bodies that stand in a file of the data dir, and in which."""
        found: dict[str, str] = {}
        for path in sorted(self.data_dir.rglob("*")):
            if not path.is_file() or not path.stat().st_size:
                continue
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                for mark in set(_REFUSED.findall(content)):
                    found.setdefault(mark.decode(), path.name)
        return found

    def alarms(self) -> set[str]:
        """Return the events that the gateway's log has an alarm of."""
        found = set()
        for path in (self.data_dir / "logs").glob("gateway.log*"):
            lines = path.read_text("utf-8", "replace").splitlines()
            found |= {event for line in lines if "ALARM" in line for event in _CASE.findall(line)}
        return found


def _blueprint(folder: Path, model_url: str) -> Path:
    """Copy the default blueprint with a quick ladder and the harness's model server as a profile."""
    copied = folder / "blueprint"
    subprocess.run(["cp", "-r", str(PROJECT / "blueprints" / "default"), str(copied)], check=True)
    rules = copied / "blueprint.toml"
    text = rules.read_text("utf-8")
    assert "ladder_s = [60, 300, 1800]" in text
    text = text.replace("ladder_s = [60, 300, 1800]", f"ladder_s = {LADDER_S}\noutage_s = 0")
    rules.write_text(text + PROFILE.format(url=model_url), "utf-8")
    return copied
