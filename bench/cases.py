"""Cases per second and per second of processor time, and how long a lone ticket takes, against a bare workflow that
makes the same model calls and nothing else.

Both run on the same Temporal server, against the same offline model, in alternating rounds, each with one process for
workflow tasks and one for model calls; Headgate has its action and journal workers on top, because that is what it
does more. The bare workflow's calls are recorded from Headgate's own activities, so that both send the same prompts.
The offline model stands for a provider: its processor time is on nobody's account.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporalio.client import Client

from bench.bare import BARE_CASES, BARE_MODELS, BareCase, BareWorkflow
from bench.lone import wait_of_bare, wait_of_ticket
from bench.processes import Meter
from bench.samples import read_samples, record_calls, renamed, sample_rows, that_end_alone
from client.connect import connect
from client.starting import TemporalCaseStarter
from domain.errors import NotReachableError
from domain.model_call import ModelRequest
from ports.store import StoredCase
from workers.bootstrap import Parts
from workers.config.settings import load_settings
from workers.machine.stack import Stack

LONE_TICKETS = 40
_SERVER, _MODEL = "temporal", "offline-model"
_HIGH_PACE = 10_000.0  # the pace of the intake would hide what lies above it


@dataclass(frozen=True, slots=True)
class Round:
    """What came of one round: cases per second, history events a case with children, seconds of each process."""

    rate: float
    events: float
    used_s: dict[str, float]

    @property
    def processor_s(self) -> float:
        """Processor time of all processes, seconds."""
        return sum(self.used_s.values())


class Contest:
    """Headgate and the bare workflow on one machine, on the same messages."""

    def __init__(self, stack: Stack, parts: Parts, client: Client, bare_pids: dict[str, int]) -> None:
        self._client = client
        self._parts = parts
        ours = {each.name: each.pid for each in stack.keeper.status() if each.pid is not None}
        ours.pop(_MODEL)
        self._ours = ours
        self._bare = {_SERVER: ours[_SERVER], **bare_pids}

    async def headgate(self, samples: list[StoredCase], run: str) -> Round:
        """Start all cases at once; return when the last has ended."""
        stored = [renamed(s, run, n) for n, s in enumerate(samples)]
        await asyncio.to_thread(self._parts.store.cases.admit, stored)
        meter, started = Meter(self._ours), time.perf_counter()
        await TemporalCaseStarter(self._client).start([s.case for s in stored])
        ids = [s.case.case_id for s in stored]
        await asyncio.gather(*(self._client.get_workflow_handle(i).result() for i in ids))
        took, used = time.perf_counter() - started, meter.used()
        events = 0
        async for found in self._client.list_workflows(f"WorkflowId STARTS_WITH 'case/bench/{run}-'"):
            events += found.history_length
        return Round(len(ids) / took, events / len(ids), used)

    async def bare(self, calls: list[list[ModelRequest]], run: str) -> Round:
        """Start all bare workflows at once; return when the last has ended."""
        meter, started = Meter(self._bare), time.perf_counter()
        starts = (
            self._client.start_workflow(
                BareWorkflow.run, BareCase(calls=c), id=f"bench-bare/{run}-{n}", task_queue=BARE_CASES
            )
            for n, c in enumerate(calls)
        )
        handles = await asyncio.gather(*starts)
        await asyncio.gather(*(handle.result() for handle in handles))
        took, used = time.perf_counter() - started, meter.used()
        events = [(await handle.describe()).history_length for handle in handles[:50]]
        return Round(len(calls) / took, statistics.mean(events), used)


@asynccontextmanager
async def _bare_workers(stack: Stack) -> AsyncIterator[dict[str, int]]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")} | {
        "TEMPORAL_ADDRESS": stack.endpoints.temporal,
        "TEMPORAL_NAMESPACE": stack.endpoints.namespace,
        "HEADGATE_OFFLINE_MODEL_URL": stack.endpoints.offline_model,
    }
    workers = {
        kind: await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.bare_worker", kind, env=env)
        for kind in (BARE_CASES, BARE_MODELS)
    }
    try:
        await asyncio.sleep(1)
        if any(worker.returncode is not None for worker in workers.values()):
            raise NotReachableError("a worker of the bare workflow died at its start: its error stands above")
        yield {kind: worker.pid for kind, worker in workers.items()}
    finally:
        for worker in workers.values():
            if worker.returncode is None:
                worker.terminate()
        await asyncio.gather(*(worker.wait() for worker in workers.values()))


async def bench_cases(*, cases: int, rounds: int) -> dict[str, object]:
    """Measure both in alternating rounds; return medians and their ratios.

    Raises:
        UseError: something could not be started; the message says what.
    """
    with tempfile.TemporaryDirectory(prefix="headgate-bench-") as folder:
        settings = load_settings(data_dir=Path(folder)).model_copy(update={"intake_per_second": _HIGH_PACE})
        async with Stack(settings, port_base=19700, ui=False, samples=True) as stack:
            parts = Parts(settings.model_copy(update={"offline_model_url": stack.endpoints.offline_model}))
            try:
                figures = await stack.unless_stopped(_measure(stack, parts, cases, rounds))
            finally:
                parts.close()
    return figures


async def _measure(stack: Stack, parts: Parts, cases: int, rounds: int) -> dict[str, object]:
    client = await connect(stack.which)
    pool = read_samples(parts, 200)
    alone = await that_end_alone(client, parts, pool)
    recorded = [await record_calls(parts, renamed(pool[n], "record", n).case) for n in alone]
    samples = [pool[alone[n % len(alone)]] for n in range(cases)]
    calls = [recorded[n % len(alone)] for n in range(cases)]
    ours: list[Round] = []
    bare: list[Round] = []
    async with _bare_workers(stack) as bare_pids:
        contest = Contest(stack, parts, client, bare_pids)
        await contest.bare(calls[:20], "warm")
        for n in range(rounds):
            bare.append(await contest.bare(calls, f"r{n}"))
            ours.append(await contest.headgate(samples, f"r{n}"))
        lone = await _lone(stack, client, parts, [sample_rows()[n] for n in alone], recorded)
    return (
        _figures(cases, ours, bare) | lone | {"model_calls_per_case": round(statistics.mean(len(c) for c in calls), 2)}
    )


async def _lone(
    stack: Stack, client: Client, parts: Parts, rows: list[dict[str, Any]], calls: list[list[ModelRequest]]
) -> dict[str, object]:  # Any: JSON
    """Send tickets one by one, each after a bare workflow with the same model calls."""
    tickets, bare = [], []
    for n, (row, its_calls) in enumerate(zip(rows[:LONE_TICKETS], calls, strict=False)):
        bare_s = await wait_of_bare(client, parts, its_calls, n)
        ticket_s = await wait_of_ticket(stack, client, parts, row, its_calls, n)
        if ticket_s is not None:
            tickets.append(ticket_s)
            bare.append(bare_s)
    return {
        "lone_tickets": len(tickets),
        "lone_ticket_ms": round(1e3 * statistics.median(tickets)),
        "lone_bare_ms": round(1e3 * statistics.median(bare)),
        "lone_ratio": round(statistics.median(tickets) / statistics.median(bare), 2),
    }


def _figures(cases: int, ours: list[Round], bare: list[Round]) -> dict[str, object]:
    our_rate, bare_rate = (statistics.median(r.rate for r in side) for side in (ours, bare))
    our_cpu, bare_cpu = (statistics.median(r.processor_s for r in side) / cases * 1e3 for side in (ours, bare))
    return {
        "cases_per_round": cases,
        "rounds": len(ours),
        "cases_per_s": round(our_rate, 2),
        "bare_per_s": round(bare_rate, 2),
        "ratio": round(our_rate / bare_rate, 3),
        "ratio_of_quietest_rounds": round(max(r.rate for r in ours) / max(r.rate for r in bare), 3),
        "processor_s_per_1000": round(our_cpu, 1),
        "bare_processor_s_per_1000": round(bare_cpu, 1),
        "processor_ratio": round(bare_cpu / our_cpu, 3),
        "events_per_case": round(statistics.mean(r.events for r in ours), 1),
        "bare_events_per_case": round(statistics.mean(r.events for r in bare), 1),
        "processor_s_by_process": _by_process(cases, ours),
        "bare_processor_s_by_process": _by_process(cases, bare),
        "rounds_cases_per_s": [round(r.rate, 2) for r in ours],
        "rounds_bare_per_s": [round(r.rate, 2) for r in bare],
    }


def _by_process(cases: int, rounds: list[Round]) -> dict[str, float]:
    """Return processor time of each process per 1,000 cases, seconds."""
    return {
        name: round(statistics.median(r.used_s[name] for r in rounds) / cases * 1e3, 1) for name in rounds[0].used_s
    }
