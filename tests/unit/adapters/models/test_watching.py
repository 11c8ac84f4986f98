"""A provider that said to wait is not asked before its time by any worker, and then by one call before all others."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from adapters.models.guards import watching
from adapters.models.guards.watching import Watch, WatchedModel
from adapters.moods.memory import MoodsInMemory
from domain.errors import ConfigurationError, ToldToWaitError, TransientError, UnsupportedTaskError
from domain.model_call import ModelReply, ModelRequest, Tier, Usage
from domain.moods.mood import PROBE_S, ModelMood, Trouble, resumed
from domain.moods.spells import CASES, OVER_AFTER
from domain.moods.waits import SPREAD_S
from ports.models.moods import KnownMood

REPLY = ModelReply(text="{}", model="fake-1", usage=Usage(calls=1))
SAID = "openai gpt-x: HTTP 429 without a code: slow down"
NAME = "openai gpt-x"


def request(case_id: str = "case/shop/e1", task: str = "route") -> ModelRequest:
    return ModelRequest(tier=Tier.SMALL, schema_name=task, json_schema={}, messages=[], case_id=case_id)


REQUEST = request()


@dataclass
class World:
    """A clock that goes when it is told to, a chance that is what it is told to be, and what all workers know."""

    now: datetime = datetime(2026, 11, 29, 12, tzinfo=UTC)
    chance: float = 0.0
    moods: MoodsInMemory = field(default_factory=MoodsInMemory)

    def watch(self) -> Watch:
        """Return the watch of one more process."""
        return Watch(NAME, self.moods, lambda: self.now, lambda: self.chance)

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(watching, "LOOK_EVERY_S", 0.0)
    return World()


Outcome = Exception | ModelReply


@dataclass
class FakeModel:
    """Answers in turn, then well; an answer may be held back until its event is set."""

    answers: list[Outcome | tuple[asyncio.Event, Outcome]] = field(default_factory=list)
    asked: int = 0

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.asked += 1
        answer = self.answers.pop(0) if self.answers else REPLY
        if isinstance(answer, tuple):
            await answer[0].wait()
            answer = answer[1]
        if isinstance(answer, Exception):
            raise answer
        return answer


def told(seconds: float, *, named: bool = True) -> ToldToWaitError:
    return ToldToWaitError(SAID, seconds, named=named)


async def refused(model: WatchedModel, asking: ModelRequest = REQUEST) -> ToldToWaitError:
    """Return the error of a call that must be told to wait."""
    with pytest.raises(ToldToWaitError) as caught:
        await model.complete(asking)
    return caught.value


async def under_way(call: "asyncio.Task[object]", model: FakeModel, asked: int = 1) -> None:
    """Wait until a call has reached the model."""
    while model.asked < asked:
        assert not call.done()
        await asyncio.sleep(0.001)


async def test_one_call_that_is_told_to_wait_holds_back_all_others_until_the_time_named(world: World) -> None:
    """In its own process and in any other."""
    asked, other, far = FakeModel([told(7)]), FakeModel(), FakeModel()
    watch = world.watch()
    model, beside, elsewhere = WatchedModel(asked, watch), WatchedModel(other, watch), WatchedModel(far, world.watch())
    first = await refused(model)
    assert (str(first), first.wait_seconds, first.held) == (SAID, 7, True)
    world.passes(3)
    for held_back in (model, beside, elsewhere):
        late = await refused(held_back)
        assert (str(late), late.wait_seconds) == (f"not asked, a call before was told to wait: {SAID}", 4)
    world.passes(3.999)
    assert (await refused(beside)).wait_seconds == pytest.approx(0.001)
    assert (asked.asked, other.asked, far.asked) == (1, 0, 0)
    world.passes(0.002)
    assert await elsewhere.complete(REQUEST) == await beside.complete(REQUEST) == REPLY
    assert (asked.asked, other.asked, far.asked) == (1, 1, 1)


async def test_another_model_is_asked_meanwhile(world: World) -> None:
    await refused(WatchedModel(FakeModel([told(60)]), world.watch()))
    other = Watch("openai gpt-y", world.moods, lambda: world.now)
    assert await WatchedModel(FakeModel(), other).complete(REQUEST) == REPLY


async def test_after_the_time_one_call_probes_and_all_others_wait_for_what_comes_of_it(world: World) -> None:
    """Forty cases in two processes: one request more, not forty."""
    gate = asyncio.Event()
    provider = FakeModel([told(30), (gate, told(60)), (gate, REPLY)])
    workers = [WatchedModel(provider, world.watch()) for _ in range(2)]
    await refused(workers[0])
    for turn in (2, 3):
        gate.clear()
        world.passes(60)
        probe = asyncio.create_task(workers[0].complete(REQUEST))
        await under_way(probe, provider, turn)
        for n in range(40):
            behind = await refused(workers[n % 2], request(f"case/shop/{n}"))
            assert 0 < behind.wait_seconds <= 3 + SPREAD_S
        assert provider.asked == turn, "only the probe"
        gate.set()
        if turn == 2:
            with pytest.raises(ToldToWaitError, match="HTTP 429"):
                await probe
            assert provider.asked == 2
            assert (await refused(workers[1])).wait_seconds == 60, "and the wait begins anew for all"
        else:
            assert await probe == REPLY
    for n in range(40):
        assert await workers[n % 2].complete(request(f"case/shop/{n}")) == REPLY


async def test_a_probe_that_dies_or_is_cancelled_gives_its_turn_away(world: World) -> None:
    never = asyncio.Event()
    provider = FakeModel([told(5), (never, REPLY), (never, REPLY)])
    model, other = WatchedModel(provider, world.watch()), WatchedModel(provider, world.watch())
    await refused(model)
    world.passes(5)
    died = asyncio.create_task(model.complete(REQUEST))  # its process is gone, nobody hears of it
    await under_way(died, provider, 2)
    world.passes(PROBE_S + 1)
    probe = asyncio.create_task(other.complete(REQUEST))
    await under_way(probe, provider, 3)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    await asyncio.gather(*other._background)
    assert await model.complete(REQUEST) == REPLY
    died.cancel()


async def test_calls_come_back_spread_over_a_moment_and_none_before_the_time_named(world: World) -> None:
    model = WatchedModel(FakeModel([told(7)]), world.watch())
    waits = []
    for world.chance in (0.5, 0.0, 0.25, 0.999):
        waits.append((await refused(model)).wait_seconds)
    assert waits == [7 + 0.5 * SPREAD_S, 7, 7 + 0.25 * SPREAD_S, 7 + 0.999 * SPREAD_S]


@pytest.mark.parametrize(("first", "second"), [(2, 60), (60, 2)])
async def test_of_two_times_that_are_named_the_later_one_counts(world: World, first: float, second: float) -> None:
    """Calls under way when the first is told are told too, in any order."""
    let_go = asyncio.Event()
    provider = FakeModel([(let_go, told(first)), told(second)])
    model = WatchedModel(provider, world.watch())
    slow = asyncio.create_task(refused(model))
    await under_way(slow, provider)
    assert (await refused(model)).wait_seconds == second
    let_go.set()
    assert (await slow).wait_seconds == 60
    assert (await refused(model)).wait_seconds == 60
    assert world.moods.known(NAME).mood.times == 1, "one refusal, however many calls were under way"


async def test_an_answer_to_a_call_from_before_is_taken_and_ends_no_wait(world: World) -> None:
    """It was sent before the refusal: it does not say that the provider takes more now."""
    let_go = asyncio.Event()
    provider = FakeModel([(let_go, REPLY), told(30)])
    model = WatchedModel(provider, world.watch())
    before = asyncio.create_task(model.complete(REQUEST))
    await under_way(before, provider)
    await refused(model)
    let_go.set()
    assert await before == REPLY
    assert (await refused(model)).wait_seconds == 30


@pytest.mark.parametrize(
    ("said", "waits"),
    [
        ([told(0)] * 5, [1, 2, 4, 8, 16]),
        ([told(-5), told(math.nan)], [20, 40]),
        ([told(1e12), told(0), told(20, named=False)], [20, 2, 80]),
        ([told(5), told(20, named=False), told(20, named=False)], [5, 40, 80]),  # said only once
        ([told(5)] * 3, [5, 5, 5]),
        ([told(86_400)], [21_600]),
    ],
)
async def test_what_is_no_time_is_waited_for_longer_each_time(
    world: World, said: list[ToldToWaitError], waits: list[float]
) -> None:
    """Zero is no hot loop, a year is no year, and a time named once does not stand for those not named."""
    provider = FakeModel(list(said))
    model = WatchedModel(provider, world.watch())
    for n, wait in enumerate(waits):
        await refused(model)
        mood = world.moods.known(NAME).mood
        assert mood.until == world.now + timedelta(seconds=wait)
        world.passes(wait - 0.01)
        await refused(model)
        assert provider.asked == n + 1, "not asked before the time"
        world.passes(0.02)
    assert await model.complete(REQUEST) == REPLY
    assert world.moods.known(NAME).mood.answers


async def test_a_person_s_word_ends_a_wait_for_one_call_first(world: World) -> None:
    gate = asyncio.Event()
    provider = FakeModel([told(21_600), (gate, REPLY)])
    model = WatchedModel(provider, world.watch())
    first = await refused(model)
    assert first.wait_seconds <= 60, "it comes by now and then, and is held back without a call"
    world.moods.change(NAME, lambda mood: resumed(mood, "dana", world.now), world.now)
    probe = asyncio.create_task(model.complete(REQUEST))
    await under_way(probe, provider, 2)
    await refused(model)
    gate.set()
    assert await probe == REPLY
    assert await model.complete(REQUEST) == REPLY


@pytest.mark.parametrize("error", [TransientError("503"), ConfigurationError("401")])
async def test_other_trouble_holds_nobody_back_and_is_known_until_it_is_over(
    world: World, error: TransientError | ConfigurationError
) -> None:
    model = WatchedModel(FakeModel([error, error]), world.watch())
    for _ in range(2):
        with pytest.raises(type(error)) as caught:
            await model.complete(REQUEST)
        assert caught.value is error
    known = world.moods.known(NAME)
    assert (known.mood.trouble, known.mood.why, known.waiting) == (
        Trouble.FAILING if isinstance(error, TransientError) else Trouble.MISCONFIGURED,
        str(error),
        1,
    )
    assert await model.complete(REQUEST) == REPLY
    assert world.moods.known(NAME).waiting == 0
    assert world.moods.known(NAME).mood.answers


async def test_a_task_that_it_does_not_know_is_no_trouble_of_the_model(world: World) -> None:
    model = WatchedModel(FakeModel([UnsupportedTaskError("422")]), world.watch())
    with pytest.raises(UnsupportedTaskError):
        await model.complete(REQUEST)
    assert world.moods.known(NAME).mood.answers


async def test_those_who_wait_are_counted_anew_in_each_trouble_whichever_process_ended_the_last_one(
    world: World,
) -> None:
    provider = FakeModel([told(5), REPLY, REPLY, told(600)])
    one, two = (WatchedModel(provider, world.watch()) for _ in range(2))
    await refused(one)
    await refused(two, request("case/shop/e2"))
    assert world.moods.known(NAME).waiting == 2
    world.passes(5)
    assert await one.complete(REQUEST) == REPLY
    assert world.moods.known(NAME).waiting == 0
    assert await two.complete(request("case/shop/e3")) == REPLY
    await refused(one)
    await refused(two, request("case/shop/e2"))
    assert world.moods.known(NAME).waiting == 2


@pytest.mark.parametrize("error", [UnsupportedTaskError("422"), ValueError("a bug")])
async def test_a_probe_that_is_answered_oddly_holds_up_nobody(world: World, error: Exception) -> None:
    """What it cannot do is an answer; after a bug another one asks."""
    provider = FakeModel([told(5), error])
    model = WatchedModel(provider, world.watch())
    await refused(model)
    world.passes(5)
    with pytest.raises(type(error)):
        await model.complete(REQUEST)
    await asyncio.gather(*model._background)
    assert await model.complete(REQUEST) == REPLY


class Broken(MoodsInMemory):
    """A store that cannot be reached."""

    def known(self, model: str) -> KnownMood:
        raise TransientError("locked")

    def change(
        self, model: str, change: Callable[[ModelMood], ModelMood], now: datetime, *, waits: str | None = None
    ) -> KnownMood:
        raise TransientError("locked")


async def test_without_the_store_each_process_goes_by_what_it_was_told_itself(world: World) -> None:
    """And nobody may come early: another process could not hold the case back."""
    broken = Broken()
    world.moods, kept = broken, world.moods
    provider = FakeModel([told(600)])
    watch = world.watch()
    model = WatchedModel(provider, watch)
    first = await refused(model)
    assert (first.wait_seconds, first.held) == (600, False)
    watch._store = kept  # it is back, and knows of nothing
    assert 599 <= (await refused(model)).wait_seconds <= 600
    assert provider.asked == 1
    world.passes(601)
    assert await model.complete(REQUEST) == REPLY


async def test_bad_answers_to_message_after_message_are_a_spell_for_all_processes(world: World) -> None:
    one, two = (WatchedModel(FakeModel(), world.watch()) for _ in range(2))
    spells = [await (one, two)[n % 2].judged(request(f"case/shop/{n}"), fit=False) for n in range(CASES + 2)]
    assert spells == [False] * (CASES - 1) + [True] * 3
    await one.complete(REQUEST)  # a look at what is known
    assert one.in_spell(REQUEST)
    assert not one.in_spell(request(task="claim")), "each task has its own"
    world.passes(1)
    for _ in range(OVER_AFTER):
        await one.judged(REQUEST, fit=True)
    assert not one.in_spell(REQUEST)
    assert not await one.judged(request("case/shop/odd"), fit=False), (
        "one odd answer afterwards is its message's matter"
    )
    assert [word.subject for word in world.moods.words] == [
        "model openai gpt-x answers route badly, message after message",
        "model openai gpt-x fits again (route)",
    ]


async def test_odd_answers_among_good_ones_are_no_spell(world: World) -> None:
    model = WatchedModel(FakeModel(), world.watch())
    for n in range(30):
        for _ in range(2):
            await model.judged(request(f"case/shop/good{n}"), fit=True)
        assert not await model.judged(request(f"case/shop/{n}"), fit=False)
    assert world.moods.words == []


async def test_one_message_that_is_tried_again_and_again_is_no_spell(world: World) -> None:
    model = WatchedModel(FakeModel(), world.watch())
    for _ in range(30):
        assert not await model.judged(REQUEST, fit=False)
