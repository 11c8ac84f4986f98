"""A limiter that all processes share through Redis; each keeps to its own share while Redis does not answer."""

import asyncio
import os
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog
from redis.exceptions import RedisError

from adapters.models.guards.limiter_local import LocalLimiter, taken_at, unused_s
from adapters.models.guards.limiter_script import LIMITER, from_line
from domain.pacing.limits import SAID_NOTHING, Booked, SaidLimits
from ports.models.limits import LEASE_S, Slot

if TYPE_CHECKING:
    from redis.asyncio import Redis

ANSWERS_WITHIN_S = 0.25  # no call waits longer for Redis
ASK_AGAIN_S = 1.0  # so long it is left alone after it did not answer
_PROCESS = f"{os.uname().nodename}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


class RedisLimiter:
    """A `Limiter` in Redis 6.2 or newer, or Valkey.

    What was booked in Redis and not answered in time may be booked all the same: the call books again in this process,
    which is the strict side. A state that is gone (a flush, a new server) is taken up from what this process last knew.

    Args:
        client: of Redis.
        name: of the limiter: provider, model and key; no secret.
        local: of this process, while Redis does not answer; it has the limits.
        clock: of the pauses between attempts to reach Redis, seconds.
    """

    def __init__(
        self,
        client: "Redis",
        name: str,
        local: LocalLimiter,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.local = local
        self._keys = [f"{{{name}}}", f"{{{name}}}:leases", f"{{{name}}}:processes"]
        self._script = client.register_script(LIMITER)
        self._known = ""  # the last state that was seen
        self._clock = clock
        self._away_until = float("-inf")
        self._away = False
        self._configured = local.processes
        self._logger = structlog.get_logger("headgate.models")

    async def book(self, tokens: int) -> Slot:
        """Book a slot for all processes; of this process's share while Redis does not answer."""
        lease = uuid.uuid4().hex if self.local.limits.concurrency else ""
        said = await self._ask("book", tokens, lease, LEASE_S, _PROCESS)
        if said is None:
            return await self.local.book(tokens)
        at, stands, wait_s, request_s, tokens_s, full, processes = (float(text) for text in said)
        self.local.processes = max(self._configured, int(processes))
        booked = Booked(stands == 1, wait_s, at, request_s, tokens_s, full=full == 1)
        return Slot(booked, tokens, lease=lease if booked.stands else "")

    async def confirm(self, slot: Slot) -> bool:
        """Return whether a slot whose time has come may be used; not if Redis went away since."""
        if slot.alone:
            return await self.local.confirm(slot)
        said = await self._ask("confirm", slot.booked.at)
        return said is not None and float(said[1]) == 1

    async def renew(self, slot: Slot) -> None:
        """Hold the lease on."""
        if slot.alone:
            await self.local.renew(slot)
        elif slot.lease:
            await self._ask("renew", slot.lease, LEASE_S)

    async def settle(self, slot: Slot, used: int | None, said: SaidLimits | None = None) -> None:
        """End a call: hand back what it did not use. What Redis does not hear stays booked."""
        if slot.alone:
            await self.local.settle(slot, used, said)
            return
        await self._ask("settle", slot.lease, unused_s(slot, used), taken_at(slot, used), *_in_order(said))

    async def refused(self, slot: Slot, wait_s: float, said: SaidLimits | None = None) -> None:
        """End a call that was told to wait, and fall for everyone; for this process alone if Redis does not answer."""
        heard = _in_order(said)
        if slot.alone or await self._ask("refused", slot.lease, slot.booked.at, wait_s, *heard) is None:
            await self.local.refused(slot, wait_s, said)

    async def _ask(self, what: str, *more: str | float) -> list[str] | None:
        """Return what the script says after the state: its time and what came of it; None if Redis does not answer."""
        if self._clock() < self._away_until:
            return None
        limits = self.local.limits
        arguments = (what, "", self._known, limits.rpm, limits.tpm, limits.concurrency, *more)
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                answer = await self._script(keys=self._keys, args=arguments)
        except (TimeoutError, RedisError, OSError) as error:
            self._gone(error)
            return None
        if self._away:
            self._away = False
            self._logger.info("the shared limiter answers again", limiter=self._keys[0])
        state, *said = (text.decode() for text in answer)
        self._known = state
        return said

    def _gone(self, error: Exception) -> None:
        self._away_until = self._clock() + ASK_AGAIN_S
        if self._away:
            return
        self._away = True
        if self._known:
            self.local.take_over(from_line(self._known))
        why = str(error) or f"no answer within {ANSWERS_WITHIN_S:g} seconds"
        self._logger.warning(
            "the shared limiter does not answer: this process keeps to its share",
            limiter=self._keys[0],
            processes=self.local.processes,
            why=why,
        )


def _in_order(said: SaidLimits | None) -> tuple[float, ...]:
    s = said or SAID_NOTHING
    return (s.rpm, s.tpm, s.remaining_requests, s.remaining_tokens, s.reset_s)
