"""The guard around each model: no money, no call; what was sent is paid for; an answer is never lost."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from adapters.models.guards.budget import BudgetedModel
from adapters.spend.sql import SqlSpend
from adapters.spend.tables import model_calls
from adapters.store import Store, open_store
from domain.errors import (
    ConfigurationError,
    HeadgateError,
    OverBudgetError,
    ToldToWaitError,
    TransientError,
    UnsupportedTaskError,
)
from domain.model_call import Message, ModelReply, ModelRequest, Price, Tier, Usage
from domain.spend.budgets import Budget, SpendRules, Unit
from ports.models.spend import CallRefusal, CallSpent, CallToMake

PRICE = Price(model="m", input=1.0, output=2.0)
FREE = Price(model="m", input=0.0, output=0.0)
REQUEST = ModelRequest(
    tier=Tier.SMALL,
    schema_name="claim",
    json_schema={},
    messages=[Message(role="user", content="x" * 300)],
    max_output=50,
    case_id="case/shop/1/billing",
    asked_by="billing/1.1",
)
RESERVED = 100 + 1 + 32 + 50  # a third of the 300 characters, half of "{}", two frames, the answer
REPLY = ModelReply(text="{}", model="m", usage=Usage(calls=1, input_tokens=80, output_tokens=9, cost_micros=98))


class FakeModel:
    """Answers, raises or does as it is told."""

    def __init__(self, does: Callable[[], Awaitable[ModelReply]] | Exception | ModelReply = REPLY) -> None:
        self.does = does
        self.asked = 0

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.asked += 1
        if isinstance(self.does, Exception):
            raise self.does
        return self.does if isinstance(self.does, ModelReply) else await self.does()


class NoStore:
    """A store that is away, from one method on."""

    def __init__(self, gone_at: str) -> None:
        self.gone_at = gone_at

    def _here(self, method: str) -> None:
        if self.gone_at in (method, "reserve"):
            raise TransientError("the store is away")

    def reserve(self, call: CallToMake, rules: SpendRules, *, sending: bool = False) -> CallRefusal | None:
        self._here("reserve")
        return None

    def is_short(self, case_id: str, kind: str, budgets: Sequence[Budget]) -> bool:
        self._here("is_short")
        return True

    def sent(self, call_id: str) -> bool:
        raise AssertionError("a commit more than needed")

    def settle(self, call_id: str, spent: CallSpent) -> None:
        self._here("settle")

    def give_up(self, call_id: str) -> None:
        self._here("give_up")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"sqlite:///{tmp_path / 'store.db'}")


@pytest.fixture
def spend(store: Store) -> SqlSpend:
    return SqlSpend(lambda: store.database)


def guarded(model: FakeModel, spend: SqlSpend | NoStore, cap: int = 10_000, price: Price = PRICE) -> BudgetedModel:
    rules = SpendRules(budgets=[Budget(scope="kind:billing", cap=cap, unit=Unit.TOKENS)])
    return BudgetedModel(model, spend, rules, lambda: price, "openai m")


def taken(spend: SqlSpend) -> tuple[int, int]:
    [account] = spend.report.windows([])
    assert spend.report.differences() == []
    return account.used, account.held


async def test_what_does_not_fit_is_not_asked(spend: SqlSpend) -> None:
    model = FakeModel()
    with pytest.raises(OverBudgetError, match="kind:billing bears not even one call") as caught:
        await guarded(model, spend, cap=RESERVED - 1).complete(REQUEST)
    assert caught.value.until is not None
    assert caught.value.reason == "budget kind:billing tokens"
    assert model.asked == 0
    assert await guarded(model, spend, cap=RESERVED).complete(REQUEST) == REPLY


async def test_a_call_is_sent_only_after_that_is_on_record_and_charged_what_it_used(
    spend: SqlSpend, store: Store
) -> None:
    seen: list[tuple[object, ...]] = []

    async def look() -> ModelReply:
        with store.database.reading() as connection:
            states = connection.execute(sa.select(model_calls.c.state)).scalars().all()
        seen.append((*taken(spend), *states))
        return REPLY

    await guarded(FakeModel(look), spend).complete(REQUEST)
    assert seen == [(0, RESERVED, "sent")]
    assert taken(spend) == (89, 0)
    [row] = spend.report.sums(1)
    assert (row.step, row.model, row.calls, row.cost_micros) == ("claim", "openai m", 1, 98)


@pytest.mark.parametrize(
    ("error", "charged"),
    [
        (ToldToWaitError("429", 1.0), 0),
        (ConfigurationError("401"), 0),
        (UnsupportedTaskError("422"), 0),
        (TransientError("the reply's body is no JSON"), RESERVED),
        (TransientError("timed out"), RESERVED),
    ],
)
async def test_a_failure_costs_nothing_only_where_the_provider_said_so(
    spend: SqlSpend, error: Exception, charged: int
) -> None:
    with pytest.raises(type(error)):
        await guarded(FakeModel(error), spend).complete(REQUEST)
    assert taken(spend) == (charged, 0)


@pytest.mark.parametrize("error", [ToldToWaitError("429", 1.0), UnsupportedTaskError("no"), ConfigurationError("x")])
async def test_a_refusal_that_breaks_off_an_answer_is_charged_in_full(spend: SqlSpend, error: HeadgateError) -> None:
    error.usage = Usage(calls=1, output_tokens=5)
    with pytest.raises(type(error)):
        await guarded(FakeModel(error), spend).complete(REQUEST)
    assert taken(spend) == (RESERVED, 0)


class StatusError(Exception):
    def __init__(self, status_code: int) -> None:
        super().__init__(str(status_code))
        self.status_code = status_code


@pytest.mark.parametrize(
    ("cause", "charged"),
    [
        (httpx.ConnectError("refused"), 0),
        (httpx.ConnectTimeout("no answer"), 0),
        (httpx.PoolTimeout("no connection is free"), 0),
        (httpx.ReadTimeout("silence"), RESERVED),
        (httpx.RemoteProtocolError("half an answer"), RESERVED),
        (StatusError(500), 0),
        (StatusError(504), RESERVED),
    ],
)
async def test_a_call_that_never_left_or_was_turned_away_is_free_and_silence_is_not(
    spend: SqlSpend, cause: Exception, charged: int
) -> None:
    between = RuntimeError("the client's own error")
    between.__cause__ = cause
    error = TransientError("no connection")
    error.__cause__ = between
    with pytest.raises(TransientError):
        await guarded(FakeModel(error), spend).complete(REQUEST)
    assert taken(spend) == (charged, 0)


async def test_a_call_that_is_cut_off_is_charged_in_full(spend: SqlSpend) -> None:
    begun = asyncio.Event()

    async def hang() -> ModelReply:
        begun.set()
        await asyncio.Event().wait()
        return REPLY

    model = guarded(FakeModel(hang), spend)
    task = asyncio.create_task(model.complete(REQUEST))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.gather(*model._background)
    assert taken(spend) == (RESERVED, 0)


async def test_a_call_that_is_cut_off_before_it_goes_out_costs_nothing(
    spend: SqlSpend, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended, slow, reserve = asyncio.Event(), asyncio.Event(), threading.Event(), spend.reserve
    loop = asyncio.get_running_loop()

    def reserved_slowly(call: CallToMake, rules: SpendRules, *, sending: bool = False) -> CallRefusal | None:
        loop.call_soon_threadsafe(begun.set)
        slow.wait(30)
        refusal = reserve(call, rules, sending=sending)
        loop.call_soon_threadsafe(ended.set)
        return refusal

    monkeypatch.setattr(spend, "reserve", reserved_slowly)
    asked = FakeModel()
    model = guarded(asked, spend)
    task = asyncio.create_task(model.complete(REQUEST))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    slow.set()
    await ended.wait()
    await asyncio.gather(*model._background)
    assert (asked.asked, taken(spend)) == (0, (0, 0))


async def test_without_the_store_only_what_is_free_is_asked() -> None:
    model = FakeModel()
    with pytest.raises(TransientError, match="nobody knows what is left") as caught:
        await guarded(model, NoStore("reserve")).complete(REQUEST)
    assert model.asked == 0
    assert caught.value.of_store, "or the model would count as out, and all its cases with it"
    assert await guarded(model, NoStore("reserve"), price=FREE).complete(REQUEST) == REPLY


async def test_an_answer_is_not_lost_with_the_store() -> None:
    assert await guarded(FakeModel(), NoStore("settle")).complete(REQUEST) == REPLY
    with pytest.raises(TransientError, match="timed out"):
        await guarded(FakeModel(TransientError("timed out")), NoStore("give_up")).complete(REQUEST)


async def test_an_estimate_that_was_too_low_is_raised_for_the_next_call(spend: SqlSpend) -> None:
    """A tokenizer of its own may see more tokens than a third of the bytes."""
    many = REPLY.model_copy(update={"usage": Usage(calls=1, input_tokens=266, output_tokens=9, cost_micros=98)})
    model = guarded(FakeModel(many), spend, cap=RESERVED + 275)
    await model.complete(REQUEST)
    assert taken(spend) == (275, 0)
    with pytest.raises(OverBudgetError):
        await model.complete(REQUEST)
    assert taken(spend) == (275, 0)
