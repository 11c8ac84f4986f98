"""A provider that said to wait is not asked before its time by any call of the process, nor by all of them at once."""

import asyncio
import math
from dataclasses import dataclass, field

import pytest
from temporalio.exceptions import ApplicationError

from activities.errors import LONGEST_WAIT_S, raise_for_temporal
from adapters.models.guards.pausing import SPREAD_S, Pause, PausingModel
from adapters.models.wires.retry_after import LONGEST_S
from domain.errors import ConfigurationError, HeadgateError, ToldToWaitError, TransientError, UnsupportedTaskError
from domain.model_call import ModelReply, ModelRequest, Tier, Usage

REQUEST = ModelRequest(tier=Tier.SMALL, schema_name="route", json_schema={}, messages=[])
REPLY = ModelReply(text="{}", model="fake-1", usage=Usage(calls=1))
SAID = "openai gpt-x: HTTP 429 without a code: slow down"


@dataclass
class Time:
    """A clock that goes when it is told to, and a chance that is what it is told to be."""

    now: float = 1000.0
    chance: float = 0.0

    def pause(self) -> Pause:
        return Pause(lambda: self.now, lambda: self.chance)


@dataclass
class FakeModel:
    """Answers in turn, then well; an answer may be held back until its event is set."""

    answers: list[HeadgateError | ModelReply | tuple[asyncio.Event, HeadgateError | ModelReply]] = field(
        default_factory=list
    )
    asked: int = 0

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.asked += 1
        answer = self.answers.pop(0) if self.answers else REPLY
        if isinstance(answer, tuple):
            await answer[0].wait()
            answer = answer[1]
        if isinstance(answer, HeadgateError):
            raise answer
        return answer


def told(seconds: float) -> ToldToWaitError:
    return ToldToWaitError(SAID, seconds)


async def refused(model: PausingModel) -> ToldToWaitError:
    """Return the error of a call that must be told to wait."""
    with pytest.raises(ToldToWaitError) as caught:
        await model.complete(REQUEST)
    return caught.value


async def test_one_call_that_is_told_to_wait_holds_back_all_others_until_the_time_named() -> None:
    time = Time()
    asked, other = FakeModel([told(7)]), FakeModel()
    pause = time.pause()
    model, beside = PausingModel(asked, pause), PausingModel(other, pause)
    first = await refused(model)
    assert (str(first), first.wait_seconds) == (SAID, 7)
    time.now += 3
    for held_back in (model, beside):
        late = await refused(held_back)
        assert (str(late), late.wait_seconds) == (f"not asked, a call before was told to wait: {SAID}", 4)
    time.now += 3.999
    assert (await refused(beside)).wait_seconds == pytest.approx(0.001)
    assert (asked.asked, other.asked) == (1, 0)
    time.now += 0.002
    assert await model.complete(REQUEST) == await beside.complete(REQUEST) == REPLY
    assert (asked.asked, other.asked) == (2, 1)


async def test_another_model_is_asked_meanwhile() -> None:
    time = Time()
    await refused(PausingModel(FakeModel([told(60)]), time.pause()))
    assert await PausingModel(FakeModel(), time.pause()).complete(REQUEST) == REPLY


async def test_calls_come_back_spread_over_a_moment_and_none_before_the_time_named() -> None:
    time = Time()
    model = PausingModel(FakeModel([told(7)]), time.pause())
    waits = []
    for time.chance in (0.5, 0.0, 0.25, 0.999):
        waits.append((await refused(model)).wait_seconds)
    assert waits == [7 + 0.5 * SPREAD_S, 7, 7 + 0.25 * SPREAD_S, 7 + 0.999 * SPREAD_S]
    by_chance = PausingModel(FakeModel([told(7)]), Pause())
    drawn = [(await refused(by_chance)).wait_seconds for _ in range(50)]
    assert len(set(drawn)) == 50
    assert all(6.5 < wait <= 7 + SPREAD_S for wait in drawn), "the clock is the machine's"


async def test_of_two_times_that_are_named_the_later_one_counts() -> None:
    """Calls under way when the first is told are told too, in any order."""
    time, let_go = Time(), asyncio.Event()
    model = PausingModel(FakeModel([(let_go, told(2)), told(60), (let_go, told(90))]), time.pause())
    under_way = asyncio.create_task(refused(model))
    await asyncio.sleep(0)
    assert (await refused(model)).wait_seconds == 60
    time.now += 10
    let_go.set()
    assert (await under_way).wait_seconds == 50, "the other call named a later time"
    assert (await refused(model)).wait_seconds == 50


async def test_a_later_refusal_makes_the_pause_longer() -> None:
    time, let_go = Time(), asyncio.Event()
    model = PausingModel(FakeModel([(let_go, told(90)), told(5)]), time.pause())
    under_way = asyncio.create_task(refused(model))
    await asyncio.sleep(0)
    await refused(model)
    time.now += 3
    let_go.set()
    assert (await under_way).wait_seconds == 90
    time.now += 30
    assert (await refused(model)).wait_seconds == 60


async def test_an_answer_to_a_call_from_before_is_taken_and_ends_no_pause() -> None:
    """It was sent before the refusal: it does not say that the provider takes more now."""
    time, let_go = Time(), asyncio.Event()
    model = PausingModel(FakeModel([(let_go, REPLY), told(30)]), time.pause())
    under_way = asyncio.create_task(model.complete(REQUEST))
    await asyncio.sleep(0)
    await refused(model)
    let_go.set()
    assert await under_way == REPLY
    assert (await refused(model)).wait_seconds == 30


async def test_a_provider_that_says_it_again_is_left_alone_again() -> None:
    time = Time()
    asked = FakeModel([told(5), told(5)])
    model = PausingModel(asked, time.pause())
    for _ in range(2):
        assert (await refused(model)).wait_seconds == 5
        time.now += 5
    assert await model.complete(REQUEST) == REPLY
    assert asked.asked == 3


@pytest.mark.parametrize(
    ("named", "waits"),
    [(0.0, 0.0), (-5.0, 0.0), (math.nan, 0.0), (math.inf, LONGEST_S), (1e12, LONGEST_S), (LONGEST_S, LONGEST_S)],
)
async def test_an_absurd_time_holds_nobody_back_for_longer_than_a_refused_call_waits(
    named: float, waits: float
) -> None:
    time = Time()
    model = PausingModel(FakeModel([told(named)]), time.pause())
    assert (await refused(model)).wait_seconds == waits
    if waits:
        assert (await refused(model)).wait_seconds == waits
        time.now += LONGEST_S
    assert await model.complete(REQUEST) == REPLY


def test_what_a_call_that_was_held_back_tells_temporal_is_the_time_of_its_next_try() -> None:
    pause = Time(chance=0.5).pause()
    pause.begin(told(12))
    with pytest.raises(ToldToWaitError) as caught:
        pause.check()
    with pytest.raises(ApplicationError) as said:
        raise_for_temporal(caught.value)
    delay = said.value.next_retry_delay
    assert delay is not None
    assert (said.value.type, said.value.non_retryable, delay.total_seconds()) == ("ToldToWaitError", False, 13)
    assert LONGEST_WAIT_S == LONGEST_S, "the pause and the call wait equally long"


@pytest.mark.parametrize("error", [TransientError("503"), UnsupportedTaskError("422"), ConfigurationError("401")])
async def test_other_trouble_is_the_call_s_own(error: HeadgateError) -> None:
    model = PausingModel(FakeModel([error]), Time().pause())
    with pytest.raises(type(error)) as caught:
        await model.complete(REQUEST)
    assert caught.value is error
    assert await model.complete(REQUEST) == REPLY


async def test_a_cancelled_call_leaves_no_pause() -> None:
    model = PausingModel(FakeModel([(asyncio.Event(), told(60))]), Time().pause())
    under_way = asyncio.create_task(model.complete(REQUEST))
    await asyncio.sleep(0)
    under_way.cancel()
    with pytest.raises(asyncio.CancelledError):
        await under_way
    assert await model.complete(REQUEST) == REPLY
