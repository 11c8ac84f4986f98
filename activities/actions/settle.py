"""Ask the payment provider what became of payments that it called pending."""

import asyncio
from collections.abc import Mapping

from pydantic import BaseModel, Field
from temporalio import activity

from activities.clock import Clock, utc_now
from activities.heartbeat import heartbeating
from domain.errors import HeadgateError
from domain.money.effect import PendingEffect, Settling
from ports.rail import Fate, SlowRail
from ports.settling import SettlingStore


class LookRequest(BaseModel):
    """How many pending payments are asked about in one look."""

    limit: int = Field(default=20, ge=1)


class LookResult(BaseModel):
    """What a look found; `more` says that others wait to be asked about now."""

    settled: int = 0
    failed: int = 0
    more: bool = False


class SettlingActivities:
    """The activity of `SettlingWorkflow`."""

    def __init__(self, settling: SettlingStore, rails: Mapping[str, object], clock: Clock = utc_now) -> None:
        self._settling = settling
        self._rails = rails
        self._clock = clock

    @activity.defn
    async def look_at_pending(self, request: LookRequest) -> LookResult:
        """Settle what arrived, book back what failed, and ask about all others later.

        Raises:
            TransientError: the store cannot be reached.
        """
        due = await asyncio.to_thread(self._settling.due, request.limit, self._clock())
        result = LookResult(more=len(due) >= request.limit)
        async with heartbeating():
            for effect in due:
                await self._look(effect, result)
        return result

    async def _look(self, effect: PendingEffect, result: LookResult) -> None:
        fate = await self._fate(effect)
        if fate.settling is Settling.SETTLED:
            await asyncio.to_thread(self._settling.settle, effect.key, self._clock())
            result.settled += 1
        elif fate.settling is Settling.FAILED:
            await asyncio.to_thread(self._settling.fail, effect, fate.why, self._clock())
            result.failed += 1
        else:
            await asyncio.to_thread(self._settling.put_off, effect, self._clock())

    async def _fate(self, effect: PendingEffect) -> Fate:
        """Return what the provider says; one that cannot say keeps it pending: people are told once it is overdue."""
        rail = self._rails.get(effect.kind)
        if not isinstance(rail, SlowRail):
            return Fate(settling=Settling.PENDING)
        try:
            return await rail.fate(effect.provider_ref)
        except HeadgateError as error:
            activity.logger.warning("what became of %s stays open: %s", effect.key, error)
            return Fate(settling=Settling.PENDING)
