"""Accepted webhooks per second, against the same server with a handler that only reads the body and answers 202.

The baseline (`empty`) is a bare ASGI function, as the webhook path itself has no framework; `framework` is the same
empty handler as a route of Starlette, which is what most services would compare with.

One uvicorn process serves both; the generator is another process, its requests signed before the clock starts,
over connections that are kept alive. Rounds alternate, medians are compared. What was confirmed is counted again in the
pen afterwards.
"""

import asyncio
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from adapters.inbox.sqlite import SqliteInbox
from bench.intake_server import commits_of, start_server
from bench.processes import processor_s
from bench.volley import CONNECTIONS, SOURCE, body_of, fire_volley
from gateway.webhooks.sources import ensure_sources

_WARM_UP_S = 1.0


def bench_intake(seconds: float = 5.0, rounds: int = 3) -> dict[str, object]:
    """Measure and return the figures; rates are per second, medians over the rounds."""
    with tempfile.TemporaryDirectory(prefix="headgate-bench-") as folder:
        sync_ms = sync_ms_of(Path(folder))
        secret = ensure_sources(Path(folder, "sources.json"), [SOURCE])[SOURCE]
        process, port = start_server(Path(folder))
        try:
            fire_volley(port, secret, "empty", _WARM_UP_S)
            fire_volley(port, secret, "intake", _WARM_UP_S)
            commits = commits_of(port)
            taken: dict[str, list[_Result]] = {"empty": [], "intake": [], "framework": []}
            for _ in range(rounds):
                for kind, results in taken.items():
                    used_s = processor_s(process.pid)
                    fired = fire_volley(port, secret, kind, seconds)
                    results.append(_Result(fired.answers, fired.took_s, processor_s(process.pid) - used_s))
            commits = commits_of(port) - commits
        finally:
            process.terminate()
            process.join(15)
        kept = asyncio.run(_kept(Path(folder)))
    rates = {kind: [round(r.answers / r.took_s, 1) for r in results] for kind, results in taken.items()}
    accepted = sum(result.answers for result in taken["intake"])
    return {
        "accepted_per_s": statistics.median(rates["intake"]),
        "baseline_per_s": statistics.median(rates["empty"]),
        "ratio": ratio_of(rates["intake"], rates["empty"]),
        "framework_per_s": statistics.median(rates["framework"]),
        "ratio_to_framework": ratio_of(rates["intake"], rates["framework"]),
        "rounds": rates,
        "server_cpu_us": {
            kind: round(sum(r.cpu_s for r in results) / sum(r.answers for r in results) * 1e6, 1)
            for kind, results in taken.items()
        },
        "seconds": seconds,
        "connections": CONNECTIONS,
        "body_bytes": len(body_of(0, "intake")),
        "accepted": accepted,
        "kept_with_warm_up": kept,
        "commits": commits,
        "webhooks_per_commit": round(accepted / commits, 1) if commits else None,
        "sync_ms": sync_ms,
        "cores": os.cpu_count(),
    }


class _Result(NamedTuple):
    """A round: answers, seconds on the clock, seconds of processor time of the server."""

    answers: int
    took_s: float
    cpu_s: float


def ratio_of(ours: list[float], theirs: list[float]) -> float:
    """Return the median ratio of rounds that are neighbours in time: whatever else the machine does weighs on both."""
    return round(statistics.median(i / e for i, e in zip(ours, theirs, strict=True)), 3)


def sync_ms_of(folder: Path) -> float:
    """Return how long this disk takes to sync one page, median of 50, milliseconds."""
    times = []
    with (folder / "probe").open("wb") as file:
        for _ in range(50):
            started = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - started)
    return round(statistics.median(times) * 1000, 3)


async def _kept(folder: Path) -> int:
    inbox = SqliteInbox(folder / "inbox.db")
    try:
        return (await inbox.depth()).total
    finally:
        await inbox.close()


if __name__ == "__main__":
    print(json.dumps(bench_intake(), indent=2))
