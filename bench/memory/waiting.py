"""`python -m bench.memory.waiting [COUNT …]`: what open cases that wait for a person cost a case worker in memory.

More than the worker keeps (`workers/running/case_cache.py`) say nothing: it holds no more of them.
"""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from temporalio.client import Client

from bench.processes import memory_mb
from bench.samples import read_samples, renamed, that_end_alone
from client.connect import connect
from client.starting import TemporalCaseStarter
from domain.errors import ImpossibleError
from ports.store import StoredCase
from workers.bootstrap import Parts
from workers.config.settings import load_settings
from workers.machine.stack import Stack

COUNTS = (500, 1000, 2000)
PART = 50
SETTLE_S = 600.0
_POLL_S, _REST_S = 2.0, 8.0


async def bench_waiting(counts: list[int]) -> dict[str, object]:
    """Open so many cases one after the other; return the case worker's memory (MB) before and after each.

    Raises:
        ImpossibleError: the cases did not come to a person within ten minutes.
    """
    with tempfile.TemporaryDirectory(prefix="headgate-bench-") as folder:
        settings = load_settings(data_dir=Path(folder))
        async with Stack(settings, port_base=19740, ui=False, samples=True) as stack:
            parts = Parts(settings.model_copy(update={"offline_model_url": stack.endpoints.offline_model}))
            try:
                return await stack.unless_stopped(_measure(stack, parts, sorted(counts)))
            finally:
                parts.close()


async def _measure(stack: Stack, parts: Parts, counts: list[int]) -> dict[str, object]:
    client = await connect(stack.which)
    pool = read_samples(parts, 200)
    alone = set(await that_end_alone(client, parts, pool))
    waiting = [each for n, each in enumerate(pool) if n not in alone]
    found: dict[str, object] = {"open_before": await _open(client), "mb_before": _memory(stack)}
    opened = 0
    for count in counts:
        numbers = range(opened, count)
        await _start(client, parts, [renamed(waiting[n % len(waiting)], "wait", n) for n in numbers])
        opened = count
        found |= {f"open_{count}": await _open(client), f"mb_{count}": _memory(stack)}
    return found


async def _start(client: Client, parts: Parts, stored: list[StoredCase]) -> None:
    """Start the cases, and return once none of them is worked any more."""
    for first in range(0, len(stored), PART):
        part = stored[first : first + PART]
        await asyncio.to_thread(parts.store.cases.admit, part)
        await TemporalCaseStarter(client).start([each.case for each in part])
    until = time.monotonic() + SETTLE_S
    while await _count(client, "WorkflowId STARTS_WITH 'case/bench/wait-' AND CaseState = 'running'"):
        if time.monotonic() > until:
            raise ImpossibleError(
                f"cases were still worked after {SETTLE_S:g} s: measure fewer, or on a quieter machine"
            )
        await asyncio.sleep(_POLL_S)
    await asyncio.sleep(_REST_S)


async def _open(client: Client) -> int:
    return await _count(client, "WorkflowType = 'CaseWorkflow' AND ExecutionStatus = 'Running'")


async def _count(client: Client, query: str) -> int:
    return (await client.count_workflows(query)).count


def _memory(stack: Stack) -> int:
    [pid] = [process.pid for process in stack.keeper.status() if process.name == "worker-case"]
    return round(memory_mb(pid))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(bench_waiting([int(word) for word in sys.argv[1:]] or list(COUNTS))), indent=2))
