"""Words to people: the hook may be down, the worker may be away; the stream goes on, and is one."""

from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowHandle

from activities.actions.tell import TellResult
from client.starting import ensure_tell
from domain.case import CaseState
from domain.errors import TransientError
from domain.words_to_people import TellState
from tests.workflows.fake_world import FakeWorld
from tests.workflows.running import Mill, eventually, timers_of
from workflows import options
from workflows.long_lived.tell import ROUNDS_PER_RUN


async def started(mill: Mill) -> WorkflowHandle[Any, Any]:
    await ensure_tell(mill.client)
    return mill.client.get_workflow_handle(options.TELL_WORKFLOW_ID)


def looks(world: FakeWorld, *answers: TellResult | Exception) -> None:
    """Have the looks at the outbox end so; the last one does not end."""
    world.will("tell_people", *answers)
    world.hold("tell_people")


async def _asked(world: FakeWorld, times: int) -> bool:
    return len(world.of("tell_people")) >= times


async def test_after_a_failure_it_waits_as_long_as_it_was_told_and_goes_on(mill: Mill, world: FakeWorld) -> None:
    looks(
        world,
        TellResult(failures=1, wait_s=1.0, trouble="TransientError: answered 503"),
        TellResult(failures=2, wait_s=77.0, trouble="ToldToWaitError: answered 429"),
        TellResult(told=5),
    )
    handle = await started(mill)
    async with mill.skipping():
        await eventually(lambda: _asked(world, 4))
    assert await timers_of(handle) == [1.0, 77.0]
    asked = world.of("tell_people")
    assert [call.request.failures for call in asked] == [0, 1, 2, 0]
    assert asked[2].asked_at - asked[1].at >= timedelta(seconds=77)


async def test_the_pace_goes_on_from_one_look_to_the_next(mill: Mill, world: FakeWorld) -> None:
    """Whichever worker takes the next look, it knows when the last messages were sent."""
    sent_at = [await mill.env.get_current_time()]
    looks(world, TellResult(told=1, sent_at=sent_at))
    await started(mill)
    await eventually(lambda: _asked(world, 2))
    assert world.requests("tell_people")[1].sent_at == sent_at


async def test_nothing_that_goes_wrong_ends_it(mill: Mill, world: FakeWorld) -> None:
    looks(world, TransientError("database is locked"), RuntimeError("bug"), TellResult(told=2))
    await started(mill)
    async with mill.skipping():
        await eventually(lambda: _asked(world, 4))
    assert [c.attempt for c in world.of("tell_people")] == [1, 2, 3, 1]


async def test_two_action_workers_are_one_stream(mill: Mill, world: FakeWorld) -> None:
    """Each starts it when it comes up; the second finds it running, and one look at a time is under way."""
    held = world.hold("tell_people", TellResult(told=1))
    first = await started(mill)
    await held.reached.wait()
    run_id = (await first.describe()).run_id
    await ensure_tell(mill.client)
    assert (await first.describe()).run_id == run_id
    assert len(world.of("tell_people")) == 1


async def test_no_case_waits_for_the_chat(mill: Mill, world: FakeWorld) -> None:
    looks(world, *[TellResult(failures=n, wait_s=300.0, trouble="answered 503") for n in range(1, 5)])
    await started(mill)
    assert (await mill.run()).state is CaseState.DONE


async def test_next_run_goes_on_with_its_state(mill: Mill, world: FakeWorld) -> None:
    """Before its history grows long it begins a new one."""
    looks(world, *[TellResult(told=2, failures=3)] * ROUNDS_PER_RUN)
    first = await started(mill)
    run_id = (await first.describe()).run_id
    await eventually(lambda: _asked(world, ROUNDS_PER_RUN + 1))
    history = await mill.client.get_workflow_handle(first.id, run_id=run_id).fetch_history()
    handed_on = history.events[-1].workflow_execution_continued_as_new_event_attributes.input.payloads
    [state] = await mill.client.data_converter.decode(handed_on, [TellState])
    assert (state.told, state.failures) == (2 * ROUNDS_PER_RUN, 3)
