"""A run that replays many dead letters: at a rate, in rounds, paused and resumed, and never without an order."""

from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle

from activities.actions.replay import ReplayBatchRequest, ReplayBatchResult
from client.dead_letters.replays import Replays
from domain.dead_letters.choosing import Cursor, LetterFilter
from domain.dead_letters.replaying import PASSES_AT_MOST, ReplayOrder, ReplayState
from domain.errors import ConfigurationError, ImpossibleError, RefusedError, TransientError
from tests.workflows.fake_world import FakeWorld
from tests.workflows.running import Mill, eventually, timers_of
from workflows.dead_letters.replay import NEXT_PASS_S, ROUNDS_PER_RUN, ReplayWorkflow

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


def place(number: int) -> Cursor:
    return Cursor(at=NOW, dead_letter_id=f"case/shop/e{number}/dead/1")


async def started(mill: Mill, name: str, per_second: float = 5) -> WorkflowHandle[ReplayWorkflow, ReplayState]:
    order = ReplayOrder(replay_id=f"replay/{name}", chosen=LetterFilter(), per_second=per_second, by="dana", at=NOW)
    await Replays(mill.client).start(order)
    await Replays(mill.client).start(order)  # the command is typed again: there is one run
    return mill.client.get_workflow_handle_for(ReplayWorkflow.run, order.replay_id)


async def test_batches_follow_each_other_by_their_place_at_the_rate(mill: Mill, world: FakeWorld) -> None:
    world.will(
        "replay_batch",
        ReplayBatchResult(begun=10, total=10, after=place(10)),
        ReplayBatchResult(begun=9, passed_over=1, total=19, after=place(20)),
        ReplayBatchResult(begun=3, total=22),
    )
    handle = await started(mill, "rate")
    state = await handle.result()
    assert (state.begun, state.passed_over, state.put_off) == (22, 1, 0)
    asked: list[ReplayBatchRequest] = world.requests("replay_batch")
    assert [request.after for request in asked] == [None, place(10), place(20)]
    assert {request.limit for request in asked} == {10}
    assert [round(seconds) for seconds in await timers_of(handle)] == [2, 2]
    assert (await Replays(mill.client).standing(handle.id)).standing == "completed"
    with pytest.raises(ImpossibleError, match="is completed: nothing goes on"):
        await Replays(mill.client).pause(handle.id)


async def test_what_could_not_be_begun_is_tried_in_some_further_rounds(mill: Mill, world: FakeWorld) -> None:
    world.always("replay_batch", ReplayBatchResult(put_off=1, trouble="has not ended yet"))
    handle = await started(mill, "rounds")

    async def ended() -> bool:
        return (await Replays(mill.client).standing(handle.id)).standing == "completed"

    async with mill.skipping():  # the server's long poll for the result ends at times that it skips
        await eventually(ended)
    state = await handle.result()
    assert len(world.of("replay_batch")) == PASSES_AT_MOST + 1
    assert (state.put_off, state.trouble) == (1, "has not ended yet")
    assert min(await timers_of(handle)) >= NEXT_PASS_S


async def test_a_store_that_is_away_is_waited_for(mill: Mill, world: FakeWorld) -> None:
    world.will("replay_batch", TransientError("away"), TransientError("away"), ReplayBatchResult(begun=1, total=1))
    assert (await (await started(mill, "away")).result()).begun == 1


async def test_a_run_without_an_order_fails_and_does_nothing_else(mill: Mill, world: FakeWorld) -> None:
    world.will("replay_batch", RefusedError("no order to replay has the id 'replay/forged'"))
    handle = await started(mill, "forged")
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert len(world.of("replay_batch")) == 1


async def test_another_blueprint_pauses_it_until_somebody_says_so(mill: Mill, world: FakeWorld) -> None:
    world.will("replay_batch", ConfigurationError("this process has other@1"), ReplayBatchResult(begun=1, total=1))
    handle = await started(mill, "blueprint")
    replays = Replays(mill.client)

    async def paused() -> bool:
        return (await replays.standing(handle.id)).standing == "paused"

    await eventually(paused)
    found = await replays.standing(handle.id)
    assert found.state is not None
    assert found.state.trouble == "this process has other@1"
    await replays.resume(handle.id)
    assert (await handle.result()).begun == 1


async def test_while_it_is_paused_nothing_begins_and_it_can_be_stopped(mill: Mill, world: FakeWorld) -> None:
    held = world.hold("replay_batch", ReplayBatchResult(begun=10, total=10, after=place(10)))
    handle = await started(mill, "paused")
    await held.reached.wait()
    replays = Replays(mill.client)
    await replays.pause(handle.id)
    await replays.rate(handle.id, 50)
    held.let_go()

    async def counted() -> bool:
        state: ReplayState = await handle.query(ReplayWorkflow.progress)
        return state.begun == 10 and state.paused and state.per_second == 50

    await eventually(counted)
    assert len(world.of("replay_batch")) == 1
    await replays.stop(handle.id)
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert (await replays.standing(handle.id)).standing == "canceled"
    assert len(world.of("replay_batch")) == 1


async def test_a_new_rate_counts_while_it_waits_for_the_next_batch(mill: Mill, world: FakeWorld) -> None:
    world.will(
        "replay_batch",
        ReplayBatchResult(begun=1, total=1, after=place(1)),
        ReplayBatchResult(begun=1, total=2),
    )
    handle = await started(mill, "faster", per_second=1 / 3600)

    async def counted() -> bool:
        state: ReplayState = await handle.query(ReplayWorkflow.progress)
        return state.begun == 1

    await eventually(counted)
    replays = Replays(mill.client)
    await replays.rate(handle.id, 1 / 1800)
    await replays.rate(handle.id, 100)

    async def ended() -> bool:
        return (await replays.standing(handle.id)).standing == "completed"

    await eventually(ended)
    assert len(world.of("replay_batch")) == 2, "a slower rate than the one that is wanted begins nothing"


async def test_the_next_run_goes_on_with_its_place(mill: Mill, world: FakeWorld) -> None:
    results = [ReplayBatchResult(begun=1, total=n + 1, after=place(n)) for n in range(ROUNDS_PER_RUN)]
    world.will("replay_batch", *results, ReplayBatchResult())
    handle = await started(mill, "long", per_second=200)
    await handle.result()
    asked: list[Any] = world.requests("replay_batch")
    assert asked[-1].after == place(ROUNDS_PER_RUN - 1)
    assert len({call.workflow_id for call in world.of("replay_batch")}) == 1
    assert len(asked) == ROUNDS_PER_RUN + 1
