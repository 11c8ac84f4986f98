"""Many dead letters of an outage, replayed at a rate with a second outage in the middle: the product's own store,
activities and workflow, with a case that ends at once in place of its workflow.

`python -m tests.workflows.dead_letters.many 10000` prints the figures.
"""

import asyncio
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from temporalio.testing import WorkflowEnvironment

from activities.actions.replay import ReplayActivities
from activities.intake.reading import MessageReader
from adapters.cleaning.cleaner import DocumentCleaner
from adapters.dead_letters.orders import SqlReplayOrders
from adapters.store import Store, open_store
from adapters.store.tables import cases, dead_letters
from client.dead_letters.replays import Replays
from domain.blueprint import CasePolicy
from domain.case import CaseInput, CaseState
from domain.dead_letters.choosing import LetterFilter
from domain.dead_letters.replaying import ReplayOrder, ReplayState
from domain.deadletter import DeadLetter, letter_id
from domain.errors import FailureKind
from domain.writers.machine_words import MachineWords
from tests.contracts.store_samples import case_input, outcome, stored_case
from tests.fakes.blueprint import WORDS
from tests.time_skipping import time_skipping_server
from workers.roles import activity_worker, case_worker
from workflows import options

PER_BATCH = 500


class World:
    """Cases that end as soon as they are started, or die again while the outage lasts; every start is counted."""

    def __init__(self, store: Store, outage: range) -> None:
        self.store = store
        self.outage = outage  # by number of start
        self.starts: Counter[str] = Counter()

    async def start(self, cases: object) -> None:
        raise AssertionError("nothing is started that was not given up")

    async def start_again(self, case: CaseInput) -> None:
        self.starts[f"{case.case_id}#{case.replay}"] += 1
        dies = sum(self.starts.values()) - 1 in self.outage
        await asyncio.to_thread(self._end, case, dies)

    def _end(self, case: CaseInput, dies: bool) -> None:
        name = case.case_id.rsplit("/", 1)[1]
        if dies:
            self.store.dead_letters.bury(letter_of(case.case_id, case.replay, datetime.now(UTC)))
        state = CaseState.DEAD_LETTERED if dies else CaseState.DONE
        self.store.cases.close(outcome(name, state=state, replay=case.replay), None)


def letter_of(case_id: str, replay: int, at: datetime) -> DeadLetter:
    return DeadLetter(
        dead_letter_id=letter_id(case_id, replay),
        case_id=case_id,
        source="shop",
        step="route",
        kind=FailureKind.TRANSIENT,
        last_error="connection refused",
        payload_ref=f"store:cases/{case_id}",
        blueprint_version="x",
        at=at,
    )


def bury_many(store: Store, count: int, at: datetime) -> None:
    """Give so many cases up."""
    names = [f"e{number}" for number in range(count)]
    for start in range(0, count, PER_BATCH):
        some = names[start : start + PER_BATCH]
        store.cases.admit([stored_case(name, case=case_input(name)) for name in some])
        ids = [f"case/shop/{name}" for name in some]
        ended = sa.update(cases).where(cases.c.case_id.in_(ids)).values(state=CaseState.DEAD_LETTERED, closed_at=at)
        store.database.writing(lambda connection, ended=ended: connection.execute(ended))
        for name in some:
            store.dead_letters.bury(letter_of(f"case/shop/{name}", 0, at))


async def replay_all(env: WorkflowEnvironment, store: Store, world: World, name: str, per_second: float) -> ReplayState:
    """Replay all open letters by a run; return what it says at its end."""
    policy = CasePolicy(version="now@1")
    reader = MessageReader(DocumentCleaner(WORDS.mail), lambda _: policy, MachineWords(WORDS.mail))
    orders = SqlReplayOrders(store.database)
    activities = ReplayActivities(store.dead_letters, store.cases, orders, world, reader, lambda _: policy)
    now = datetime.now(UTC)
    order = ReplayOrder(
        replay_id=f"replay/{name}", chosen=LetterFilter(until=now), per_second=per_second, by="dana", at=now
    )
    orders.place(order)
    actions = activity_worker(env.client, options.ACTIONS_QUEUE, [activities.replay_batch], slots=4)
    async with case_worker(env.client, [activities.replay_batch]), actions:
        await Replays(env.client).start(order)
        handle = env.client.get_workflow_handle(order.replay_id, result_type=ReplayState)
        async with asyncio.timeout(3600):
            while (await Replays(env.client).standing(order.replay_id)).goes_on:
                await env.sleep(timedelta(seconds=20))
        state: ReplayState = await handle.result()
        return state


def by_status(store: Store) -> dict[str, int]:
    """Count all letters by status."""
    with store.database.reading() as connection:
        found = connection.execute(sa.select(dead_letters.c.status, sa.func.count()).group_by(dead_letters.c.status))
        return {row[0]: row[1] for row in found}


async def main(count: int) -> None:
    """Play it once and print what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'store.db'}")
        began = time.monotonic()
        await asyncio.to_thread(bury_many, store, count, datetime.now(UTC) - timedelta(minutes=5))
        words = len(store.words.untold(100, datetime.now(UTC)))
        print(f"{count} dead letters buried in {time.monotonic() - began:.0f} s; words to people: {words}")
        world = World(store, range(count * 2 // 5, count * 3 // 5))
        async with time_skipping_server() as env:
            for name in ("first", "second"):
                began, before = time.monotonic(), await env.get_current_time()
                state = await replay_all(env, store, world, name, 50)
                took = (await env.get_current_time() - before).total_seconds()
                real = time.monotonic() - began
                print(f"{name} run: begun {state.begun}, put off {state.put_off}; letters {by_status(store)}")
                print(f"{name} run: {real:.0f} s, {took:.0f} s by its own clock, at 50/s")
        twice = [key for key, starts in world.starts.items() if starts > 1]
        states = store.reports.counts().by_state
        print(f"cases {states}; starts {sum(world.starts.values())}, none twice: {not twice}")
        store.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
