"""A provider is away for an hour: one word to people, few calls, no case lost, and the backlog comes back gradually.

`OUTAGE_CASES=1000 python -m pytest -s tests/workflows/test_outage.py -k hour` is the measurement of `bench/RESULTS.md`.
"""

import asyncio
import json
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.models.guards.watching import Watch, WatchedModel
from adapters.moods.memory import MoodsInMemory
from domain.case import CaseState
from domain.errors import TransientError
from domain.model_call import ModelReply, ModelRequest, Tier
from domain.routing import SALES
from tests.workflows.fake_world import ONE_CALL, FakeWorld, routed
from tests.workflows.running import Mill, new_case

CASES = int(os.environ.get("OUTAGE_CASES", "60"))
NAME = "openai gpt-test"
OUTAGE_S = 3600.0
LAST_S, STEP_S = 7_800, 60
START_TOGETHER = 50


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


async def test_an_hour_s_outage_costs_few_calls_and_one_word_and_loses_no_case(mill: Mill, world: FakeWorld) -> None:
    begun = (await mill.env.get_current_time()).astimezone(UTC)
    provider = Provider(mill, world, begun + timedelta(seconds=OUTAGE_S))
    handles = await started(mill, CASES)
    for _ in range(LAST_S // STEP_S):  # one long sleep is more than the server's call bears
        await mill.skip(timedelta(seconds=STEP_S))
    outcomes = [await handle.result() for handle in handles]
    print(json.dumps(await figures(mill, world, provider, handles, outcomes)))
    assert {outcome.state for outcome in outcomes} == {CaseState.DONE}


async def figures(mill: Mill, world: FakeWorld, provider: Provider, handles: list[Any], outcomes: Any) -> Any:
    back = [at for at, well in provider.calls if well]
    minutes = Counter(int((at - provider.down_until).total_seconds() // 60) for at in back)
    events = [len((await handle.fetch_history()).events) for handle in handles[:20]]
    return {
        "cases": len(handles),
        "states": Counter(str(outcome.state) for outcome in outcomes),
        "calls in the outage": sum(1 for _, well in provider.calls if not well),
        "looks": len(world.of("route_case")) / len(handles),
        "words": [word.subject for word in provider.moods.words],
        "first answer after s": (min(back) - provider.down_until).total_seconds() if back else None,
        "last answer after s": (max(back) - provider.down_until).total_seconds() if back else None,
        "most answers in a minute": max(minutes.values(), default=0),
        "by minute": dict(sorted(minutes.items())),
        "events of a case": [min(events), max(events)],
    }
