"""kill -9 in the middle of a call leaks nothing: what the dead process had sent is charged when its lease is over."""

import os
import signal
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.spend.sql import SqlSpend
from adapters.spend.tables import model_calls
from adapters.store import open_store
from domain.blueprint_checks import LONGEST_ANSWER_S
from domain.spend.calls import LEASE

PROJECT = Path(__file__).resolve().parents[3]
WITHIN_S = 60.0
CALLS = 5
WORKER = """
import asyncio, sys
from adapters.models.factory import build_models
from adapters.moods.memory import MoodsInMemory
from adapters.spend.sql import SqlSpend
from adapters.store import open_store
from domain.model_call import Message, ModelRequest, Tier
from domain.spend.budgets import Budget, Unit
from tests.fakes.blueprint import BLUEPRINT

url, store = sys.argv[1], open_store(sys.argv[2])
rules = BLUEPRINT.model_copy(update={"budgets": [Budget(scope="all", cap=100_000, unit=Unit.TOKENS)]})
models = build_models(rules, "offline", lambda name: "", url, MoodsInMemory(), spend=SqlSpend(lambda: store.database))
asked = [
    ModelRequest(tier=Tier.SMALL, schema_name="claim", json_schema={}, case_id=f"case/shop/{n}",
                 messages=[Message(role="user", content="hello")])
    for n in range(int(sys.argv[3]))
]

async def main():
    await asyncio.gather(*(models[Tier.SMALL].complete(request) for request in asked))

asyncio.run(main())
"""


def test_what_a_killed_worker_had_sent_is_charged_and_nothing_stays_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    store = open_store(url)
    spend = SqlSpend(lambda: store.database)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes calls, and never answers
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        process = subprocess.Popen([sys.executable, "-c", WORKER, address, url, str(CALLS)], cwd=PROJECT)
        try:
            give_up = time.monotonic() + WITHIN_S
            while sent(store.database.engine) < CALLS:
                assert process.poll() is None
                assert time.monotonic() < give_up
                time.sleep(0.05)
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
    [account] = spend.report.windows([])
    reserved = account.held
    assert account.used == 0
    assert reserved > 0
    assert spend.sweep() == 0, "its lease is not over"

    clock = store.database.clock
    monkeypatch.setattr(store.database, "clock", lambda *asked: clock(*asked) + LEASE + timedelta(seconds=1))
    assert spend.sweep() == CALLS
    days = spend.report.windows([])  # two where the lease ends after midnight
    assert (sum(day.used for day in days), sum(day.held for day in days)) == (reserved, 0)
    assert spend.report.differences() == []
    with store.database.reading() as connection:
        states = connection.execute(sa.select(model_calls.c.state, model_calls.c.estimated)).all()
    assert set(map(tuple, states)) == {("unknown", True)}
    store.close()


def sent(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        counted = sa.select(sa.func.count()).select_from(model_calls).where(model_calls.c.state == "sent")
        return int(connection.execute(counted).scalar_one())


def test_the_lease_is_longer_than_any_call() -> None:
    """A slow answer is charged as it was, not in full and corrected later."""
    assert timedelta(seconds=LONGEST_ANSWER_S) < LEASE
