"""The record of calls beside the model server's own log, whatever happens to the calls in between."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from adapters.models.guards.budget import BudgetedModel
from adapters.models.offline.app import create_app
from adapters.spend.sql import SqlSpend
from adapters.spend.tables import model_calls
from adapters.store import Store, open_store
from domain.audit.model_log import SKEW, LogFindings, compare_with_log
from domain.errors import HeadgateError, TransientError
from domain.model_call import ModelRequest
from domain.spend.budgets import SpendRules
from domain.spend.calls import LEASE
from tests.integration.models.wires import PRICE, TOKEN, WIRES, opened, question
from tests.served import Served
from workers.config.data_dir import rotate_log
from workers.running.answer_log import AnswerLog, own_answers

PROJECT = Path(__file__).resolve().parents[3]
BEARER = {"authorization": f"Bearer {TOKEN}"}
MODEL = f"offline {PRICE.model}"
WITHIN_S = 60.0
CALLS = 4
WORKER = """
import asyncio, sys
from tests.integration.models.test_model_log import World, asked
from adapters.store import open_store

async def main():
    world = World(sys.argv[1], open_store(sys.argv[2]), None)
    await asyncio.gather(*(world.ask("json_schema", asked(n)) for n in range(int(sys.argv[3]))))

asyncio.run(main())
"""


def asked(number: int) -> ModelRequest:
    return question(f"I was charged {number} times").model_copy(update={"case_id": f"case/shop/{number}"})


class World:
    """A model server with its log, and a store with the record of the calls to it."""

    def __init__(self, url: str, store: Store, folder: Path | None) -> None:
        self.url, self.store, self.folder = url, store, folder
        self.spend = SqlSpend(lambda: store.database)

    def tell(self, mode: str, **more: object) -> None:
        """Tell the model how to misbehave."""
        told = httpx.post(f"{self.url}/admin/misbehave", json={"mode": mode, **more}, headers=BEARER)
        told.raise_for_status()

    def misbehaved(self) -> int:
        """Return how many calls the model has taken since, and misbehaves in."""
        return int(httpx.get(f"{self.url}/admin/misbehave", headers=BEARER).json()["misbehaved"])

    async def ask(self, wire: str, request: ModelRequest, *, timeout_s: float = 30.0) -> None:
        """Make one call, within the (empty) budgets."""
        async with opened(self.url, wire, timeout_s=timeout_s) as model:
            await BudgetedModel(model, self.spend, SpendRules(), lambda: PRICE, MODEL).complete(request)

    def answers(self) -> int:
        assert self.folder is not None
        return len(own_answers(self.folder)[0])

    def compared(self, *, later: timedelta = 2 * SKEW) -> LogFindings:
        """Compare as the audit does, after so much time."""
        assert self.folder is not None
        answers, unread = own_answers(self.folder)
        assert unread == 0
        since = datetime.now(UTC) - timedelta(hours=1)
        calls = self.spend.report.calls_since(since)
        return compare_with_log(answers, calls, since=since, until=datetime.now(UTC) + later)

    def states(self) -> set[tuple[str, bool]]:
        with self.store.database.reading() as connection:
            found = connection.execute(sa.select(model_calls.c.state, model_calls.c.estimated))
            return {(row.state, row.estimated) for row in found}

    def change(self, statement: sa.Delete | sa.Update) -> None:
        """Change the record behind everybody's back."""
        with self.store.database.engine.begin() as connection:
            connection.execute(statement)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    log = AnswerLog(tmp_path, rotate_log)
    with Served(create_app(admin_token=TOKEN, answered=log.note)) as served:
        yield World(served.url, store, tmp_path)
    store.close()


async def test_an_answer_that_vanished_from_the_record_is_found_and_so_is_a_call_that_was_made_up(
    world: World,
) -> None:
    for number in range(3):
        await world.ask("json_schema", asked(number))
    assert world.compared() == LogFindings(3, [], [])
    this = model_calls.c.case_id
    world.change(sa.update(model_calls).where(this == "case/shop/0").values(tokens_out=1_000))
    world.change(sa.update(model_calls).where(this == "case/shop/1").values(provider_request_id="req_of_nobody"))
    world.change(sa.delete(model_calls).where(this == "case/shop/2"))
    found = world.compared().violations
    assert sorted(v.kind for v in found) == [
        "answer_unknown_to_server",
        "call_not_on_record",
        "call_not_on_record",
        "tokens_differ",
    ]


@pytest.mark.parametrize("wire", WIRES)
async def test_both_say_the_same_of_each_wire_and_of_the_same_question_asked_again(world: World, wire: str) -> None:
    for number in (1, 2, 1):
        await world.ask(wire, asked(number))
    assert world.compared() == LogFindings(3, [], [])


@pytest.mark.parametrize("wire", ["json_schema", "anthropic"])
async def test_whatever_goes_wrong_on_the_way_nothing_is_missing(world: World, wire: str) -> None:
    modes = ["429", "500", "hangup", "cut_stream", "stream_error", "stall", "cut", "malformed", "refuse", "plain"]
    for number, mode in enumerate([*modes, "no_usage", "odd_usage", "pings"]):
        world.tell(mode, latency_s=0.1, byte_s=0.05)
        with suppress(HeadgateError):
            await world.ask(wire, asked(number))
    world.tell("stream_error", code="rate_limit_error")
    with suppress(HeadgateError):
        await world.ask(wire, asked(99))
    found = world.compared()
    assert (found.violations, found.notes) == ([], [])
    assert found.checked >= 8, "those that were answered, wholly or in part"


async def test_who_does_not_wait_for_the_answer_is_charged_for_it(world: World) -> None:
    world.tell("latency", latency_s=2)
    with pytest.raises(TransientError):
        await world.ask("json_schema", asked(1), timeout_s=0.3)
    assert world.states() == {("unknown", True)}
    assert world.compared().violations == []
    await asyncio.to_thread(eventually, lambda: world.answers() == 1)
    assert world.compared() == LogFindings(1, [], []), "it was answered when nobody listened any more"


def test_what_a_killed_worker_had_asked_is_answered_charged_in_full_and_not_missing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.tell("latency", latency_s=8)
    url = world.store.database.url.render_as_string(hide_password=False)
    process = subprocess.Popen([sys.executable, "-c", WORKER, world.url, url, str(CALLS)], cwd=PROJECT)
    try:
        eventually(lambda: world.misbehaved() == CALLS, process)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    eventually(lambda: world.answers() == CALLS)
    assert world.states() == {("sent", False)}
    assert world.compared() == LogFindings(CALLS, [], []), "under way, as far as anybody knows"

    clock = world.store.database.clock
    monkeypatch.setattr(world.store.database, "clock", lambda *given: clock(*given) + LEASE + timedelta(seconds=1))
    assert world.spend.sweep() == CALLS
    assert world.states() == {("unknown", True)}
    assert world.compared(later=2 * LEASE) == LogFindings(CALLS, [], [])
    world.change(sa.delete(model_calls).where(model_calls.c.case_id == "case/shop/0"))
    assert [v.kind for v in world.compared(later=2 * LEASE).violations] == ["call_not_on_record"]


def eventually(is_so: Callable[[], bool], process: "subprocess.Popen[bytes] | None" = None) -> None:
    give_up = time.monotonic() + WITHIN_S
    while not is_so():
        assert process is None or process.poll() is None, "the worker ended by itself"
        assert time.monotonic() < give_up
        time.sleep(0.05)
