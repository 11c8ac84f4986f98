"""Models that are limited: no call before its slot."""

import asyncio
import json
import math
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from adapters.models.guards.said import said_of, sane
from domain.errors import OverBudgetError, ToldToWaitError, TransientError
from domain.model_call import ModelReply, ModelRequest, RateHeaders
from domain.pacing.limits import PATIENCE_S
from ports.models.limits import RENEW_S, Limiter, Slot
from ports.models.model import LanguageModel

BYTES_PER_TOKEN = 3  # of input: fewer than any language has, so that too much is booked rather than too little
TOKENS_OF_A_CALL = 16
FULL_AGAIN_S = 0.1
BACK_WHEN_FULL_S = (2.0, 10.0)


Reply = TypeVar("Reply")


class LimitedCalls:
    """Makes calls no faster than a limiter says.

    A call waits for its slot where that is at most `PATIENCE_S` away; the activity's heartbeats go on meanwhile. Longer
    waits free the activity's slot: the call comes back, and its ladder is untouched.

    Args:
        limiter: one for all models that share a limit.
        named: what people call the model, for the reason of a wait.
        sleep: waits so many seconds.
        chance: a number from 0 to 1, for the spread.
    """

    def __init__(
        self,
        limiter: Limiter,
        named: str,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.limiter = limiter
        self._named = named
        self._sleep = sleep
        self._chance = chance

    async def in_slot(
        self,
        tokens: int,
        ask: Callable[[float], Awaitable[Reply]],
        used: Callable[[Reply], tuple[int, RateHeaders | None]],
    ) -> Reply:
        """Make one call in its slot.

        Args:
            tokens: that it may use at most.
            ask: makes the call; it is told for how many seconds it waited.
            used: returns what a reply used, and what it told of limits.

        Raises:
            ToldToWaitError: the provider says to wait; or (`held`) no slot is free for longer than a call may wait.
            OverBudgetError, TransientError, ConfigurationError: as what makes the call.
        """
        slot, waited_s = await self._slot(tokens)
        try:
            async with self._leased(slot):
                reply = await ask(waited_s)
        except ToldToWaitError as error:
            await self.limiter.refused(slot, sane(error.wait_seconds) if error.named else 0.0, said_of(error.rate))
            raise
        except Exception as error:
            not_asked = isinstance(error, OverBudgetError) or (isinstance(error, TransientError) and error.of_store)
            await self.limiter.settle(slot, 0 if not_asked else None)  # None: what it used is not known
            raise
        count, rate = used(reply)
        await self.limiter.settle(slot, max(1, count), said_of(rate))  # 0: nobody was asked
        return reply

    async def _slot(self, tokens: int) -> tuple[Slot, float]:
        """Book, and wait for the slot; book again where it is gone by then, because the limit fell meanwhile. Return
        the seconds waited, too.
        """
        waited = 0.0
        while True:
            slot = await self.limiter.book(tokens)
            booked = slot.booked
            wait_s = FULL_AGAIN_S * (1 + self._chance()) if booked.full else booked.wait_s
            if waited + wait_s > PATIENCE_S and wait_s > 0:
                raise await self._come_back(slot)
            if booked.stands and wait_s <= 0:
                return slot, waited
            await self._sleep(wait_s)
            waited += wait_s
            if booked.stands:
                if await self.limiter.confirm(slot):
                    return slot, waited
                await self.limiter.settle(slot, 0)  # the limit fell meanwhile: it was not used

    async def _come_back(self, slot: Slot) -> ToldToWaitError:
        booked = slot.booked
        wait_s, why = booked.wait_s, "its requests or tokens per minute are used up"
        if booked.full:
            low, high = BACK_WHEN_FULL_S
            wait_s, why = low + (high - low) * self._chance(), "as many calls as allowed are under way"
        if booked.stands:  # booked a second time, and too far ahead by now
            await self.limiter.settle(slot, 0)
        return ToldToWaitError(f"{self._named}: not asked, {why}", wait_s, held=True)

    @asynccontextmanager
    async def _leased(self, slot: Slot) -> AsyncIterator[None]:
        """Hold the lease on while the call is under way."""
        if not slot.lease:
            yield
            return
        renewing = asyncio.create_task(self._renew(slot))
        try:
            yield
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError):
                await renewing

    async def _renew(self, slot: Slot) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            await self.limiter.renew(slot)


class LimitedModel(LimitedCalls):
    """A `LanguageModel` that is asked no faster than its limiter says.

    Args:
        model: what is asked.
        limiter: see `LimitedCalls`, as the rest.
        named: likewise.
        sleep: likewise.
        chance: likewise.
    """

    def __init__(
        self,
        model: LanguageModel,
        limiter: Limiter,
        named: str,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(limiter, named, sleep, chance)
        self.model = model

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Make one call in its slot.

        Raises:
            ToldToWaitError: the provider says to wait; or (`held`) no slot is free for longer than a call may wait.
            TransientError, UnsupportedTaskError, ConfigurationError: as the model's.
        """

        async def ask(waited_s: float) -> ModelReply:
            return await self.model.complete(request.model_copy(update={"waited_s": waited_s}))

        return await self.in_slot(worst_case(request), ask, _used)


def _used(reply: ModelReply) -> tuple[int, RateHeaders | None]:
    return reply.usage.input_tokens + reply.usage.output_tokens, reply.rate


def worst_case(request: ModelRequest) -> int:
    """Return the tokens that a call may use at most: its input, estimated from its bytes, and the longest answer.

    >>> worst_case(ModelRequest(tier="small", schema_name="route", json_schema={}, messages=[], max_output=100))
    117
    """
    size = len(json.dumps(request.json_schema)) + sum(
        len(m.content.encode("utf-8", "replace")) for m in request.messages
    )
    return math.ceil(size / BYTES_PER_TOKEN) + TOKENS_OF_A_CALL + request.max_output
