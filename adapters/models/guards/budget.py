"""Models that are asked only for what a budget can bear, and every attempt of which goes on record."""

import asyncio
import hashlib
import json
import math
import uuid
from collections import defaultdict
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import structlog

from domain.case import case_of
from domain.errors import (
    ConfigurationError,
    OverBudgetError,
    ToldToWaitError,
    TransientError,
    UnsupportedTaskError,
)
from domain.model_call import ModelReply, ModelRequest, Price
from domain.spend.budgets import SpendRules
from domain.spend.calls import ratio_of, tokens_at_most
from ports.models.model import LanguageModel
from ports.models.spend import CallRefusal, CallSpent, CallToMake, SpendStore

_SILENT = frozenset({408, 504, 524})  # said by whoever stands between: the model may have written all the same
_NEVER_CONNECTED = frozenset({"ConnectError", "ConnectTimeout", "ConnectionRefusedError", "PoolTimeout"})


class BudgetedModel:
    """A `LanguageModel` each attempt of which is reserved in full, noted as sent, and charged what it used.

    It stands right around the model itself, inside all that waits or holds back: between its note and the socket there
    is nothing. What it cannot know was not used is charged. While the store is away a model that costs nothing is asked
    all the same, off the record; others are not.

    Args:
        model: what is asked.
        spend: where spending is kept.
        rules: the blueprint's.
        price: tells the price of a call of now.
        named: the model, with its provider.
    """

    def __init__(
        self, model: LanguageModel, spend: SpendStore, rules: SpendRules, price: Callable[[], Price], named: str
    ) -> None:
        self.model = model
        self._spend = spend
        self._rules = rules
        self._price = price
        self._named = named
        self._too_low: defaultdict[str, float] = defaultdict(lambda: 1.0)  # by task: actual input by its estimate
        self._background: set[asyncio.Task[None]] = set()
        self._logger = structlog.get_logger("headgate.models")

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Make one call, if there is money for it.

        Raises:
            OverBudgetError: a budget is used up, or the case runs in a circle; no call was made.
            TransientError: the store is away, and the model is not free; or as the model's.
            ToldToWaitError, UnsupportedTaskError, ConfigurationError: as the model's.
        """
        call = self._call(request, self._price())
        try:
            await self._reserve(call)
        except TransientError as error:
            if self._price().input or self._price().output:
                away = TransientError(f"not asked, since nobody knows what is left to spend: {error}")
                away.of_store = True  # the model is not to blame
                raise away from error
            self._logger.warning("a free model is asked off the record", model=self._named, why=str(error))
            return await self.model.complete(request)
        return await self._ask(call, request)

    async def hold(self, request: ModelRequest, price: Price) -> str:
        """Hold what a request may cost at most at a price, to be sent later by others; return the id of its row.

        Raises:
            OverBudgetError: as `complete`.
            TransientError: the store is away.
        """
        call = self._call(request, price)
        refusal = await asyncio.to_thread(self._spend.reserve, call, self._rules)
        if refusal is not None:
            raise OverBudgetError(refusal.why, refusal.reason, refusal.until)
        return call.call_id

    async def let_go(self, call_id: str) -> None:
        """Let go what was held for a request that will not be sent."""
        await self._give_up(call_id)

    async def _reserve(self, call: CallToMake) -> None:
        """Hold the call and note that it is sent, in one commit: the very next thing is the socket."""
        reserving = asyncio.create_task(asyncio.to_thread(self._spend.reserve, call, self._rules, sending=True))
        try:
            refusal = await asyncio.shield(reserving)
        except asyncio.CancelledError:
            self._later(self._undo(reserving, call))
            raise
        if refusal is not None:
            raise OverBudgetError(refusal.why, refusal.reason, refusal.until)

    async def _undo(self, reserving: asyncio.Task[CallRefusal | None], call: CallToMake) -> None:
        """Charge nothing for a call that was cut off while it was reserved: it never goes out."""
        with suppress(TransientError):
            await reserving
        await self._settle(call, CallSpent(finish_reason="failed"))

    def _later(self, work: Coroutine[Any, Any, None]) -> None:  # Any: what a coroutine is sent and yields
        """Do what a cancelled task cannot wait for."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _ask(self, call: CallToMake, request: ModelRequest) -> ModelReply:
        try:
            reply = await self.model.complete(request.model_copy(update={"call_id": call.call_id}))
        except (ToldToWaitError, UnsupportedTaskError, ConfigurationError) as error:
            if error.usage is None:  # a refusal, which costs nothing
                await self._settle(call, CallSpent(finish_reason="refused"))
            else:  # it broke off what was written already
                await self._give_up(call.call_id)
            raise
        except TransientError as error:
            if _costs_nothing(error):
                await self._settle(call, CallSpent(finish_reason="failed"))
            else:
                await self._give_up(call.call_id)
            raise
        except BaseException:  # cut off
            self._later(self._give_up(call.call_id))
            raise
        await self._settle(call, CallSpent.by(reply))
        self.learn(request, reply)
        return reply

    def learn(self, request: ModelRequest, reply: ModelReply) -> None:
        """Learn from an answer by how much estimates are too low."""
        task = request.schema_name
        self._too_low[task] = ratio_of(reply.usage.input_tokens, _estimate(request), self._too_low[task])

    async def _settle(self, call: CallToMake, spent: CallSpent) -> None:
        """Charge a call. An answer is worth more than its row: without the store it is charged in full later."""
        try:
            await asyncio.to_thread(self._spend.settle, call.call_id, spent)
        except TransientError as error:
            self._logger.warning("a call is charged in full, the store is away", call=call.call_id, why=str(error))

    async def _give_up(self, call_id: str) -> None:
        try:
            await asyncio.to_thread(self._spend.give_up, call_id)
        except TransientError as error:
            self._logger.warning("a call is charged when its lease ends", call=call_id, why=str(error))

    def _call(self, request: ModelRequest, price: Price) -> CallToMake:
        shown = [message.content for message in request.messages]
        schema = json.dumps(request.json_schema)
        tokens_in = math.ceil(_estimate(request) * self._too_low[request.schema_name])
        return CallToMake(
            call_id=uuid.uuid4().hex,
            case_id=case_of(request.case_id),
            asked_by=request.asked_by,
            kind=kind_of(request),
            step=request.schema_name,
            tier=request.tier,
            model=self._named,
            question=_digest([request.schema_name, schema, *shown]),
            tokens_in=tokens_in,
            tokens_out=request.max_output,
            cost_micros=price.cost_micros(tokens_in, request.max_output),
            waited_s=request.waited_s,
        )


def kind_of(request: ModelRequest) -> str:
    """Return who asks, as budgets name it: `router`, or a specialist."""
    return request.asked_by.partition("/")[0] or "router"


def _estimate(request: ModelRequest) -> int:
    return tokens_at_most([message.content for message in request.messages], json.dumps(request.json_schema))


def _digest(texts: list[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()[:32]


def _costs_nothing(error: BaseException) -> bool:
    """Return whether a failure shows that nothing was used: the provider refused, or there never was a connection."""
    cause: BaseException | None = error
    while cause is not None:
        status = getattr(cause, "status_code", None)
        if isinstance(status, int) and status >= 400:
            return status not in _SILENT
        if type(cause).__name__ in _NEVER_CONNECTED:
            return True
        cause = cause.__cause__
    return False
