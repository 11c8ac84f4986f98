"""Questions that wait for batches, from the step to the provider and back: nothing is lost, nothing is paid twice."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from temporalio.testing import ActivityEnvironment

from activities.models.tending import GONE_AFTER, BatchActivities, TendRequest, TendResult
from adapters.batches.sql import SqlBatches
from adapters.models.guards.batching import BatchingModel
from adapters.models.guards.budget import BudgetedModel
from adapters.models.guards.watching import Watch
from adapters.models.offline.app import create_app
from adapters.models.offline.misbehave import Misbehaviour
from adapters.models.wires.anthropic_batches import AnthropicBatchModel
from adapters.models.wires.openai_batches import OpenAIBatchModel
from adapters.moods.memory import MoodsInMemory
from adapters.spend.sql import LEASE, SqlSpend
from adapters.spend.tables import model_calls
from adapters.store import Store, open_store
from domain.audit.model_log import AnsweredCall, LogFindings, compare_with_log
from domain.batches.sending import SEEN_AFTER
from domain.blueprint import ModelChoice
from domain.errors import OverBudgetError, TransientError
from domain.model_call import Message, ModelReply, ModelRequest, Price, Tier
from domain.model_steps import BatchRules, ModelStep
from domain.reading.answers import route_schema
from domain.spend.budgets import Budget, SpendRules, Unit
from tests.served import Served

Wire = type[OpenAIBatchModel | AnthropicBatchModel]
WIRES: dict[Wire, str] = {OpenAIBatchModel: "/v1", AnthropicBatchModel: ""}  # with what their addresses end
TOKEN = "for-tests"
NAME = "openai embedded-router-1"
PRICE = Price(model="embedded-router-1", input=1000.0, output=2000.0, batch=0.5)
RULES = BatchRules(steps=(ModelStep.ROUTE,), deadline_s=3600, look_every_s=300)
CAP = SpendRules(budgets=[Budget(scope="all", cap=10**9, unit=Unit.MICROS, currency="USD")])


def question(text: str = "I was charged twice", *, may_wait: bool = True, case: str = "case/shop/1") -> ModelRequest:
    said = [Message(role="system", content="Sort it."), Message(role="user", content=f"<ticket>\n{text}\n</ticket>")]
    schema = route_schema(["Billing", "Sales", "Technical Support"])
    return ModelRequest(
        tier=Tier.SMALL, schema_name="route", json_schema=schema, messages=said, case_id=case, may_wait=may_wait
    )


class World:
    """One store, one offline model on one of its wires, and time that goes on when it is told to."""

    def __init__(self, store: Store, url: str, wire: Wire, heard: list[AnsweredCall]) -> None:
        self.later = timedelta()
        self.heard = heard
        clock = store.database.clock
        pytest.MonkeyPatch().setattr(store.database, "clock", lambda *asked: clock(*asked) + self.later)
        self.store, self.url = store, url
        if wire is AnthropicBatchModel:
            choice = ModelChoice(provider="anthropic", model=PRICE.model, structured="tool", idle_s=5)
        else:
            choice = ModelChoice(provider="openai", model=PRICE.model, structured="json_schema", idle_s=5)
        self.wire = wire(choice, api_key="k", base_url=url + WIRES[wire], price=lambda: PRICE)
        self.spend = SqlSpend(lambda: store.database)
        self.batches = SqlBatches(lambda: store.database)
        live = BudgetedModel(self.wire, self.spend, CAP, lambda: PRICE, NAME)
        watch = Watch(NAME, MoodsInMemory())
        self.model = BatchingModel(live, watch, self.batches, live, RULES, lambda: PRICE, self.now)
        self.tender = self.tends_by(RULES)

    def tends_by(self, rules: BatchRules) -> BatchActivities:
        return BatchActivities(self.batches, {NAME: self.wire}, self.spend, rules)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.later

    def tell(self, mode: str, **more: object) -> None:
        body = Misbehaviour.model_validate({"mode": mode, **more}).model_dump(mode="json")
        httpx.post(
            f"{self.url}/admin/misbehave", json=body, headers={"authorization": f"Bearer {TOKEN}"}
        ).raise_for_status()

    async def tend(self) -> TendResult:
        return await ActivityEnvironment().run(self.tender.tend_batches, TendRequest())

    async def waits(self, request: ModelRequest) -> OverBudgetError:
        with pytest.raises(OverBudgetError) as waiting:
            await self.model.complete(request)
        assert waiting.value.reason == f"batch {NAME}"
        return waiting.value

    async def answer(self, request: ModelRequest) -> ModelReply:
        return await self.model.complete(request)

    def calls(self) -> list[tuple[str, int]]:
        """Return state and cost of all calls, in the order in which they were held."""
        wanted = sa.select(model_calls.c.state, model_calls.c.cost_micros).order_by(model_calls.c.at)
        with self.store.database.reading() as connection:
            return [(row.state, row.cost_micros) for row in connection.execute(wanted)]

    def compared(self) -> LogFindings:
        """Compare the record with what the model says that it answered."""
        since = datetime.now(UTC) - timedelta(hours=1)
        calls = self.spend.report.calls_since(since)
        return compare_with_log(self.heard, calls, since=since, until=datetime.now(UTC) + timedelta(hours=1))

    def account(self) -> tuple[int, int]:
        """Return what is used and held of the one budget."""
        [window] = self.spend.report.windows([])
        assert self.spend.report.differences() == []
        return window.used, window.held

    def at_the_provider(self) -> list[int]:
        """Return how many questions each batch has, as the provider says."""
        listed = httpx.get(f"{self.url}/v1/batches").json()["data"]
        return [batch["request_counts"]["total"] for batch in listed]


@pytest.fixture
def wire() -> Wire:
    return OpenAIBatchModel


@pytest.fixture
async def world(tmp_path: Path, wire: Wire) -> AsyncIterator[World]:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    heard: list[AnsweredCall] = []
    with Served(create_app(admin_token=TOKEN, answered=heard.append)) as served:
        world = World(store, served.url, wire, heard)
        yield world
        await world.wire.aclose()
    store.close()


async def test_after_a_week_in_which_nobody_tended_a_batch_that_has_ended_is_taken_first(world: World) -> None:
    await world.waits(question())
    assert await world.tend() == TendResult(sent=1)
    world.later = timedelta(days=8)
    assert await world.tend() == TendResult(ended=1)
    assert world.calls()[0][0] == "done"


@pytest.mark.parametrize("wire", WIRES)
async def test_an_answer_of_a_batch_costs_half_and_is_given_as_often_as_its_step_begins(world: World) -> None:
    waiting = await world.waits(question())
    assert waiting.until is not None
    assert world.calls() == [("held", 0)]
    used, held = world.account()
    assert (used, held > 0) == (0, True)
    await world.waits(question())
    assert len(world.calls()) == 1, "it is put once"
    assert await world.tend() == TendResult(sent=1)
    assert world.calls()[0][0] == "sent"
    assert await world.tend() == TendResult(ended=1)
    assert world.compared() == LogFindings(1, [], [])
    first, second = await world.answer(question()), await world.answer(question())
    assert first == second
    cost = PRICE.in_batch().cost_micros(first.usage.input_tokens, first.usage.output_tokens)
    assert world.calls() == [("done", cost)]
    assert world.account() == (cost, 0)
    assert cost <= held
    assert await world.tend() == TendResult(), "nothing is left to do"


async def test_what_may_not_wait_is_asked_at_once(world: World) -> None:
    reply = await world.answer(question(may_wait=False))
    assert world.calls() == [("done", PRICE.cost_micros(reply.usage.input_tokens, reply.usage.output_tokens))]
    assert await world.tend() == TendResult()


async def test_a_late_batch_is_cancelled_and_its_step_asks_live(world: World) -> None:
    world.tell("batch_stuck")
    await world.waits(question())
    await world.tend()
    world.tell("none")
    world.later = timedelta(minutes=46)
    live = await world.answer(question())
    price = PRICE.cost_micros(live.usage.input_tokens, live.usage.output_tokens)
    await world.tend()  # cancels
    assert await world.tend() == TendResult(ended=1)
    assert world.calls() == [("done", 0), ("done", price)]
    await world.answer(question())
    assert len(world.calls()) == 3, "it asks live for ever"


async def test_an_answer_that_comes_too_late_is_paid_and_not_used(world: World) -> None:
    world.tell("none", batch_looks=1)
    await world.waits(question())
    await world.waits(question("50 seats", case="case/shop/2"))
    await world.tend()
    world.later = timedelta(minutes=46)
    await world.answer(question())
    assert await world.tend() == TendResult(), "another step waits for it still: it goes on"
    assert await world.tend() == TendResult(ended=1)
    late, other, live = world.calls()
    assert late[0] == other[0] == live[0] == "done"
    assert 0 < late[1] < live[1]
    await world.answer(question("50 seats", case="case/shop/2"))
    assert len(world.calls()) == 3


async def test_one_that_was_never_sent_is_let_go(world: World) -> None:
    await world.waits(question())
    world.later = timedelta(minutes=46)
    await world.answer(question())
    assert [state for state, _ in world.calls()] == ["released", "done"]
    assert await world.tend() == TendResult()


@pytest.mark.parametrize(("mode", "charged"), [("batch_item_fails", False), ("batch_item_lost", True)])
async def test_what_was_not_answered_is_asked_live_and_what_nobody_knows_is_charged(
    world: World, mode: str, charged: bool
) -> None:
    world.tell(mode)
    await world.waits(question())
    await world.tend()
    await world.tend()
    world.tell("none")
    await world.answer(question())
    (state, cost), (live, _) = world.calls()
    assert (state, live) == ("unknown" if charged else "done", "done")
    assert (cost > 0) is charged


async def test_a_batch_whose_reply_was_lost_is_found_and_not_sent_again(world: World) -> None:
    world.tell("batch_no_reply", count=1)
    await world.waits(question())
    await world.tend()
    [lost] = world.batches.under_way([NAME])
    assert lost.number == ""
    assert await world.tend() == TendResult(ended=1)
    await world.answer(question())
    assert len(world.calls()) == 1


async def test_a_worker_that_dies_before_it_sends_leaves_nothing_behind(world: World) -> None:
    await world.waits(question())
    assert world.batches.take(NAME) is not None
    assert await world.tend() == TendResult(), "perhaps it is under way"
    world.later = SEEN_AFTER
    assert await world.tend() == TendResult(ended=1)
    await world.answer(question())
    assert [cost > 0 for _, cost in world.calls()] == [False, True]


async def test_a_batch_of_which_nobody_hears_is_charged_in_full_in_the_end(world: World) -> None:
    world.tell("batch_stuck")
    await world.waits(question())
    await world.tend()
    world.later = GONE_AFTER - timedelta(minutes=1)
    assert await world.tend() == TendResult()
    world.later = GONE_AFTER
    assert await world.tend() == TendResult(ended=1)
    assert world.calls()[0][0] == "unknown"


async def test_a_provider_that_takes_no_batch_costs_nothing(world: World) -> None:
    world.tell("batch_fails")
    await world.waits(question())
    await world.tend()
    await world.tend()
    world.tell("none")
    await world.answer(question())
    assert [cost > 0 for _, cost in world.calls()] == [False, True]


def away(*_: object) -> None:
    raise TransientError("locked")


def after_its_lease(world: World) -> None:
    """Let the lease of the one call run out."""
    world.later = LEASE + timedelta(seconds=1)
    assert world.spend.sweep() == 1
    world.later = timedelta()


async def test_a_batch_that_the_provider_has_and_we_could_not_note_is_found_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.waits(question())
    with monkeypatch.context() as patch:
        patch.setattr(world.batches, "numbered", away)
        with pytest.raises(TransientError):
            await world.tend()
    assert await world.tend() == TendResult(ended=1)
    await world.answer(question())
    assert world.at_the_provider() == [1]
    assert [state for state, _ in world.calls()] == ["done"]


async def test_a_worker_that_dies_before_it_hands_over_what_came_charges_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.waits(question())
    await world.tend()
    with monkeypatch.context() as patch:
        patch.setattr(world.batches, "end", away)
        with pytest.raises(TransientError):
            await world.tend()
    charged = world.account()
    await world.waits(question())
    assert await world.tend() == TendResult(ended=1)
    await world.answer(question())
    assert world.account() == charged
    assert charged[1] == 0


async def test_two_who_tend_at_once_ask_and_charge_once(world: World) -> None:
    for n in range(5):
        await world.waits(question(f"I was charged {n} times"))
    sent = [result.sent for result in await asyncio.gather(world.tend(), world.tend())]
    assert sum(world.at_the_provider()) == 5
    assert len(world.at_the_provider()) == sum(sent)
    await asyncio.gather(world.tend(), world.tend())
    replies = [await world.answer(question(f"I was charged {n} times")) for n in range(5)]
    assert [state for state, _ in world.calls()] == ["done"] * 5
    assert world.account() == (sum(reply.usage.cost_micros for reply in replies), 0)


async def test_a_batch_that_takes_longer_than_a_lease_is_charged_in_full_until_its_answer_corrects_it(
    world: World,
) -> None:
    await world.waits(question())
    await world.tend()
    held = world.account()[1]
    after_its_lease(world)
    assert world.account() == (held, 0)
    await world.tend()
    reply = await world.answer(question())
    assert world.account() == (reply.usage.cost_micros, 0)
    assert world.calls() == [("done", reply.usage.cost_micros)]


async def test_a_question_whose_reservation_ran_out_before_it_was_sent_is_not_sent(
    world: World,
) -> None:
    await world.waits(question())
    after_its_lease(world)
    assert await world.tend() == TendResult()
    assert world.at_the_provider() == []
    await world.answer(question())
    assert [state for state, _ in world.calls()] == ["released", "done"]


async def test_a_batch_that_was_not_sent_in_time_is_not_sent_at_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.waits(question())
    with monkeypatch.context() as patch:
        patch.setattr("activities.models.tending.SEND_WITHIN", timedelta(seconds=-1))
        assert await world.tend() == TendResult()
    assert world.at_the_provider() == []
    await world.answer(question())
    assert [cost > 0 for _, cost in world.calls()] == [False, True]


async def test_an_answer_that_did_not_fit_is_not_given_again(world: World) -> None:
    await world.waits(question())
    await world.tend()
    await world.tend()
    first = await world.answer(question())
    await world.model.judged(question(), fit=True)
    assert await world.answer(question()) == first
    await world.model.judged(question(), fit=False)
    await world.answer(question())
    assert len(world.calls()) == 2, "it is asked live"


async def test_batches_that_are_switched_off_are_looked_after_to_their_end_and_none_is_sent(world: World) -> None:
    await world.waits(question())
    await world.tend()
    await world.waits(question("50 seats", case="case/shop/2"))
    world.tender = world.tends_by(BatchRules())
    assert await world.tend() == TendResult(ended=1)
    assert world.at_the_provider() == [1]
    assert sorted(state for state, _ in world.calls()) == ["done", "held"]


async def test_what_no_budget_bears_parks_until_its_day_is_over_and_is_not_put(world: World) -> None:
    nothing_left = SpendRules(budgets=[Budget(scope="all", cap=1, unit=Unit.MICROS, currency="USD")])
    poor = BudgetedModel(world.wire, world.spend, nothing_left, lambda: PRICE, NAME)
    model = BatchingModel(world.wire, world.model.watch, world.batches, poor, RULES, lambda: PRICE, world.now)
    with pytest.raises(OverBudgetError) as refused:
        await model.complete(question())
    assert refused.value.reason == "budget all micros"
    assert world.batches.take(NAME) is None
