"""Letters of an outage, replayed at a rate with a second outage in the middle: none lost, none begun twice."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from adapters.dead_letters.orders import SqlReplayOrders
from adapters.store import Store, open_store
from tests.workflows.dead_letters.many import World, bury_many, by_status, replay_all

LETTERS, OUTAGE = 120, range(48, 72)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    bury_many(store, LETTERS, datetime.now(UTC) - timedelta(minutes=5))
    yield store
    store.close()


async def test_a_second_outage_in_the_middle_loses_nothing_and_begins_nothing_twice(
    env: WorkflowEnvironment, store: Store
) -> None:
    world = World(store, OUTAGE)
    state = await replay_all(env, store, world, "many-first", 20)
    assert (state.begun, state.put_off, state.passed_over) == (LETTERS, 0, 0)
    assert by_status(store) == {"open": len(OUTAGE), "replayed": LETTERS}, "what died again waits for a person again"
    orders = SqlReplayOrders(store.database)
    progress = orders.progress(orders.order("replay/many-first"))
    assert progress.cases == {"dead_lettered": len(OUTAGE), "done": LETTERS - len(OUTAGE)}
    state = await replay_all(env, store, world, "many-second", 20)
    assert state.begun == len(OUTAGE)
    assert by_status(store) == {"replayed": LETTERS + len(OUTAGE)}
    assert store.reports.counts().by_state == {"done": LETTERS}
    assert set(world.starts.values()) == {1}
