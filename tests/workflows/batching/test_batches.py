"""Cases that may wait: parked while a batch has their question, and asked live before the deadline where it is late.

The guard, the tending, the budgets and the store are the product's own, at the server's time; the provider is a fake.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle

from activities.models.draft import DraftResult
from activities.models.tending import BatchActivities
from adapters.batches.sql import SqlBatches
from adapters.models.guards.batching import BatchingModel
from adapters.models.guards.budget import BudgetedModel
from adapters.models.guards.watching import Watch
from adapters.moods.memory import MoodsInMemory
from adapters.spend.sql import SqlSpend
from adapters.store import open_store
from client.starting import ensure_batches
from domain.batches.going import live_at
from domain.batches.owed import ItemEnd
from domain.batches.sending import Found
from domain.case import CaseOutcome, CaseState
from domain.letters import Draft
from domain.model_call import ModelReply, ModelRequest, Price, Tier, Usage
from domain.model_steps import BatchRules, ModelStep
from domain.routing import SALES
from domain.spend.budgets import Budget, SpendRules, Unit
from domain.turns import Priority
from ports.models.batches import BatchResult, FoundBatch, SoughtBatch, SubmittedBatch
from tests.workflows.fake_world import CALLED_AT, ONE_CALL, FakeWorld, routed
from tests.workflows.running import Mill, eventually, home, new_case
from workflows.case import CaseWorkflow
from workflows.options import SUSPEND_REASON

NAME = "openai gpt-test"
PRICE = Price(model="gpt-test", input=1000.0, output=2000.0, batch=0.5)
LIST_MICROS = PRICE.cost_micros(100, 10)
HALF_MICROS = LIST_MICROS // 2
RULES = BatchRules(steps=(ModelStep.ROUTE, ModelStep.REPLY), deadline_s=7200, look_every_s=600)
CAP = SpendRules(budgets=[Budget(scope="all", cap=10**9, unit=Unit.MICROS, currency="USD")])
MAY_WAIT_LEVEL = 4
STEPS = [("route_case", "route", ""), ("draft_reply", "reply", "sales")]  # activity, question, where it works


class Provider:
    """A provider that is asked live, and in batches that end so long after they came."""

    def __init__(self, takes: timedelta) -> None:
        self.takes = takes
        self.end = ItemEnd.ANSWERED
        self.live: list[datetime] = []
        self.batches: dict[str, tuple[datetime, list[str]]] = {}
        self.cancelled: set[str] = set()

    @property
    def in_batches(self) -> list[str]:
        """All questions that came in batches."""
        return [item_id for _, items in self.batches.values() for item_id in items]

    async def complete(self, _: ModelRequest) -> ModelReply:
        """Answer live."""
        self.live.append(CALLED_AT.get())
        return self._reply(LIST_MICROS)

    async def submit(self, _: str, questions: Mapping[str, ModelRequest]) -> SubmittedBatch:
        """Take a batch."""
        number = f"batch_{len(self.batches)}"
        self.batches[number] = (CALLED_AT.get(), [*questions])
        return SubmittedBatch(number)

    async def find(self, _: SoughtBatch) -> FoundBatch:
        """Find none: all were noted."""
        return FoundBatch(Found.NO)

    async def collect(self, batch_id: str, questions: Collection[str]) -> list[BatchResult] | None:
        """Return the results, once it is time."""
        came, _ = self.batches[batch_id]
        if CALLED_AT.get() < came + self.takes:
            return None
        reply = self._reply(HALF_MICROS) if self.end is ItemEnd.ANSWERED else None
        return [BatchResult(item_id, self.end, reply) for item_id in questions]

    async def cancel(self, batch_id: str) -> None:
        """Note the wish: it has answered already."""
        self.cancelled.add(batch_id)

    @staticmethod
    def _reply(cost: int) -> ModelReply:
        usage = Usage(calls=1, input_tokens=100, output_tokens=10, cost_micros=cost)
        return ModelReply(text="{}", usage=usage, model="gpt-test")


class Batches:
    """The product's way from a step to a provider's batch and back, on a store of its own at the server's time."""

    def __init__(self, folder: Path, provider: Provider, patch: pytest.MonkeyPatch) -> None:
        self.provider = provider
        self.store = open_store(f"sqlite:///{folder}/store.db")
        patch.setattr(self.store.database, "clock", lambda *_: _now())
        self.spend = SqlSpend(lambda: self.store.database)
        waiting = SqlBatches(lambda: self.store.database)
        live = BudgetedModel(provider, self.spend, CAP, lambda: PRICE, NAME)
        self.model = BatchingModel(live, Watch(NAME, MoodsInMemory()), waiting, live, RULES, lambda: PRICE, _now)
        self.tender = BatchActivities(waiting, {NAME: provider}, self.spend, RULES)

    def serve(self, world: FakeWorld, activity: str, question: str) -> None:
        """Have an activity ask the model its question, and the tending tend."""

        async def asked(request: Any) -> Any:  # Any: a step's request
            case = request.case
            given = {"json_schema": {}, "messages": [], "case_id": case.case_id, "may_wait": case.may_wait}
            await self.model.complete(ModelRequest(tier=Tier.SMALL, schema_name=question, **given))
            if activity == "route_case":
                return routed(SALES)
            return DraftResult(draft=Draft(subject="Your quote", text="Ines will write to you."), usage=ONE_CALL)

        world.always("route_case", routed(SALES))
        world.always(activity, asked)
        world.always("tend_batches", self.tender.tend_batches)

    @property
    def account(self) -> tuple[int, int]:
        """What the budget has used and what it holds, millionths; of two days where midnight passes."""
        assert self.spend.report.differences() == []
        windows = self.spend.report.windows([])
        return sum(window.used for window in windows), sum(window.held for window in windows)


def _now() -> datetime:
    return CALLED_AT.get(datetime.now(UTC)).astimezone(UTC)


@pytest.fixture
def provider() -> Provider:
    return Provider(timedelta(minutes=50))


@pytest.fixture
def batches(tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Iterator[Batches]:
    batches = Batches(tmp_path, provider, monkeypatch)
    yield batches
    batches.store.close()


async def waiting_case(mill: Mill) -> WorkflowHandle[CaseWorkflow, CaseOutcome]:
    """Start a case that may wait, and those who tend; return it once it waits for a batch."""
    await ensure_batches(mill.client)
    handle = await mill.start(new_case(priority=Priority.MAY_WAIT), level=MAY_WAIT_LEVEL)
    status = await mill.until(handle, CaseState.PARKED)
    assert f"put to a batch of {NAME}" in status.waits_for
    assert (await handle.describe()).typed_search_attributes.get(SUSPEND_REASON) == f"batch {NAME}"
    return handle


async def is_paid(mill: Mill, batches: Batches, micros: int) -> None:
    """Let time go on until so much is spent, and no more is held."""

    async def paid() -> bool:
        return batches.account == (micros, 0)

    async with mill.skipping():
        await eventually(paid)


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize(("activity", "question", "child"), STEPS)
async def test_a_case_that_may_wait_parks_until_its_batch_is_back_and_ends_as_if_nothing_had_been(
    mill: Mill, world: FakeWorld, batches: Batches, activity: str, question: str, child: str
) -> None:
    batches.serve(world, activity, question)
    handle = await waiting_case(mill)
    outcome = await handle.result()
    assert outcome.state is CaseState.DONE
    assert batches.provider.live == []
    assert len(batches.provider.in_batches) == 1
    assert batches.account == (HALF_MICROS, 0)
    [(came, _)] = batches.provider.batches.values()
    looks = world.of(activity, home(handle.id, child) if child else handle.id)
    assert looks[-2].at < came + batches.provider.takes <= looks[-1].at
    assert (await handle.describe()).typed_search_attributes.get(SUSPEND_REASON) is None
    assert "bury" not in world.names


@pytest.mark.parametrize(("activity", "question", "child"), STEPS)
async def test_a_case_whose_batch_is_late_is_asked_live_before_its_deadline_and_what_comes_late_is_paid_for_only(
    mill: Mill, world: FakeWorld, batches: Batches, activity: str, question: str, child: str
) -> None:
    batches.provider.takes = timedelta(hours=4)
    batches.serve(world, activity, question)
    handle = await waiting_case(mill)
    outcome = await handle.result()
    assert outcome.state is CaseState.DONE
    looks = world.of(activity)
    [asked] = batches.provider.live
    put = looks[0].at
    assert live_at(RULES, put) - timedelta(minutes=1) <= asked < put + timedelta(seconds=RULES.deadline_s)

    await is_paid(mill, batches, LIST_MICROS + HALF_MICROS)
    assert world.of(activity) == looks, "nobody acts on it"
    assert len(world.endings) == 1
    assert batches.provider.cancelled == {*batches.provider.batches}, "nobody waited for it any more"
    assert (len(batches.provider.in_batches), len(batches.provider.live)) == (1, 1)


async def test_a_question_that_got_no_answer_is_asked_live_and_paid_once(
    mill: Mill, world: FakeWorld, batches: Batches
) -> None:
    batches.provider.end = ItemEnd.EXPIRED
    batches.serve(world, "route_case", "route")
    handle = await waiting_case(mill)
    assert (await handle.result()).state is CaseState.DONE
    assert len(batches.provider.live) == 1
    assert batches.account == (LIST_MICROS, 0)


async def test_a_case_that_is_cancelled_while_it_waits_is_charged_what_was_sent_and_does_nothing_more(
    mill: Mill, world: FakeWorld, batches: Batches
) -> None:
    batches.serve(world, "route_case", "route")
    handle = await waiting_case(mill)

    async def sent() -> bool:
        return bool(batches.provider.batches)

    async with mill.skipping():
        await eventually(sent)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert world.closed().state is CaseState.CANCELLED
    looks = world.of("route_case")
    await is_paid(mill, batches, HALF_MICROS)
    assert world.of("route_case") == looks
    assert batches.provider.live == []


async def test_a_case_that_may_not_wait_is_asked_at_once(mill: Mill, world: FakeWorld, batches: Batches) -> None:
    batches.serve(world, "route_case", "route")
    assert (await mill.run(new_case())).state is CaseState.DONE
    assert len(batches.provider.live) == 1
    assert batches.provider.batches == {}
    assert batches.account == (LIST_MICROS, 0)
