"""How long `headgate up` takes to its first accepted webhook, and after kill -9 of everything to its old rate."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import sqlalchemy as sa

from adapters.store.tables import cases
from bench.samples import sample_rows
from client.messages import WebhookMessage
from client.sending import send_messages
from domain.errors import ImpossibleError
from domain.inbound.signing import sign
from gateway.webhooks.sources import ensure_sources
from workers.bootstrap import Parts
from workers.config.settings import load_settings
from workers.machine.local_ports import free_ports

PACE = 10.0  # cases a second, well below what the machine can do
MESSAGES = 600
WINDOW_S = 3.0
_SOURCE = "shop"
_GIVE_UP_S = 120.0


async def bench_start() -> dict[str, object]:
    """Start, work at a steady pace, kill everything, start again; return seconds and cases per second.

    Raises:
        ImpossibleError: it did not start, or did not come back to its rate, within two minutes.
    """
    with tempfile.TemporaryDirectory(prefix="headgate-bench-") as folder:
        data_dir = Path(folder)
        (port,) = free_ports(19800, 1)
        secret = ensure_sources(data_dir / "sources.json", [_SOURCE])[_SOURCE]
        with _running(data_dir, port):
            first = await _accepted(port, secret, "first")
        with _running(data_dir, port):
            again = await _accepted(port, secret, "second")
            await _sent(port, secret)
            await _seconds_to(data_dir, 0.5 * PACE)
            old = await _rate(data_dir, 5 * WINDOW_S)
        with _running(data_dir, port):
            back = await _seconds_to(data_dir, 0.9 * old)
    return {
        "first_accepted_s": round(first, 1),
        "accepted_after_kill_s": round(again, 1),
        "old_rate_per_s": round(old, 1),
        "old_rate_after_kill_s": round(back, 1),
    }


@contextmanager
def _running(data_dir: Path, port: int) -> Iterator[None]:
    """Run `headgate up`; end it and all its processes by kill -9."""
    argv = [sys.executable, "-m", "commands.main", "up", "--data-dir", str(data_dir), "--port-base", str(port)]
    env = {**os.environ, "HEADGATE_INTAKE_PER_SECOND": str(PACE)}
    with (data_dir / "up.log").open("ab") as log:
        up = subprocess.Popen([*argv, "--samples"], env=env, stdout=log, stderr=log)
    try:
        yield
    finally:
        pids = [json.loads(path.read_text())["pid"] for path in (data_dir / "run").glob("*.json")]
        for pid in [up.pid, *pids]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        up.wait()


async def _accepted(port: int, secret: str, event_id: str) -> float:
    """Send a webhook until it is accepted; return the seconds that took."""
    body = json.dumps({"text": "Where is my parcel?"}).encode()
    headers = {"content-type": "application/json", **sign(secret, event_id, body)}
    began = time.monotonic()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=2) as http:
        while time.monotonic() - began < _GIVE_UP_S:
            with suppress(httpx.TransportError):
                answer = await http.post(f"/webhooks/{_SOURCE}", content=body, headers=headers)
                if answer.status_code == httpx.codes.ACCEPTED:
                    return time.monotonic() - began
            await asyncio.sleep(0.02)
    raise ImpossibleError(f"no webhook was accepted within {_GIVE_UP_S:g} s")


async def _sent(port: int, secret: str) -> None:
    rows = sample_rows()
    bodies = (json.dumps({**rows[n % len(rows)], "id": f"evt_{n}"}).encode() for n in range(MESSAGES))
    messages = [WebhookMessage(event_id=f"evt_{n}", body=body) for n, body in enumerate(bodies)]
    await send_messages(messages, gateway=f"http://127.0.0.1:{port}", source=_SOURCE, secret=secret)


async def _seconds_to(data_dir: Path, rate: float) -> float:
    """Return after how many seconds cases are settled at this rate."""
    began = time.monotonic()
    while time.monotonic() - began < _GIVE_UP_S:
        at, reached = time.monotonic(), await _rate(data_dir, WINDOW_S)
        if reached >= rate:
            return at - began
    raise ImpossibleError(f"{rate:.1f} cases a second were not reached within {_GIVE_UP_S:g} s")


async def _rate(data_dir: Path, seconds: float) -> float:
    """Return the cases that were closed a second, over so many seconds."""
    parts = Parts(load_settings(data_dir=data_dir))
    try:
        before, began = _closed(parts), time.monotonic()
        await asyncio.sleep(seconds)
        return (_closed(parts) - before) / (time.monotonic() - began)
    finally:
        parts.close()


def _closed(parts: Parts) -> int:
    with parts.store.database.reading() as connection:
        counted = connection.execute(sa.select(sa.func.count()).where(cases.c.closed_at.is_not(None)))
        return int(counted.scalar_one())
