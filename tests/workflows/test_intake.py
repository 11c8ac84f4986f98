"""Intake: work is let in at the set pace, until somebody says pause."""

import itertools
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import WorkflowHandle
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from activities.intake.admit import AdmitResult
from domain.errors import TransientError
from domain.intake import IntakeState, IntakeWish, PaceChange
from domain.pacing.pace import ModelSigns
from tests.time_skipping import time_skipping_server
from tests.workflows.fake_world import FakeWorld
from tests.workflows.running import Mill, eventually
from workflows import options
from workflows.intake import REST_AFTER_FAILURE_S, ROUNDS_PER_RUN, IntakeWorkflow

JSON = {"encoding": b"json/plain"}


@pytest_asyncio.fixture(loop_scope="session")
async def env() -> AsyncIterator[WorkflowEnvironment]:
    """A server for each test: it keeps its clock locked for what a workflow that never ends left undone."""
    async with time_skipping_server() as server:
        yield server


async def started(mill: Mill, state: IntakeState) -> WorkflowHandle:
    return await mill.client.start_workflow(
        IntakeWorkflow.run, state, id=options.INTAKE_WORKFLOW_ID, task_queue=options.CASES_QUEUE
    )


async def state_of(handle: WorkflowHandle) -> IntakeState:
    return await handle.query(IntakeWorkflow.state)


def batches(world: FakeWorld, *answers: AdmitResult | Exception) -> None:
    """Have the pen answer so, then stay empty: the last poll does not end."""
    world.will("admit_batch", *answers)
    world.hold("admit_batch")


async def _asked(world: FakeWorld, times: int) -> bool:
    return len(world.of("admit_batch")) >= times


async def _told_to_end(handle: WorkflowHandle) -> bool:
    pending = (await handle.describe()).raw_description.pending_activities
    return [p.state for p in pending] == [PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED]


async def test_broken_pen_is_asked_again_and_again(mill: Mill, world: FakeWorld) -> None:
    """Nothing that goes wrong ends the intake, and nothing is counted twice."""
    batches(world, TransientError("the pen is full"), RuntimeError("bug"), AdmitResult(admitted=3, poison=1))
    handle = await started(mill, IntakeState(per_second=100))
    async with mill.skipping():
        await eventually(lambda: _asked(world, 4))
    assert [c.attempt for c in world.of("admit_batch")] == [1, 2, 3, 1]
    state = await state_of(handle)
    assert (state.admitted, state.poison) == (3, 1)


async def test_batch_that_failed_for_good_does_not_end_the_intake(mill: Mill, world: FakeWorld) -> None:
    batches(world, ApplicationError("no", non_retryable=True), AdmitResult(admitted=2))
    handle = await started(mill, IntakeState(per_second=100))
    async with mill.skipping():
        await eventually(lambda: _asked(world, 3))
    calls = world.of("admit_batch")
    assert (calls[1].asked_at - calls[0].asked_at).total_seconds() >= REST_AFTER_FAILURE_S
    assert (await state_of(handle)).admitted == 2


async def test_poll_cut_off_by_a_pause_may_fail_after_the_resume(mill: Mill, world: FakeWorld) -> None:
    """As when its worker died: the intake goes on all the same."""
    held = world.hold("admit_batch", ApplicationError("its worker died", non_retryable=True))
    world.hold("admit_batch")
    handle = await started(mill, IntakeState())
    await held.reached.wait()
    await handle.signal(IntakeWorkflow.pause)
    await eventually(lambda: _told_to_end(handle))
    await handle.signal(IntakeWorkflow.resume)
    held.let_go()
    await eventually(lambda: _asked(world, 2))
    assert not (await state_of(handle)).paused


async def test_pace_is_kept_by_resting(mill: Mill, world: FakeWorld) -> None:
    """At 2 a second, two seconds pass between full batches of four, unreadable ones included."""
    batches(world, AdmitResult(admitted=4), AdmitResult(admitted=3, poison=1), AdmitResult(admitted=2))
    await started(mill, IntakeState(per_second=2))
    async with mill.skipping():
        await eventually(lambda: _asked(world, 4))
    calls = world.of("admit_batch")
    assert {c.request.limit for c in calls} == {4}
    gaps = [(after.asked_at - before.asked_at).total_seconds() for before, after in itertools.pairwise(calls)]
    for gap, least in zip(gaps, (2.0, 2.0, 1.0), strict=True):
        assert abs(gap - least) < 0.5, f"without a rest they would follow at once: {gaps}"


async def test_new_pace_counts_at_once(mill: Mill, world: FakeWorld) -> None:
    """A slow intake does not finish its long rest first."""
    batches(world, AdmitResult(admitted=1))
    handle = await started(mill, IntakeState(per_second=0.001))
    await eventually(lambda: _asked(world, 1))
    await handle.signal(IntakeWorkflow.set_pace, PaceChange(per_second=50))
    await eventually(lambda: _asked(world, 2))
    assert world.of("admit_batch")[1].request.limit == 100
    assert (await state_of(handle)).per_second == 50


async def test_impossible_pace_changes_nothing(mill: Mill, world: FakeWorld) -> None:
    batches(world)
    handle = await started(mill, IntakeState(per_second=5))
    for pace in (0.0, -1.0, 1e-300, 1e308, float("nan"), float("inf")):
        await handle.signal("set_pace", RawValue(Payload(metadata=JSON, data=f'{{"per_second": {pace}}}'.encode())))
    await eventually(lambda: _asked(world, 1))
    assert (await state_of(handle)).per_second == 5


@pytest.mark.usefixtures("nothing_cached")
async def test_paused_intake_lets_nothing_in_until_resumed(mill: Mill, world: FakeWorld) -> None:
    """Signals before the first batch count as well."""
    batches(world)
    await mill.stop_cases_worker()
    handle = await started(mill, IntakeState())
    await handle.signal(IntakeWorkflow.pause)
    await mill.start_cases_worker()
    assert (await state_of(handle)).paused
    await mill.skip(timedelta(days=2.5))  # a pause is waited out day by day
    assert world.of("admit_batch") == []
    await handle.signal(IntakeWorkflow.resume)
    await eventually(lambda: _asked(world, 1))
    assert not (await state_of(handle)).paused


async def test_pause_cancels_the_long_poll_and_keeps_what_it_let_in(mill: Mill, world: FakeWorld) -> None:
    """A batch that was let in while the pause came is counted; after it nothing more is."""
    held = world.hold("admit_batch", AdmitResult(admitted=2))
    handle = await started(mill, IntakeState())
    await held.reached.wait()
    await handle.signal(IntakeWorkflow.pause)
    await eventually(lambda: _told_to_end(handle))
    assert (await state_of(handle)).taking
    held.let_go()

    async def counted() -> bool:
        state = await state_of(handle)
        return state.paused and not state.taking and state.admitted == 2

    await eventually(counted)
    await mill.skip(timedelta(hours=1))
    assert len(world.of("admit_batch")) == 1


async def test_pace_and_pause_are_kept_where_they_outlive_temporal(mill: Mill, world: FakeWorld) -> None:
    """Also a wish that comes while another is kept; what nobody wished is not kept."""
    handle = await started(mill, IntakeState(per_second=5, paused=True))
    assert (await state_of(handle)).paused
    assert world.of("keep_wish") == []
    held = world.hold("keep_wish")
    await handle.signal(IntakeWorkflow.set_pace, PaceChange(per_second=7))
    await eventually(lambda: _kept(world, 1))
    await handle.signal(IntakeWorkflow.set_pace, PaceChange(per_second=9))
    held.let_go()
    await eventually(lambda: _kept(world, 2))
    wishes = [IntakeWish(per_second=pace, paused=True) for pace in (7, 9)]
    assert world.requests("keep_wish") == wishes
    await eventually(lambda: _all_kept(handle))


async def test_a_store_that_is_away_gets_the_wish_later(mill: Mill, world: FakeWorld) -> None:
    world.always("keep_wish", TransientError("the database is locked"))
    handle = await started(mill, IntakeState(paused=True))
    await handle.signal(IntakeWorkflow.set_pace, PaceChange(per_second=3))
    await eventually(lambda: _kept(world, 1))
    assert (await state_of(handle)).per_second == 3
    async with mill.skipping():
        await eventually(lambda: _kept(world, 8))  # beyond one budget
        world.usually("keep_wish")
        await eventually(lambda: _all_kept(handle))
    assert world.requests("keep_wish")[-1] == IntakeWish(per_second=3, paused=True)


async def test_a_pace_that_finds_itself_falls_and_grows_until_somebody_sets_one(mill: Mill, world: FakeWorld) -> None:
    world.will("look_at_models", ModelSigns(trouble="m says to wait", slowest=1, fastest=61))
    world.will("admit_batch", AdmitResult(admitted=40), AdmitResult(admitted=20), AdmitResult(admitted=20))
    world.hold("admit_batch")
    handle = await started(mill, IntakeState(per_second=20, auto=True))
    await eventually(lambda: _looked(handle))
    state = await state_of(handle)
    assert (state.per_second, state.why) == (10, "m says to wait")
    await handle.signal(IntakeWorkflow.set_pace, PaceChange(per_second=7))
    state = await state_of(handle)
    assert (state.per_second, state.auto, state.why) == (7, False, "")
    await handle.signal(IntakeWorkflow.auto_pace)
    assert (await state_of(handle)).auto


async def test_a_pace_set_by_hand_is_left_alone_and_a_store_that_is_away_changes_nothing(
    mill: Mill, world: FakeWorld
) -> None:
    world.always("look_at_models", TransientError("the database is locked"))
    batches(world, AdmitResult(admitted=40))
    handle = await started(mill, IntakeState(per_second=20, auto=True))
    await eventually(lambda: _looked_in_vain(world))
    assert (await state_of(handle)).per_second == 20


async def _looked(handle: WorkflowHandle) -> bool:
    return bool((await state_of(handle)).why)


async def _looked_in_vain(world: FakeWorld) -> bool:
    return len(world.of("look_at_models")) >= 1 and len(world.of("admit_batch")) >= 1


async def _kept(world: FakeWorld, times: int) -> bool:
    return len(world.of("keep_wish")) >= times


async def _all_kept(handle: WorkflowHandle) -> bool:
    return not (await state_of(handle)).unkept


async def test_next_run_goes_on_where_the_last_one_ended(mill: Mill, world: FakeWorld) -> None:
    """Before its history grows long the intake begins a new one with counts and pace."""
    batches(world, AdmitResult(admitted=1, poison=1), *[AdmitResult()] * (ROUNDS_PER_RUN - 1))
    first = await started(mill, IntakeState(per_second=9_000))
    await eventually(lambda: _asked(world, ROUNDS_PER_RUN + 1))
    latest = mill.client.get_workflow_handle(options.INTAKE_WORKFLOW_ID)
    assert (await latest.describe()).run_id != first.first_execution_run_id
    assert await state_of(latest) == IntakeState(per_second=9_000, taking=True, admitted=1, poison=1)
