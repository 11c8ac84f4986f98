"""Tending batches: what waits is sent, what was sent is looked after, and what came is paid for and handed over."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from datetime import timedelta

from pydantic import BaseModel
from temporalio import activity

from activities.heartbeat import heartbeating
from domain.batches.going import to_be_cancelled
from domain.batches.owed import ItemEnd, Owing, owed
from domain.batches.sending import SEND_WITHIN, Recourse, after_silence
from domain.errors import HeadgateError, TransientError
from domain.model_call import ModelRequest
from domain.model_steps import BATCH_WINDOW_S, BatchRules
from ports.models.batches import BatchModel, BatchResult, SoughtBatch, SubmittedBatch
from ports.models.batching import BatchContent, BatchOnRecord, BatchStore
from ports.models.spend import CallSpent, SpendStore

GONE_AFTER = timedelta(seconds=BATCH_WINDOW_S) + timedelta(hours=2)
"""A batch of which nobody heard for so long has ended, if there ever was one."""


class TendRequest(BaseModel):
    """One round of tending."""


class TendResult(BaseModel):
    """How many batches were sent, how many have ended, and in how many seconds to look again."""

    sent: int = 0
    ended: int = 0
    next_s: float = 300.0


class BatchActivities:
    """The activity that tends batches. It may be killed between any two lines, and two may run at once.

    Money first: what is owed is charged before a question counts as ended, and charging twice changes nothing.
    """

    def __init__(
        self,
        batches: BatchStore,
        batch_models: Mapping[str, BatchModel],
        spend: SpendStore,
        rules: BatchRules,
    ) -> None:
        self._batches = batches
        self._models = batch_models
        self._spend = spend
        self._rules = rules

    @activity.defn
    async def tend_batches(self, _: TendRequest) -> TendResult:
        """Send what waits, and look after the batches that were under way before.

        Raises:
            TransientError: the store cannot be reached.
        """
        done, names = TendResult(next_s=self._rules.look_every_s), [*self._models]
        async with heartbeating():
            under_way = await asyncio.to_thread(self._batches.under_way, names)
            numbers = {batch.number for batch in under_way if batch.number}
            for name in names if self._rules.steps else ():  # switched off: what was sent is looked after still
                done.sent += await self._send_all(name)
            for batch in under_way:
                done.ended += await self._look(batch, numbers)
            await asyncio.to_thread(self._batches.forget)  # last: after a long rest what has ended is taken first
        return done

    async def _send_all(self, model: str) -> int:
        """Send all that waits for a model; return how many batches went out, or may have."""
        sent, by = 0, time.monotonic() + SEND_WITHIN.total_seconds()
        while (batch := await asyncio.to_thread(self._batches.take, model)) is not None:
            held = await self._held(batch)
            if held:
                submitted = await self._submit(batch, held, by)
                sent += submitted is not None
                if submitted is None or not submitted.number:  # the provider is out: the rest waits for the next round
                    break
            by = time.monotonic() + SEND_WITHIN.total_seconds()
        return sent

    async def _held(self, batch: BatchOnRecord) -> dict[str, ModelRequest]:
        """Note the questions of a batch as sent, in all budgets; return those that are held still."""
        requests = (await asyncio.to_thread(self._batches.content, batch.key)).requests
        held = {i: r for i, r in requests.items() if await asyncio.to_thread(self._spend.sent, i)}
        late = [item_id for item_id in requests if item_id not in held]
        if late:
            await self._end(batch, _all(late, ItemEnd.REFUSED, "its reservation had run out"))
        return held

    async def _submit(self, batch: BatchOnRecord, held: dict[str, ModelRequest], by: float) -> SubmittedBatch | None:
        """Send a batch until the monotonic time `by`; return None where it did not go out."""
        try:
            if time.monotonic() > by:
                raise TransientError("it could not be sent in time")
            submitted = await self._models[batch.model].submit(batch.key, held)
        except HeadgateError as error:
            activity.logger.warning("a batch was not taken: %s", error)
            await self._end(batch, _all(held, ItemEnd.REFUSED, str(error)))
            return None
        if submitted.number:
            await asyncio.to_thread(self._batches.numbered, batch.key, submitted.number)
        else:
            activity.logger.warning("nobody knows whether a batch was taken: %s", submitted.why)
        return submitted

    async def _look(self, batch: BatchOnRecord, numbers: set[str]) -> bool:
        """Look after a batch; return whether it has ended."""
        content = await asyncio.to_thread(self._batches.content, batch.key)
        try:
            results = await self._results(batch, content, numbers)
        except HeadgateError as error:
            activity.logger.warning("a batch cannot be looked at: %s", error)
            results = None
        if results is None and batch.sent_s_ago >= GONE_AFTER.total_seconds():
            results = _all(content.requests, ItemEnd.LOST, "nothing was heard of its batch for more than a day")
        if results is None:
            return False
        await self._end(batch, results)
        return True

    async def _results(
        self, batch: BatchOnRecord, content: BatchContent, numbers: set[str]
    ) -> list[BatchResult] | None:
        model, number = self._models[batch.model], batch.number
        if not number:
            found = await model.find(SoughtBatch(batch.key, set(content.requests), batch.sent_at, numbers))
            recourse = after_silence(found.found, batch.sent_s_ago)
            if recourse is Recourse.NOT_TAKEN:
                return _all(content.requests, ItemEnd.REFUSED, "its batch never came to the provider")
            if recourse is Recourse.LOOK_AGAIN:
                return None
            number = found.batch_id
            await asyncio.to_thread(self._batches.numbered, batch.key, number)
        results = await model.collect(number, content.requests)
        if results is None and to_be_cancelled(content.waited_for.values()):
            await model.cancel(number)
        return results

    async def _end(self, batch: BatchOnRecord, results: list[BatchResult]) -> None:
        for result in results:
            match owed(result.end):
                case Owing.NOTHING:
                    spent = CallSpent(finish_reason=f"batch {result.end}")
                    await asyncio.to_thread(self._spend.settle, result.item_id, spent)
                case Owing.USED if result.reply is not None:
                    await asyncio.to_thread(self._spend.settle, result.item_id, CallSpent.by(result.reply))
                case _:
                    await asyncio.to_thread(self._spend.give_up, result.item_id)
        await asyncio.to_thread(self._batches.end, batch.key, results)


def _all(item_ids: Iterable[str], end: ItemEnd, why: str) -> list[BatchResult]:
    return [BatchResult(item_id, end, None, why) for item_id in item_ids]
