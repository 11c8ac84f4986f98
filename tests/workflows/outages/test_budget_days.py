"""More work than a day's budget bears: the real spending on SQLite, at the server's time, which skips from day to day.

What does not fit parks, comes back when the next day opens, the urgent ones first, and all ends; no day is overspent.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from temporalio.client import WorkflowHandle

from adapters.models.guards.budget import BudgetedModel
from adapters.spend.sql import SqlSpend
from adapters.spend.tables import model_calls, spend_accounts
from adapters.store import Store, open_store
from domain.case import CaseOutcome, CaseState
from domain.model_call import Message, ModelReply, ModelRequest, Price, Tier, Usage
from domain.routing import SALES
from domain.spend.budgets import Budget, SpendRules, Unit
from domain.spend.calls import tokens_at_most
from domain.spend.resuming import OPENING_SPAN_S
from domain.spend.windows import day_of
from domain.turns import Priority
from tests.workflows.fake_world import FakeWorld, routed
from tests.workflows.running import Mill, eventually, new_case
from workers import roles
from workflows.case import CaseWorkflow

CASES = 60
A_DAY = 20
OUTPUT = 40
PRICE = Price(model="m", input=1.0, output=1.0)
LEVELS = {Priority.URGENT: 2, Priority.NORMAL: 3, Priority.MAY_WAIT: 4}
PARKED = [*[Priority.MAY_WAIT] * 10, *[Priority.NORMAL] * 20, *[Priority.URGENT] * 10]

Handle = WorkflowHandle[CaseWorkflow, CaseOutcome]


class Provider:
    """A model behind the product's own budget, at the server's time; each answer uses all that is reserved for it."""

    def __init__(self, mill: Mill, world: FakeWorld, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[datetime, str]] = []  # when, and for which case
        self.overspent: list[str] = []
        self.spend = SqlSpend(lambda: store.database)
        self.cap = A_DAY * sum(_most(_asked("case/test/x")))
        self._mill = mill
        self._now = datetime.now(UTC)
        budget = Budget(scope="all", cap=self.cap, unit=Unit.TOKENS)
        self._model = BudgetedModel(self, self.spend, SpendRules(budgets=[budget]), lambda: PRICE, "m")
        monkeypatch.setattr(store.database, "clock", lambda *_: self._now)
        world.always("route_case", self.asked)

    async def asked(self, request: Any) -> Any:  # Any: a step's request
        """Route a case by the model, if there is money for it."""
        self._now = await self.time()
        await self._model.complete(_asked(request.case.case_id))
        return routed(SALES)

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Answer."""
        self.calls.append((await self.time(), request.case_id))
        for window in await asyncio.to_thread(self.spend.report.windows, []):
            if window.used + window.held > self.cap:
                self.overspent.append(f"{window.window}: {window.used} and {window.held} of {self.cap}")
        tokens_in, tokens_out = _most(request)
        usage = Usage(calls=1, input_tokens=tokens_in, output_tokens=tokens_out, cost_micros=tokens_in + tokens_out)
        return ModelReply(text="{}", usage=usage, model="m")

    async def time(self) -> datetime:
        """Return the server's time."""
        return (await self._mill.env.get_current_time()).astimezone(UTC)


def _asked(case_id: str) -> ModelRequest:
    said = [Message(role="user", content="Where does it belong?")]
    return ModelRequest(
        tier=Tier.SMALL, schema_name="route", json_schema={}, messages=said, max_output=OUTPUT, case_id=case_id
    )


def _most(request: ModelRequest) -> tuple[int, int]:
    """What a call may use at most, as the budget reserves it: tokens in and out."""
    said = [message.content for message in request.messages]
    return tokens_at_most(said, json.dumps(request.json_schema)), request.max_output


@pytest.fixture(autouse=True)
def all_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every case in memory, so that none is dropped with a try under way."""
    monkeypatch.setattr(roles, "CACHED", max(roles.CACHED, 4 * CASES))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    yield opened
    opened.close()


async def test_days_later_all_parked_cases_are_done_by_priority_and_no_day_is_overspent(
    mill: Mill, world: FakeWorld, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = Provider(mill, world, store, monkeypatch)
    now = await provider.time()
    await mill.skip(day_of(now, "UTC").ends + timedelta(hours=12) - now)  # noon: no day ends while cases are started

    first = await started(mill, [Priority.MAY_WAIT] * (CASES - len(PARKED)))
    await eventually(lambda: ended(world, len(first)))
    parked = await started(mill, PARKED)
    for handle in parked:
        status = await mill.until(handle, CaseState.PARKED)
        assert status.waits_until is not None
    opens = day_of(await provider.time(), "UTC").ends
    assert {case_id for _, case_id in provider.calls} == {handle.id for handle in first}

    async with mill.skipping():
        while len(world.endings) < CASES:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.2)
    outcomes = [await handle.result() for handle in (*first, *parked)]
    assert {outcome.state for outcome in outcomes} == {CaseState.DONE}
    assert "bury" not in world.names

    assert len({case_id for _, case_id in provider.calls}) == len(provider.calls) == CASES, "one call for each case"
    days = Counter((at - opens).days for at, _ in provider.calls)
    assert days == {-1: A_DAY, 0: A_DAY, 1: A_DAY}, "each day bears its own, and no call is made while there is none"
    late = [at - day_of(at, "UTC").opens for at, _ in provider.calls[A_DAY:]]
    assert max(late).total_seconds() <= 2 * OPENING_SPAN_S, "soon after the day opens"
    given = {handle.id: priority for handle, priority in zip(parked, PARKED, strict=True)}
    order = [given[case_id] for _, case_id in provider.calls[A_DAY:]]
    assert order[:10] == [Priority.URGENT] * 10, "the urgent ones come back first"
    assert order[10:30] == [Priority.NORMAL] * 20
    assert order[30:] == [Priority.MAY_WAIT] * 10

    assert provider.overspent == []
    assert provider.spend.report.differences() == []
    with store.database.reading() as connection:
        accounts = connection.execute(sa.select(spend_accounts).order_by(spend_accounts.c.ends_at)).all()
        states = Counter(connection.execute(sa.select(model_calls.c.state)).scalars())
    assert [(account.used, account.held, account.cap) for account in accounts] == [(provider.cap, 0, provider.cap)] * 3
    assert states == {"done": CASES}
    tries = len(world.of("route_case"))
    assert tries == A_DAY + len(PARKED) + len(PARKED) + A_DAY, "a case tries once on each day, and is not tried between"


async def started(mill: Mill, priorities: list[Priority]) -> list[Handle]:
    """Start cases of these priorities."""
    return [await mill.start(new_case(priority=one), level=LEVELS[one]) for one in priorities]


async def ended(world: FakeWorld, count: int) -> bool:
    return len(world.endings) == count
