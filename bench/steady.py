"""Thousands of cases in a row: whether the rate holds and the memory of every process stays flat."""

import asyncio
import tempfile
import time
from pathlib import Path

from temporalio.client import Client

from bench.processes import memory_mb
from bench.samples import read_samples, renamed, that_end_alone
from client.connect import connect
from client.starting import TemporalCaseStarter
from ports.store import StoredCase
from workers.bootstrap import Parts
from workers.config.settings import load_settings
from workers.machine.stack import Stack

OPEN_AT_ONCE = 100
ONE_PART = 1000


async def bench_steady(*, cases: int) -> dict[str, object]:
    """Work so many cases, a hundred open at once; return the rate and the memory (MB) after every thousand.

    Raises:
        UseError: something could not be started; the message says what.
    """
    with tempfile.TemporaryDirectory(prefix="headgate-bench-") as folder:
        settings = load_settings(data_dir=Path(folder))
        async with Stack(settings, port_base=19700, ui=False, samples=True) as stack:
            parts = Parts(settings.model_copy(update={"offline_model_url": stack.endpoints.offline_model}))
            try:
                figures = await stack.unless_stopped(_measure(stack, parts, cases))
            finally:
                parts.close()
    return figures


async def _measure(stack: Stack, parts: Parts, cases: int) -> dict[str, object]:
    client = await connect(stack.which)
    pool = read_samples(parts, 200)
    alone = await that_end_alone(client, parts, pool)
    rates: list[float] = []
    memory: list[dict[str, float]] = []
    for first in range(0, cases, ONE_PART):
        numbers = range(first, min(first + ONE_PART, cases))
        part = [renamed(pool[alone[n % len(alone)]], "steady", n) for n in numbers]
        rates.append(await _rate(client, parts, part))
        memory.append({p.name: round(memory_mb(p.pid)) for p in stack.keeper.status() if p.pid is not None})
    return {
        "cases": cases,
        "open_at_once": OPEN_AT_ONCE,
        "cases_per_s": [round(rate, 1) for rate in rates],
        "last_to_first": round(rates[-1] / rates[0], 3),
        **{f"mb_{name}": [each.get(name) for each in memory] for name in memory[0]},
    }


async def _rate(client: Client, parts: Parts, stored: list[StoredCase]) -> float:
    await asyncio.to_thread(parts.store.cases.admit, stored)
    starter, room = TemporalCaseStarter(client), asyncio.Semaphore(OPEN_AT_ONCE)

    async def work(each: StoredCase) -> None:
        async with room:
            await starter.start([each.case])
            await client.get_workflow_handle(each.case.case_id).result()

    started = time.perf_counter()
    await asyncio.gather(*(work(each) for each in stored))
    return len(stored) / (time.perf_counter() - started)
