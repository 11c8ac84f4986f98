"""The crowd in thousands over one pen: `python -m tests.e2e.pens.big --inbox rabbitmq --n 50000`.

Two gateways and two sinks (`sink.py`: the intake into the store, no case is worked), of which one each is killed
(`kill -9`), and so is the broker; the embedded pen has none. Prints what was sent, promised, lost, doubled and left
behind, and the memory that each process held on the way.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType

import httpx
from sqlalchemy import text

from adapters.store import Store
from bench.processes import memory_mb
from tests.e2e.pens.brokers import broker_under_test
from tests.e2e.pens.crowd import SOURCE, Crowd, Tally
from tests.e2e.running import HEADGATE, PROJECT
from workers.bootstrap import Parts
from workers.config.settings import load_settings
from workers.first_secrets import prepare_access
from workers.installation import take_stock
from workers.machine.local_ports import HeldPorts

SINK = [sys.executable, "-m", "tests.e2e.pens.sink"]
QUIET_S = 5.0
_EMPTY_WITHIN_S = 1800.0


class Embedded:
    """The embedded pen: a file, and no process that could be killed."""

    env: Mapping[str, str] = MappingProxyType({})

    def __init__(self, data_dir: Path) -> None:
        self.url = f"sqlite:///{data_dir}/inbox.db"

    async def outage(self) -> None:
        """Nothing to kill."""


class Processes:
    """The processes of a run, each by its name; killed, started again, and stopped at the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, tuple[list[str], dict[str, str], subprocess.Popen[bytes]]] = {}

    def start(self, name: str, command: list[str], env: dict[str, str]) -> None:
        with (self._folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=PROJECT, env={**os.environ, **env}, stdout=log, stderr=log)
        self._running[name] = command, env, process

    async def kill_and_restart(self, name: str) -> None:
        command, env, process = self._running[name]
        process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(process.wait)
        self.start(name, command, env)

    def memory_mb(self) -> dict[str, float]:
        """Return what each process holds (resident), MB."""
        return {name: memory_mb(process.pid) for name, (_, _, process) in self._running.items()}

    def stop(self) -> None:
        for _, _, process in self._running.values():
            process.terminate()
        for _, _, process in self._running.values():
            process.wait(60)


async def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inbox", required=True, choices=["embedded", "rabbitmq", "redis", "sqs"])
    parser.add_argument("--n", type=int, default=5000)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="headgate-crowd-")))
        (folder / "data").mkdir()
        broker = (
            stack.enter_context(broker_under_test(arguments.inbox))
            if arguments.inbox != "embedded"
            else Embedded(folder / "data")
        )
        os.environ.update(
            {**broker.env, "HEADGATE_INBOX": broker.url, "HEADGATE_DATA_DIR": str(folder / "data")},
            TEMPORAL_ADDRESS="127.0.0.1:9",  # nobody: no page is looked at, no case is worked
        )
        settings = load_settings()
        parts = Parts(settings)
        stack.callback(parts.close)
        take_stock(parts, accept_by=None, founding=True)
        secret = next(s.secret for s in prepare_access(settings, parts.blueprint) if s.name == SOURCE)
        processes = Processes(folder)
        stack.callback(processes.stop)
        held = HeldPorts.take(26_000, 2)
        held.release()
        gateways = [f"http://127.0.0.1:{port}" for port in held.numbers]
        for number, port in enumerate(held.numbers):
            processes.start(f"gateway-{number}", [*HEADGATE, "gateway"], {"HEADGATE_GATEWAY_PORT": str(port)})
            await _ready(gateways[number])
            processes.start(f"sink-{number}", SINK, {})
        held_memory: list[dict[str, float]] = []

        async def look_at_memory() -> None:
            held_memory.append(processes.memory_mb())

        looks = tuple((tenth / 10, look_at_memory) for tenth in range(1, 10))
        crowd = Crowd(
            gateways,
            secret,
            n=arguments.n,
            at_once=64,
            faults=(
                *looks,
                (0.25, lambda: processes.kill_and_restart("gateway-0")),
                (0.5, broker.outage),
                (0.75, lambda: processes.kill_and_restart("sink-0")),
            ),
        )
        tally = await crowd.send()
        empty_s = await _until_empty(parts)
        await look_at_memory()
        memory = {name: [round(look[name]) for look in held_memory] for name in held_memory[0]}
        logged = set(await parts.inbox.accepted(limit=1_000_000))
        figures = {**_figures(parts.store, logged, tally), "empty_after_s": empty_s, "memory_mb": memory}
        print(json.dumps({"inbox": arguments.inbox, **figures}, indent=2))
        await parts.close_inbox()


async def _ready(gateway: str) -> None:
    give_up_at = time.monotonic() + 60
    async with httpx.AsyncClient(timeout=10) as http:
        while time.monotonic() < give_up_at:
            try:
                if (await http.get(f"{gateway}/readyz")).is_success:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.2)
    raise RuntimeError(f"{gateway} is not ready")


async def _until_empty(parts: Parts) -> float:
    """Wait until nothing waits in the pen for some seconds; return how long that took."""
    began = quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < QUIET_S:
        depth = await parts.inbox.depth()
        if depth.ready or depth.leased:
            quiet_since = time.monotonic()
        if time.monotonic() - began > _EMPTY_WITHIN_S:
            raise RuntimeError(f"the pen is not empty: {depth}")
        await asyncio.sleep(0.5)
    return round(quiet_since - began, 1)


def _figures(store: Store, logged: set[str], tally: Tally) -> dict[str, object]:
    """Compare what was promised with the cases in the store and with what the pen remembers (`logged`)."""
    with store.database.reading() as connection:
        cases = list(connection.execute(text("SELECT case_id FROM cases")).scalars())
        bodies = connection.execute(text("SELECT count(*) FROM pen_bodies")).scalar_one()
    other = sum(store.cases.load(f"case/{SOURCE}/{e}").body != body for e, body in tally.promised.items())
    return {
        "sent": sum(tally.answers.values()),
        "answers": dict(sorted(tally.answers.items())),
        "promised": len(tally.promised),
        "sent_twice": tally.duplicates,
        "cases": len(cases),
        "lost": len(tally.cases - set(cases)),
        "doubled": len(cases) - len(set(cases)) + len(set(cases) - tally.cases),
        "other_body": other,
        "refused_left_behind": len((logged | set(cases)) - tally.cases) + bodies,
        "wrong_answers": tally.wrong[:10],
        "seconds": round(tally.seconds, 1),
        "slowest_refusal_s": round(tally.slowest_refusal_s, 2),
    }


if __name__ == "__main__":
    asyncio.run(main())
