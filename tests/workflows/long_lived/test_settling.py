"""Pending refunds: one stream of questions, with rests, for ever."""

from typing import Any

from temporalio.client import WorkflowHandle

from activities.actions.settle import LookResult
from client.starting import ensure_settling
from domain.errors import TransientError
from domain.money.effect import SettlingState
from tests.workflows.fake_world import FakeWorld
from tests.workflows.running import Mill, eventually, timers_of
from workflows import options
from workflows.long_lived.settling import LOOK_EVERY, ROUNDS_PER_RUN


async def started(mill: Mill) -> WorkflowHandle[Any, Any]:
    await ensure_settling(mill.client)
    return mill.client.get_workflow_handle(options.SETTLING_WORKFLOW_ID)


async def _asked(world: FakeWorld, times: int) -> bool:
    return len(world.of("look_at_pending")) >= times


async def test_it_rests_only_where_there_is_no_more_and_nothing_ends_it(mill: Mill, world: FakeWorld) -> None:
    world.will("look_at_pending", LookResult(settled=20, more=True), TransientError("locked"), LookResult(failed=1))
    world.hold("look_at_pending")
    handle = await started(mill)
    async with mill.skipping():
        await eventually(lambda: _asked(world, 4))
    assert await timers_of(handle) == [LOOK_EVERY.total_seconds()]
    assert [call.attempt for call in world.of("look_at_pending")] == [1, 1, 2, 1]


async def test_two_action_workers_are_one_stream(mill: Mill, world: FakeWorld) -> None:
    held = world.hold("look_at_pending", LookResult())
    first = await started(mill)
    await held.reached.wait()
    run_id = (await first.describe()).run_id
    await ensure_settling(mill.client)
    assert (await first.describe()).run_id == run_id
    assert len(world.of("look_at_pending")) == 1


async def test_next_run_goes_on_with_its_state(mill: Mill, world: FakeWorld) -> None:
    world.will("look_at_pending", *[LookResult(settled=1, failed=2, more=True)] * ROUNDS_PER_RUN)
    world.hold("look_at_pending")
    first = await started(mill)
    run_id = (await first.describe()).run_id
    await eventually(lambda: _asked(world, ROUNDS_PER_RUN + 1))
    history = await mill.client.get_workflow_handle(first.id, run_id=run_id).fetch_history()
    handed_on = history.events[-1].workflow_execution_continued_as_new_event_attributes.input.payloads
    [state] = await mill.client.data_converter.decode(handed_on, [SettlingState])
    assert state == SettlingState(settled=ROUNDS_PER_RUN, failed=2 * ROUNDS_PER_RUN)
