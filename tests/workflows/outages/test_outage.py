"""A provider is away for an hour: one word to people, few calls, no case lost, and the backlog comes back gradually.

`OUTAGE_CASES=200 python -m pytest -s --timeout 600 tests/workflows/outages -k costs_few_calls` is the measurement of
`bench/RESULTS.md`.
"""

import asyncio
import json
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType

from adapters.models.guards.watching import Watch, WatchedModel
from adapters.moods.memory import MoodsInMemory
from domain.case import CaseState
from domain.errors import FailureKind, OverBudgetError, ProviderOutError, TransientError
from domain.model_call import ModelReply, ModelRequest, Tier, Usage
from domain.moods.outages import LOOK_AT_MOST_S, PROBE_AT_MOST_S
from domain.moods.outages import OUTAGE_S as OUTAGE_AT_MOST_S
from domain.routing import SALES
from domain.spend.resuming import ResumeWord
from tests.workflows.fake_world import ONE_CALL, FakeWorld, routed
from tests.workflows.running import Mill, eventually, home, new_case
from workers import roles
from workflows.options import SUSPEND_REASON
from workflows.spending.parking import RESUME

CASES = int(os.environ.get("OUTAGE_CASES", "60"))
NAME = "openai gpt-test"
OUTAGE_S = 3600.0
START_TOGETHER = 50
PROBES = 7 + OUTAGE_S / PROBE_AT_MOST_S  # 5, 10 … 300 s, then every 300 s
UNDER_WAY = 20  # of the first few seconds: what one worker has under way when the fifth call fails


@pytest.fixture(autouse=True)
def all_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every case in memory: one that is dropped with a look under way would stand until its task times out."""
    monkeypatch.setattr(roles, "CACHED", max(roles.CACHED, 4 * CASES))


class Provider:
    """A provider behind the product's own watch, at the server's time; while it is `down` every call fails."""

    def __init__(self, mill: Mill, world: FakeWorld, down_until: datetime) -> None:
        self.moods = MoodsInMemory()
        self.calls: list[tuple[datetime, bool]] = []  # when, and whether it was answered
        self.down_until = down_until
        self._mill = mill
        self._now = down_until
        self._model = WatchedModel(self, Watch(NAME, self.moods, clock=lambda: self._now))
        world.always("route_case", self.asked)

    async def asked(self, request: Any) -> Any:  # Any: a step's request
        """Route a case by the model."""
        self._now = await self._mill.env.get_current_time()
        case_id = request.case.case_id
        await self._model.complete(
            ModelRequest(tier=Tier.SMALL, schema_name="route", json_schema={}, messages=[], case_id=case_id)
        )
        return routed(SALES)

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Answer, if it is not down."""
        now = await self._mill.env.get_current_time()
        self.calls.append((now, now >= self.down_until))
        if now < self.down_until:
            raise TransientError("HTTP 503")
        return ModelReply(text="{}", usage=ONE_CALL, model="gpt-test")


async def started(mill: Mill, count: int) -> list[Any]:
    """Start cases, some at once."""
    handles: list[Any] = []
    while len(handles) < count:
        together = min(START_TOGETHER, count - len(handles))
        handles += await asyncio.gather(*(mill.start(new_case()) for _ in range(together)))
    return handles


async def down_for(mill: Mill, seconds: float) -> datetime:
    """Return when an outage ends that begins now."""
    return (await mill.env.get_current_time()).astimezone(UTC) + timedelta(seconds=seconds)


def out(look_again: tuple[float, float] = (300.0, 300.0), spent: int = 0) -> ProviderOutError:
    """What the watch raises while a provider is out."""
    error = ProviderOutError(f"{NAME} is out: HTTP 503", NAME, look_again, OUTAGE_AT_MOST_S)
    error.usage = Usage(calls=spent)
    return error


async def test_an_hour_s_outage_costs_few_calls_and_one_word_and_loses_no_case(mill: Mill, world: FakeWorld) -> None:
    provider = Provider(mill, world, await down_for(mill, OUTAGE_S))
    handles = await started(mill, CASES)
    async with mill.skipping():  # one long sleep is more than the server's call bears
        while len(world.endings) < CASES:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.2)
    outcomes = [await handle.result() for handle in handles]
    told = [word.subject for word in provider.moods.words]
    found = await figures(provider, handles)
    print(json.dumps({"cases": CASES, "words": told, "looks of a case": len(world.of("route_case")) / CASES, **found}))

    assert {outcome.state for outcome in outcomes} == {CaseState.DONE}
    assert "bury" not in world.names
    assert told == [f"model {NAME} does not answer", f"model {NAME} answers again"]
    assert found["calls in the outage"] <= PROBES + UNDER_WAY
    assert len(provider.calls) - found["calls in the outage"] == CASES, "each case was answered once"
    assert found["most answers in a minute"] <= max(CASES // 4, 10), "the backlog is not let go at once"
    assert found["last answer after, s"] <= 2.5 * LOOK_AT_MOST_S


async def figures(provider: Provider, handles: list[Any]) -> dict[str, Any]:
    """Measure the calls, seconds after the end of the outage."""
    back = [(at - provider.down_until).total_seconds() for at, answered in provider.calls if answered]
    by_minute = Counter(int(after // 60) for after in back)
    events = [len((await handle.fetch_history()).events) for handle in handles[:20]]
    return {
        "calls in the outage": len(provider.calls) - len(back),
        "first answer after, s": round(min(back)),
        "last answer after, s": round(max(back)),
        "most answers in a minute": max(by_minute.values()),
        "answers by minute": dict(sorted(by_minute.items())),
        "events of a case": [min(events), max(events)],
    }


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize(("activity", "child"), [("route_case", ""), ("draft_reply", "sales")])
async def test_a_case_is_parked_until_the_provider_is_back_and_ends_as_if_nothing_had_been(
    mill: Mill, world: FakeWorld, activity: str, child: str
) -> None:
    world.always("route_case", routed(SALES))
    world.will(activity, *[out(spent=1)] * 3)
    handle = await mill.start()
    status = await mill.until(handle, CaseState.PARKED)
    assert "is out" in status.waits_for
    assert (await handle.describe()).typed_search_attributes.get(SUSPEND_REASON) == f"outage {NAME}"
    outcome = await handle.result()
    assert outcome.state is CaseState.DONE
    assert (await handle.describe()).typed_search_attributes.get(SUSPEND_REASON) is None
    assert len(world.of(activity, home(handle.id, child) if child else handle.id)) == 4
    assert outcome.usage.calls == (3 * ONE_CALL.calls + 3), "what was spent in vain counts"


async def test_through_an_outage_the_search_attributes_change_once_and_back(mill: Mill, world: FakeWorld) -> None:
    world.will("route_case", *[out()] * 6)
    handle = await mill.start()
    assert (await handle.result()).state is CaseState.DONE
    changes = Counter(event.event_type for event in (await handle.fetch_history()).events)
    assert changes[EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES] == 3, "parked, running, ended"


async def test_parking_uses_up_no_rung_and_the_ladder_still_ends_in_a_dead_letter(mill: Mill, world: FakeWorld) -> None:
    down = TransientError("HTTP 503")
    world.will("route_case", down, out(), out(), down, out(), down, down)
    outcome = await mill.run()
    assert outcome.state is CaseState.DEAD_LETTERED
    [letter] = world.requests("bury")
    assert len(letter.attempts) == 4


async def test_an_outage_that_lasts_longer_than_a_step_may_take_is_a_dead_letter(mill: Mill, world: FakeWorld) -> None:
    world.always("route_case", out(look_again=(86_400.0, 60.0)))
    begun = await mill.env.get_current_time()
    outcome = await mill.run()
    assert outcome.state is CaseState.DEAD_LETTERED
    [letter] = world.requests("bury")
    assert (letter.kind, letter.attempts[-1].error_type) == (FailureKind.TRANSIENT, "ProviderOutError")
    assert OUTAGE_AT_MOST_S <= (letter.at - begun).total_seconds() <= OUTAGE_AT_MOST_S + 2 * 86_400


async def test_a_person_s_word_has_a_parked_case_ask_at_once(mill: Mill, world: FakeWorld) -> None:
    world.will("route_case", out(look_again=(86_400.0, 60.0)))
    begun = await mill.env.get_current_time()
    handle = await mill.start()
    await mill.until(handle, CaseState.PARKED)
    await handle.signal(RESUME, ResumeWord(by="dana"))
    await mill.until(handle, CaseState.DONE)
    assert await mill.env.get_current_time() - begun < timedelta(hours=1)


async def test_a_case_that_waits_for_a_provider_can_be_cancelled(mill: Mill, world: FakeWorld) -> None:
    world.always("route_case", out())
    handle = await mill.start()
    await mill.until(handle, CaseState.PARKED)
    await handle.cancel()

    async def ended() -> bool:
        return bool(world.of("close_case"))

    await eventually(ended)
    assert world.closed().state is CaseState.CANCELLED
    assert "bury" not in world.names


async def test_a_budget_that_is_used_up_after_an_outage_is_the_reason_then(mill: Mill, world: FakeWorld) -> None:
    opens = await mill.env.get_current_time() + timedelta(days=1)
    world.will("route_case", out(), OverBudgetError("used up", "budget all micros", opens))
    handle = await mill.start()
    await mill.until(handle, CaseState.PARKED)
    await handle.signal(RESUME, ResumeWord(by="dana"))

    async def reason() -> bool:
        return (await handle.describe()).typed_search_attributes.get(SUSPEND_REASON) == "budget all micros"

    await eventually(reason)
    assert (await handle.result()).state is CaseState.DONE
