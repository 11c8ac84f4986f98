"""What lives for ever: intake, journal and words to people, each played for its history."""

from datetime import UTC, datetime

from temporalio.api.enums.v1 import PendingActivityState

from activities.actions.replay import ReplayBatchResult
from activities.actions.settle import LookResult
from activities.actions.tell import TellResult
from activities.intake.admit import AdmitResult
from activities.journal.drain import DrainResult
from activities.models.tending import TendResult
from domain.batches.going import BatchesState
from domain.dead_letters.choosing import Cursor
from domain.dead_letters.replaying import ReplayState
from domain.intake import IntakeState, JournalState, PaceChange
from domain.money.effect import SettlingState
from domain.words_to_people import TellState
from tests.histories.scenarios import Recorded
from tests.workflows.fake_world import FakeWorld
from tests.workflows.running import Mill, eventually
from workflows import options
from workflows.batching.batches import BatchesWorkflow
from workflows.dead_letters.replay import ReplayWorkflow
from workflows.intake import IntakeWorkflow
from workflows.long_lived.journal import JournalWorkflow
from workflows.long_lived.settling import SettlingWorkflow
from workflows.long_lived.tell import TellWorkflow

# --- what lives for ever -----------------------------------------------------------------------------------------


async def intake(mill: Mill, world: FakeWorld) -> Recorded:
    """A batch, a rest that keeps the pace, a pause that comes while polling, another pace, and on it goes."""
    world.will("admit_batch", AdmitResult(admitted=3, poison=1))
    polling = world.hold("admit_batch", AdmitResult(admitted=2))
    resumed = world.hold("admit_batch")
    handle = await mill.client.start_workflow(
        IntakeWorkflow.run,
        IntakeState(per_second=4),
        id=options.INTAKE_WORKFLOW_ID,
        task_queue=options.CASES_QUEUE,
    )
    await polling.reached.wait()
    await handle.signal(IntakeWorkflow.pause)

    async def told_to_end() -> bool:  # until then the test server takes the end of the poll amiss
        pending = (await handle.describe()).raw_description.pending_activities
        return [p.state for p in pending] == [PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED]

    await eventually(told_to_end)
    polling.let_go()

    async def paused() -> bool:
        state: IntakeState = await handle.query(IntakeWorkflow.state)
        return state.paused and state.admitted == 5

    await eventually(paused)
    await handle.signal(IntakeWorkflow.set_pace, PaceChange(per_second=50))
    await handle.signal(IntakeWorkflow.resume)
    await resumed.reached.wait()
    return {"intake_wishes_kept": handle.id}


async def journal(mill: Mill, world: FakeWorld) -> Recorded:
    world.will("drain_outcomes", DrainResult(written=2), DrainResult(written=0))
    third = world.hold("drain_outcomes")
    handle = await mill.client.start_workflow(
        JournalWorkflow.run, JournalState(), id=options.JOURNAL_WORKFLOW_ID, task_queue=options.CASES_QUEUE
    )
    await third.reached.wait()
    return {"journal": handle.id}


async def settling(mill: Mill, world: FakeWorld) -> Recorded:
    """Many are asked about, it rests, and on it goes."""
    world.will("look_at_pending", LookResult(settled=20, more=True), LookResult(failed=1))
    third = world.hold("look_at_pending")
    handle = await mill.client.start_workflow(
        SettlingWorkflow.run, SettlingState(), id=options.SETTLING_WORKFLOW_ID, task_queue=options.CASES_QUEUE
    )
    async with mill.skipping():
        await third.reached.wait()
    return {"settling": handle.id}


async def batches(mill: Mill, world: FakeWorld) -> Recorded:
    """A batch is sent, and ends."""
    world.will("tend_batches", TendResult(sent=1, next_s=60.0), TendResult(ended=1, next_s=60.0))
    third = world.hold("tend_batches")
    handle = await mill.client.start_workflow(
        BatchesWorkflow.run, BatchesState(), id=options.BATCHES_WORKFLOW_ID, task_queue=options.CASES_QUEUE
    )
    async with mill.skipping():
        await third.reached.wait()
    return {"batches": handle.id}


async def tell(mill: Mill, world: FakeWorld) -> Recorded:
    """Words are told, the hook is down for a while, and on it goes."""
    now = await mill.env.get_current_time()
    world.will(
        "tell_people",
        TellResult(told=3, sent_at=[now]),
        TellResult(failures=1, wait_s=1.0, trouble="TransientError: answered 503", sent_at=[now]),
        TellResult(failures=2, wait_s=2.0, trouble="TransientError: answered 503", sent_at=[now]),
    )
    fourth = world.hold("tell_people")
    handle = await mill.client.start_workflow(
        TellWorkflow.run, TellState(), id=options.TELL_WORKFLOW_ID, task_queue=options.CASES_QUEUE
    )
    async with mill.skipping():
        await fourth.reached.wait()
    return {"tell": handle.id}


async def replays(mill: Mill, world: FakeWorld) -> Recorded:
    """Two batches at a rate, one letter put off, a pause that comes meanwhile, and the round for that letter."""
    place = Cursor(at=datetime(2026, 1, 5, 9, tzinfo=UTC), dead_letter_id="case/shop/e8/dead/1")
    world.will(
        "replay_batch",
        ReplayBatchResult(begun=8, total=8, after=place),
        ReplayBatchResult(begun=1, put_off=1, total=9, trouble="case/shop/e9/dead/1: has not ended yet"),
    )
    third = world.hold("replay_batch", ReplayBatchResult(begun=1, total=10))
    state = ReplayState(replay_id="replay/r1", per_second=4)
    handle = await mill.client.start_workflow(
        ReplayWorkflow.run, state, id=state.replay_id, task_queue=options.CASES_QUEUE
    )
    async with mill.skipping():
        await third.reached.wait()
    await handle.signal(ReplayWorkflow.pause)
    await handle.signal(ReplayWorkflow.set_rate, PaceChange(per_second=20))
    third.let_go()
    await handle.result()
    return {"replay_of_many": handle.id}
