"""Heartbeats of an activity that waits for somebody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio import activity

EVERY_S = 5.0  # well under the 30 s within which a dead worker's activity is taken over


@asynccontextmanager
async def heartbeating(every_s: float = EVERY_S) -> AsyncIterator[None]:
    """Send heartbeats while the body awaits; outside of an activity it does nothing."""
    if not activity.in_activity():
        yield
        return
    beats = asyncio.create_task(_beat(every_s))
    try:
        yield
    finally:
        beats.cancel()


async def _beat(every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        activity.heartbeat()
