"""An intake worker without Temporal: it lets payloads into the store as the real one does, and no workflow is started.

Run as `python -m tests.e2e.pens.sink` with the variables of an intake worker.
"""

import asyncio
import signal
from collections.abc import Iterable
from contextlib import suppress

from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.intake.admit import AdmitRequest
from domain.case import CaseInput
from workers.bootstrap import Parts
from workers.config.settings import load_settings


class NoStarter:
    """Starts nothing."""

    async def start(self, cases: Iterable[CaseInput]) -> None:
        """Let go of the cases: they are in the store."""


async def run() -> None:
    """Let in until SIGTERM."""
    parts = Parts(load_settings())
    admit = parts.admit(NoStarter())
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    while not stop.is_set():
        with suppress(ApplicationError):  # away: Temporal would try again, too
            await ActivityEnvironment().run(admit.admit_batch, AdmitRequest(limit=100, wait_s=1, lease_s=60))
            continue
        await asyncio.sleep(0.5)
    await parts.close_inbox()
    parts.close()


if __name__ == "__main__":
    asyncio.run(run())
