"""Models that note what each call took, and wait where a provider says to."""

import asyncio
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

from commands.results.figures import quantile
from commands.results.result import StepUse
from domain.errors import HeadgateError, ToldToWaitError, TransientError
from domain.model_call import ModelReply, ModelRequest, Tier, Usage
from ports.models.model import LanguageModel

PAUSES_S = (1.0, 5.0, 30.0)
"""How long is waited before a call that failed for a time is made again, seconds; then its row is unanswered."""
LONGEST_PAUSE_S = 60.0
current_row: ContextVar[str] = ContextVar("current_row", default="")
"""The row that is being asked about."""


@dataclass(frozen=True)
class MeteredCall:
    """A call of a row: what it used, and how long it took with its wait for a slot, seconds."""

    row: str
    step: str
    tier: Tier
    model: str
    usage: Usage
    seconds: float


@dataclass
class Meter:
    """All calls of a set."""

    calls: list[MeteredCall] = field(default_factory=list)

    def around(self, models: Mapping[Tier, LanguageModel]) -> dict[Tier, LanguageModel]:
        """Return the models, metered."""
        return {tier: MeteredModel(model, tier, self) for tier, model in models.items()}

    def steps(self) -> list[StepUse]:
        """Return what each step asked of each model."""
        keys = dict.fromkeys((call.step, call.tier.value, call.model) for call in self.calls)
        return [self._of(*key) for key in keys]

    def _of(self, step: str, tier: str, model: str) -> StepUse:
        calls = [call for call in self.calls if (call.step, call.tier, call.model) == (step, tier, model)]
        took = [1000 * call.seconds for call in calls]
        return StepUse(
            step=step, tier=tier, model=model, calls=len(calls),
            tokens_in=sum(call.usage.input_tokens for call in calls),
            tokens_out=sum(call.usage.output_tokens for call in calls),
            micros=sum(call.usage.cost_micros for call in calls),
            p50_ms=round(quantile(took, 0.5), 1), p95_ms=round(quantile(took, 0.95), 1),
        )  # fmt: skip


class MeteredModel:
    """A model of one tier."""

    def __init__(self, model: LanguageModel, tier: Tier, meter: Meter) -> None:
        self._model = model
        self._tier = tier
        self._meter = meter

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Make a call, again after a pause where only time is missing; each try that was paid for is noted.

        Raises:
            HeadgateError: as the model's, once the pauses are used up.
        """
        for pause_s in PAUSES_S:
            try:
                return await self._call(request)
            except ToldToWaitError as error:
                await asyncio.sleep(min(max(error.wait_seconds, pause_s), LONGEST_PAUSE_S))
            except TransientError:
                await asyncio.sleep(pause_s)
        return await self._call(request)

    async def _call(self, request: ModelRequest) -> ModelReply:
        began = time.perf_counter()
        try:
            reply = await self._model.complete(request)
        except HeadgateError as error:
            if error.usage is not None and error.usage.calls:
                self._note(request, "(no answer)", error.usage, began)
            raise
        self._note(request, reply.model, reply.usage, began)
        return reply

    def _note(self, request: ModelRequest, model: str, usage: Usage, began: float) -> None:
        took = time.perf_counter() - began
        self._meter.calls.append(MeteredCall(current_row.get(), request.schema_name, self._tier, model, usage, took))
