"""Hand outcomes over to the journal, long enough at a time that the journal's own history stays small."""

import asyncio
import time

from pydantic import BaseModel, Field
from temporalio import activity

from ports.store import CaseStore


class DrainRequest(BaseModel):
    """`batch` outcomes at a time, `idle_s` seconds between looks at an empty outbox, for at most `max_s` seconds."""

    batch: int = Field(default=200, ge=1)
    idle_s: float = Field(default=0.5, gt=0)
    max_s: float = Field(default=60.0, gt=0)


class DrainResult(BaseModel):
    """How many outcomes were written."""

    written: int


class JournalActivities:
    """Writes the journal."""

    def __init__(self, cases: CaseStore) -> None:
        self._cases = cases

    @activity.defn
    async def drain_outcomes(self, request: DrainRequest) -> DrainResult:
        """Move outcomes from the outbox into the journal until the time is up or the worker shuts down.

        Raises:
            TransientError: the store cannot be reached.
        """
        ends_at = time.monotonic() + request.max_s
        shutdown = asyncio.ensure_future(activity.wait_for_worker_shutdown())
        written = 0
        try:
            while True:
                moved = await asyncio.to_thread(self._cases.journal_outcomes, request.batch)
                written += moved
                activity.heartbeat(written)
                left = ends_at - time.monotonic()
                if left <= 0 or shutdown.done():
                    return DrainResult(written=written)
                if moved < request.batch:
                    await asyncio.wait([shutdown], timeout=min(request.idle_s, left))
        finally:
            shutdown.cancel()
