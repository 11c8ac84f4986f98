"""Workers until a signal comes, or until Temporal's core can no longer be trusted with what they hold."""

import asyncio
import os
import signal
import threading
from collections.abc import Sequence
from datetime import timedelta

from temporalio.worker import Worker

from workers.running.core_logs import CoreWatch
from workers.running.core_trust import START_ANEW
from workers.running.telemetry import count_restart

ENDS_WITHIN_S = 10.0
"""As `headgate up` waits after SIGTERM: nobody else kills a process that ends by itself."""


async def run_until_stopped(workers: Sequence[Worker], watch: CoreWatch, *, role: str, grace: timedelta) -> int:
    """Run workers until SIGTERM or Ctrl-C, and return 0; or until core loses trust, and return `START_ANEW`.

    Either way they take no new work first, and what is under way has `grace` to end. A run that stands still would
    hold up the end for ever: where trust is lost, the process is gone after `ENDS_WITHIN_S`.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    running = [asyncio.create_task(worker.run()) for worker in workers]
    stopping, losing = asyncio.create_task(stop.wait()), asyncio.create_task(watch.trust_lost())
    await asyncio.wait([stopping, losing, *running], return_when=asyncio.FIRST_COMPLETED)
    lost = losing.done() and not stop.is_set() and not any(task.done() for task in running)
    for waiting in (stopping, losing):
        waiting.cancel()
    if lost:
        end_for_sure(ENDS_WITHIN_S)
        count_restart(role)
        ending = asyncio.gather(*(worker.shutdown() for worker in workers), *running, return_exceptions=True)
        await asyncio.wait([ending], timeout=grace.total_seconds())
        return START_ANEW
    await asyncio.gather(*(worker.shutdown() for worker in workers))
    await asyncio.gather(*running)
    return 0


def end_for_sure(seconds: float) -> None:
    """End this process with `START_ANEW` after so long, whatever it then waits for."""
    last = threading.Timer(seconds, os._exit, [START_ANEW])
    last.daemon = True
    last.start()
