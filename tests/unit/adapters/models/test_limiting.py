"""A call waits for its slot or gives the activity's slot back; what was booked is settled whatever comes of it."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from adapters.models.guards.limiter_local import LocalLimiter
from adapters.models.guards.limiters import Limiters
from adapters.models.guards.limiting import LimitedModel, worst_case
from adapters.models.guards.watching import Watch, WatchedModel
from adapters.moods.memory import MoodsInMemory
from domain.blueprint import ModelChoice
from domain.errors import HeadgateError, OverBudgetError, ToldToWaitError, TransientError, UnsupportedTaskError
from domain.model_call import Message, ModelReply, ModelRequest, RateHeaders, RateWindow, Tier, Usage
from domain.pacing.limits import PATIENCE_S, USED_SHARE, Limits, rates

REQUEST = ModelRequest(
    tier=Tier.SMALL,
    schema_name="route",
    json_schema={},
    messages=[Message(role="user", content="x" * 300)],
    max_output=84,
)
TOKENS = worst_case(REQUEST)


@dataclass
class Asked:
    """A model that answers with so many tokens, or fails."""

    error: HeadgateError | None = None
    used: int = 20
    calls: int = 0

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return ModelReply(text=request.schema_name, model="m", usage=Usage(calls=1, input_tokens=self.used))


@dataclass
class World:
    """A limiter whose clock goes on by sleeping."""

    limits: Limits
    now: float = 1_000_000.0
    processes: int = 1
    slept: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.limiter = LocalLimiter(self.limits, self.processes, lambda: self.now)

    def model(self, asked: Asked) -> LimitedModel:
        return LimitedModel(asked, self.limiter, "openai m", self.sleep, lambda: 0.5)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


async def held(model: LimitedModel) -> ToldToWaitError:
    with pytest.raises(ToldToWaitError) as caught:
        await model.complete(REQUEST)
    return caught.value


async def test_a_short_wait_is_slept_through_and_a_long_one_gives_the_slot_back_without_a_call() -> None:
    world, asked = World(Limits(rpm=40)), Asked()
    model = world.model(asked)
    await model.complete(REQUEST)
    await model.complete(REQUEST)
    assert world.slept == pytest.approx([60 / 40 / USED_SHARE])
    world.now -= world.slept[-1]  # others who came at the same time
    error = await held(model)
    assert error.held
    assert error.wait_seconds > PATIENCE_S
    assert asked.calls == 2


async def test_what_was_not_used_is_handed_back() -> None:
    world, asked = World(Limits(tpm=TOKENS * 60)), Asked(used=TOKENS // 10)
    model = world.model(asked)
    for _ in range(3):
        await model.complete(REQUEST)
    assert sum(world.slept) < 0.3


def of_store() -> TransientError:
    error = TransientError("away")
    error.of_store = True
    return error


@pytest.mark.parametrize("error", [OverBudgetError("used up", "budget all tokens"), of_store()])
async def test_what_no_budget_bears_takes_no_tokens_from_others(error: HeadgateError) -> None:
    world, asked = World(Limits(tpm=TOKENS * 60)), Asked(error)
    model = world.model(asked)
    for _ in range(3):
        with pytest.raises(type(error)):
            await model.complete(REQUEST)
    assert sum(world.slept) < 0.3


@pytest.mark.parametrize(
    ("asked", "unproven"), [(Asked(OverBudgetError("used up")), 1), (Asked(used=20), 0), (Asked(used=0), 0)]
)
async def test_only_a_call_that_was_answered_shows_what_the_provider_bears(asked: Asked, unproven: int) -> None:
    world = World(Limits(rpm=6000))
    await held(world.model(Asked(ToldToWaitError("429", 0.5))))
    world.now += 1.0
    assert world.limiter.state.unproven == 1
    with suppress(OverBudgetError):
        await world.model(asked).complete(REQUEST)
    assert world.limiter.state.unproven == unproven


@pytest.mark.parametrize("error", [TransientError("broken off"), UnsupportedTaskError("no")])
async def test_a_call_that_failed_keeps_what_it_booked(error: HeadgateError) -> None:
    world, asked = World(Limits(tpm=TOKENS * 60, concurrency=1)), Asked(error)
    with pytest.raises(type(error)):
        await world.model(asked).complete(REQUEST)
    before = world.now
    await world.model(Asked()).complete(REQUEST)  # the lease is free again
    assert world.now - before == pytest.approx(1 / USED_SHARE)


async def test_a_refusal_slows_all_down_and_one_that_sleeps_meanwhile_books_again() -> None:
    world, asked = World(Limits(rpm=120)), Asked()
    first = await world.limiter.book(1)
    refusing = iter([True])

    async def refused_meanwhile(seconds: float) -> None:
        world.slept.append(seconds)
        world.now += seconds
        if next(refusing, False):
            await world.limiter.refused(first, 0.2)
            world.now += 0.001

    model = LimitedModel(asked, world.limiter, "openai m", refused_meanwhile, lambda: 0.5)
    await model.complete(REQUEST)
    assert len(world.slept) == 2
    assert world.limiter.state.share == 0.5


@pytest.mark.parametrize(("named", "wait_s"), [(True, 5.0), (False, 20.0), (True, float("inf")), (True, float("nan"))])
async def test_a_providers_refusal_passes_and_is_learned_from(named: bool, wait_s: float) -> None:
    world = World(Limits(rpm=600))
    error = await held(world.model(Asked(ToldToWaitError("429", wait_s, named=named))))
    assert not error.held
    assert world.limiter.state.share == 0.5
    assert 0 < world.limiter.state.pause_until - world.now <= 10


@pytest.mark.parametrize(
    ("requests", "per_s"),
    [
        (RateWindow(limit=300, remaining=0, reset_s=3.0), 5.0),  # what it says, not half of it
        (RateWindow(limit=600, remaining=12), 5.0),  # as known: another limit refuses, so half
        (RateWindow(limit=0), 5.0),
        (RateWindow(limit=-7, remaining=-1, reset_s=-2.0), 5.0),
        (RateWindow(limit=60), 1.0),
    ],
)
async def test_the_limits_that_a_refusal_tells_are_kept_to(requests: RateWindow, per_s: float) -> None:
    world, error = World(Limits(rpm=600)), ToldToWaitError("429", 5.0)
    error.rate = RateHeaders(requests=requests)
    assert not (await held(world.model(Asked(error)))).held
    assert rates(world.limiter.state, Limits(rpm=600), world.now)[0] == pytest.approx(per_s * USED_SHARE)


async def test_as_many_as_allowed_are_under_way_and_others_come_back() -> None:
    world, asked = World(Limits(concurrency=1)), Asked()
    taken = await world.limiter.book(1)
    error = await held(world.model(asked))
    assert error.held
    assert asked.calls == 0
    await world.limiter.settle(taken, None)
    await world.model(asked).complete(REQUEST)


async def test_our_own_wait_is_no_mood_of_the_model() -> None:
    world, moods = World(Limits(rpm=1)), MoodsInMemory()
    watched = WatchedModel(world.model(Asked()), Watch("openai m", moods, lambda: datetime(2026, 11, 30, tzinfo=UTC)))
    await watched.complete(REQUEST)
    with pytest.raises(ToldToWaitError):
        await watched.complete(REQUEST)
    assert moods.known("openai m").mood.answers


async def test_several_processes_without_redis_never_take_the_whole_limit() -> None:
    alone, one_of_four = World(Limits(rpm=240)), World(Limits(rpm=240), processes=4)
    for world in (alone, one_of_four):
        await world.model(Asked()).complete(REQUEST)
        await world.model(Asked()).complete(REQUEST)
    assert one_of_four.slept[0] == pytest.approx(4 * alone.slept[0])


def test_tiers_that_share_a_model_share_its_limiter_and_other_keys_have_their_own() -> None:
    def choice(**given: object) -> ModelChoice:
        return ModelChoice.model_validate({"provider": "openai", "model": "m", **given})

    limiters = Limiters(callers=2)
    small = limiters.of(choice(rpm=60), "key")
    assert limiters.of(choice(rpm=50, tpm=9), "key") is small
    assert isinstance(small, LocalLimiter)
    assert small.limits == Limits(rpm=50, tpm=9)
    assert limiters.of(choice(rpm=60), "other key") is not small
    assert limiters.of(choice(model="n"), "key") is not small
