"""A provider that fails call after call is left alone by all workers; one call asks whether it is back."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from adapters.models.guards import watching
from adapters.models.guards.watching import Watch, WatchedModel
from adapters.moods.memory import MoodsInMemory
from domain.errors import ProviderOutError, ToldToWaitError, TransientError
from domain.model_call import ModelReply, ModelRequest, Tier, Usage
from domain.moods.mood import ModelMood
from domain.moods.outages import OPENS_AFTER
from ports.models.moods import KnownMood

NAME = "openai gpt-x"
REPLY = ModelReply(text="{}", model="fake-1", usage=Usage(calls=1))


@dataclass
class Provider:
    """Fails while it is down; a call may be held until its event is set."""

    down: bool = True
    error: Exception = field(default_factory=lambda: TransientError("HTTP 503", Usage(calls=1)))
    gate: asyncio.Event | None = None
    asked: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)  # a call that is held

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Answer, or fail."""
        self.asked += 1
        if self.gate is not None:
            self.reached.set()
            await self.gate.wait()
        if self.down:
            raise self.error
        return REPLY


@dataclass
class Hour:
    """A clock that goes when it is told to, a provider, and what all workers know."""

    now: datetime = datetime(2026, 11, 29, 12, tzinfo=UTC)
    provider: Provider = field(default_factory=Provider)
    moods: MoodsInMemory = field(default_factory=MoodsInMemory)

    def model(self) -> WatchedModel:
        """Return the model as one more process has it."""
        return WatchedModel(self.provider, Watch(NAME, self.moods, lambda: self.now, lambda: 0.5))

    def passes(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def hour(monkeypatch: pytest.MonkeyPatch) -> Hour:
    monkeypatch.setattr(watching, "LOOK_EVERY_S", 0.0)
    return Hour()


def of(case: object) -> ModelRequest:
    return ModelRequest(tier=Tier.SMALL, schema_name="route", json_schema={}, messages=[], case_id=f"case/shop/{case}")


async def fails(model: WatchedModel, case: object) -> TransientError:
    with pytest.raises(TransientError) as caught:
        await model.complete(of(case))
    return caught.value


async def goes_out(hour: Hour) -> WatchedModel:
    model = hour.model()
    for n in range(OPENS_AFTER):
        await fails(model, n)
    return model


async def test_the_fifth_failure_parks_its_case_and_nobody_else_asks(hour: Hour) -> None:
    one, two = hour.model(), hour.model()
    errors = [await fails(model, n) for n, model in enumerate([one, two, one, two, one])]
    assert [type(error) for error in errors] == [TransientError] * 4 + [ProviderOutError]
    assert errors[-1].usage == Usage(calls=1), "what was spent is kept"
    for model in (one, two, hour.model()):
        held = await fails(model, "next")
        assert isinstance(held, ProviderOutError)
        assert (held.model, held.usage) == (NAME, None)
        assert held.wait_s >= 60
    assert hour.provider.asked == OPENS_AFTER
    assert hour.moods.known(NAME).waiting == OPENS_AFTER + 1


async def test_when_it_is_time_one_call_asks_and_all_others_wait_for_what_comes_of_it(hour: Hour) -> None:
    await goes_out(hour)
    hour.passes(6)
    hour.provider.gate = asyncio.Event()
    probe = asyncio.create_task(hour.model().complete(of("probe")))
    await hour.provider.reached.wait()
    others = await asyncio.gather(*(fails(hour.model(), n) for n in range(20)))
    assert {type(error) for error in others} == {ProviderOutError}
    assert hour.provider.asked == OPENS_AFTER + 1
    hour.provider.down = False
    hour.provider.gate.set()
    assert await probe == REPLY
    assert await hour.model().complete(of("after")) == REPLY
    assert hour.moods.known(NAME).mood.answers


async def test_a_probe_that_dies_gives_its_turn_back(hour: Hour) -> None:
    model = await goes_out(hour)
    hour.passes(6)
    hour.provider.gate = asyncio.Event()
    probe = asyncio.create_task(model.complete(of("probe")))
    await hour.provider.reached.wait()
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    await asyncio.gather(*model._background)
    hour.provider.gate, hour.provider.down = None, False
    assert await hour.model().complete(of("next")) == REPLY


async def test_an_hour_of_calls_every_second_is_asked_a_few_times(hour: Hour) -> None:
    model = await goes_out(hour)
    for n in range(3600):
        hour.passes(1)
        await fails(model, n % 100)
    assert hour.provider.asked <= OPENS_AFTER + 7 + 12
    assert [word.subject for word in hour.moods.words] == [f"model {NAME} does not answer"]


async def test_a_store_that_is_away_is_not_the_model_s_fault(hour: Hour) -> None:
    away = TransientError("the store does not answer")
    away.of_store = True
    hour.provider.error = away
    for n in range(3 * OPENS_AFTER):
        assert await fails(hour.model(), n) is away
    assert hour.moods.known(NAME).mood.answers


async def test_one_that_says_to_wait_meanwhile_is_waited_for(hour: Hour) -> None:
    model = await goes_out(hour)
    hour.passes(6)
    hour.provider.error = ToldToWaitError("HTTP 429", 90.0)
    with pytest.raises(ToldToWaitError):
        await model.complete(of("probe"))
    with pytest.raises(ToldToWaitError):
        await hour.model().complete(of("next"))


class NoStore(MoodsInMemory):
    """A store that does not answer."""

    def known(self, model: str) -> KnownMood:
        """Fail."""
        raise TransientError("away")

    def change(
        self, model: str, change: Callable[[ModelMood], ModelMood], now: datetime, *, waits: str | None = None
    ) -> KnownMood:
        """Fail."""
        raise TransientError("away")


async def test_without_the_store_a_process_goes_by_its_own_knowledge(hour: Hour) -> None:
    hour.moods = NoStore()
    model = await goes_out(hour)
    assert isinstance(await fails(model, "next"), ProviderOutError)
    assert hour.provider.asked == OPENS_AFTER
    hour.provider.down = False
    hour.passes(6)
    assert await model.complete(of("probe")) == REPLY


async def test_without_a_time_for_outages_every_case_climbs_its_own_ladder(hour: Hour) -> None:
    model = WatchedModel(hour.provider, Watch(NAME, hour.moods, lambda: hour.now, outage_s=0))
    for n in range(3 * OPENS_AFTER):
        assert await fails(model, n) is hour.provider.error
    assert hour.provider.asked == 3 * OPENS_AFTER
