"""While a tier's first model has an outage the next one is asked; afterwards the first again."""

from datetime import UTC, datetime, timedelta

import pytest

from activities.models.asking import Cascade
from adapters.models.guards.standing_in import TierModels
from adapters.models.guards.watching import Watch, WatchedModel
from adapters.moods.memory import MoodsInMemory
from domain.errors import ConfigurationError, ToldToWaitError, TransientError, UnfitAnswerError
from domain.model_call import ModelReply, ModelRequest, Tier, Usage
from domain.model_steps import ModelStep
from tests.fakes.blueprint import BLUEPRINT

REQUEST = ModelRequest(tier=Tier.SMALL, schema_name="route", json_schema={}, messages=[], case_id="case/1")


class Scripted:
    def __init__(self, name: str) -> None:
        self.name = name
        self.then: Exception | None = None
        self.calls = 0

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.calls += 1
        if self.then is not None:
            raise self.then
        return ModelReply(text="{}", model=self.name, usage=Usage(calls=1))


class World:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 30, tzinfo=UTC)
        self.first, self.second = Scripted("first"), Scripted("second")
        moods = MoodsInMemory()
        self.watches = [Watch(m.name, moods, lambda: self.now, lambda: 0.0) for m in (self.first, self.second)]
        watched = [WatchedModel(m, w) for m, w in zip((self.first, self.second), self.watches, strict=True)]
        self.tier = TierModels(watched, lambda: self.now)

    async def ask(self) -> str:
        return (await self.tier.complete(REQUEST)).model

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        for watch in self.watches:
            watch._looked_at = float("-inf")


@pytest.fixture
def world() -> World:
    return World()


async def test_a_failure_is_not_answered_by_another_model_at_once(world: World) -> None:
    world.first.then = TransientError("503")
    with pytest.raises(TransientError):
        await world.ask()
    with pytest.raises(TransientError):
        await world.ask()
    assert world.second.calls == 0


async def test_one_that_says_to_wait_long_is_stood_in_for_until_it_answers(world: World) -> None:
    world.first.then = ToldToWaitError("429", 600)
    with pytest.raises(ToldToWaitError):
        await world.ask()
    assert await world.ask() == "second"
    world.first.then = None
    world.later(601)
    assert [await world.ask(), await world.ask()] == ["first", "first"]


async def test_one_that_fails_for_a_minute_is_stood_in_for_and_asked_again_once(world: World) -> None:
    world.first.then = TransientError("503")
    for _ in range(2):
        with pytest.raises(TransientError):
            await world.ask()
        world.later(59)
    world.later(2)
    assert world.first.calls == 2
    with pytest.raises(TransientError):  # the one that asks whether it still fails
        await world.ask()
    assert [await world.ask(), await world.ask()] == ["second", "second"]
    world.later(61)
    standing = [await world.tier.standing() for _ in range(3)]
    assert [stands_in for _, stands_in in standing] == ["", "first", "first"], "one of a process asks, not all"
    world.first.then = None
    assert (await standing[0][0].complete(REQUEST)).model == "first"
    assert await world.ask() == "first"


async def test_a_wrong_key_is_not_worked_around(world: World) -> None:
    world.first.then = ConfigurationError("401")
    for _ in range(3):
        with pytest.raises(ConfigurationError):
            await world.ask()
        world.later(100)
    assert world.second.calls == 0


async def test_where_both_are_out_the_first_says_how_long_to_wait(world: World) -> None:
    world.first.then, world.second.then = ToldToWaitError("429", 600), ToldToWaitError("429", 700)
    for _ in range(3):
        with pytest.raises(ToldToWaitError):
            await world.ask()
    assert (world.first.calls, world.second.calls) == (1, 1)


async def test_a_bad_answer_is_the_answer_of_the_one_that_was_asked_and_the_case_is_told_who_stood_in(
    world: World,
) -> None:
    world.first.then = ToldToWaitError("429", 600)
    with pytest.raises(ToldToWaitError):
        await world.ask()
    cascade = Cascade({Tier.SMALL: world.tier, Tier.LARGE: world.tier}, BLUEPRINT, ModelStep.ROUTE)

    def read(reply: ModelReply) -> str:
        if world.second.calls < 2:
            raise UnfitAnswerError("no")
        return reply.model

    asked = await cascade.ask(REQUEST, read)
    assert (asked.answer, asked.by.remark) == ("second", "route: answered by second for first, which is out")
    assert (world.first.calls, world.second.calls) == (1, 2)
