"""Models whose questions may wait for a batch: the step parks until its answer is there, or until it asks live."""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from adapters.models.guards.budget import BudgetedModel
from adapters.models.guards.watching import Watch, WatchedModel
from domain.batches.going import Move, goes_to_batch, next_look, next_move
from domain.errors import OverBudgetError, TransientError
from domain.model_call import ModelReply, ModelRequest, Price
from domain.model_steps import BatchRules
from ports.models.batching import BatchQuestion, BatchStore, QuestionSoFar
from ports.models.model import LanguageModel


class BatchingModel(WatchedModel):
    """A `WatchedModel` that puts what may wait to a batch. Where an answer is there it is given, as often as its step
    begins anew: it was paid once.

    Args:
        model: what is asked live.
        watch: of the model.
        batches: where questions wait.
        budget: of the model; holds what a question costs in a batch.
        rules: the blueprint's.
        price: tells the price of now.
        clock: the time in UTC.
    """

    def __init__(
        self,
        model: LanguageModel,
        watch: Watch,
        batches: BatchStore,
        budget: BudgetedModel,
        rules: BatchRules,
        price: Callable[[], Price],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(model, watch)
        self._batches = batches
        self._budget = budget
        self._rules = rules
        self._price = price
        self._clock = clock
        self._logger = structlog.get_logger("headgate.models")

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return the answer of a batch, or ask live.

        Raises:
            OverBudgetError: the step waits for a batch, until the time that is named; or a budget is used up.
            TransientError: the store cannot be reached; or as live.
            ToldToWaitError, ProviderOutError, UnsupportedTaskError, ConfigurationError: as live.
        """
        if not self._goes(request):
            return await super().complete(request)
        so_far = await self._put(request)
        now = self._clock()
        match next_move(self._rules, so_far.since, so_far.end, now, live=so_far.live):
            case Move.USE if so_far.reply is not None:
                self._budget.learn(request, so_far.reply)
                return so_far.reply
            case Move.WAIT:
                look = next_look(self._rules, so_far.since, now)
                why = f"put to a batch of {self.watch.model} at {so_far.since:%Y-%m-%d %H:%M} UTC"
                waiting = OverBudgetError(why, f"batch {self.watch.model}", look.at)
                waiting.over_s = look.spread_s
                raise waiting
        if not so_far.live:
            await self._go_live(so_far.item_id)
        return await super().complete(request)

    async def judged(self, request: ModelRequest, *, fit: bool) -> bool:
        """Note whether an answer fitted; return whether bad ones come in a spell. After one that did not, a step that
        begins anew asks live: the answer of its batch would not fit then either.
        """
        if not fit and self._goes(request):
            try:
                known = await asyncio.to_thread(self._batches.known, _digest(self.watch.model, request))
                if known is not None and not known.live:
                    await self._go_live(known.item_id)
            except TransientError as error:
                self._logger.warning("an answer that did not fit will be read once more", why=str(error))
        return await super().judged(request, fit=fit)

    def _goes(self, request: ModelRequest) -> bool:
        return goes_to_batch(self._rules, request.schema_name, self._price(), may_wait=request.may_wait)

    async def _go_live(self, item_id: str) -> None:
        """Have the step ask live from now on, and let go what is held for a question that was never sent."""
        if await asyncio.to_thread(self._batches.go_live, item_id):
            await self._budget.let_go(item_id)

    async def _put(self, request: ModelRequest) -> QuestionSoFar:
        """Return what became of a question; put it first, if it was not."""
        question = _digest(self.watch.model, request)
        known = await asyncio.to_thread(self._batches.known, question)
        if known is not None:
            return known
        # Held before it is written down: whoever dies between leaves a reservation, which runs out.
        item_id = await self._budget.hold(request, self._price().in_batch())
        asked = BatchQuestion(
            item_id=item_id, question=question, case_id=request.case_id, model=self.watch.model, request=request
        )
        if not await asyncio.to_thread(self._batches.put, asked):
            await self._budget.let_go(item_id)
        known = await asyncio.to_thread(self._batches.known, question)
        return known or QuestionSoFar(item_id=item_id, since=self._clock())


def _digest(model: str, request: ModelRequest) -> str:
    same = request.model_copy(update={"call_id": "", "waited_s": 0.0})
    return hashlib.sha256(f"{model}\0{same.model_dump_json()}".encode("utf-8", "surrogatepass")).hexdigest()
