"""The journal: it may be slow, broken or away, and no case notices."""

from temporalio.client import WorkflowHandle

from activities.journal.drain import DrainResult
from domain.case import CaseState
from domain.errors import TransientError
from domain.intake import JournalState
from tests.workflows.fake_world import FakeWorld
from tests.workflows.running import Mill, eventually
from workflows import options
from workflows.long_lived.journal import ROUNDS_PER_RUN, JournalWorkflow


async def started(mill: Mill) -> WorkflowHandle:
    return await mill.client.start_workflow(
        JournalWorkflow.run, JournalState(), id=options.JOURNAL_WORKFLOW_ID, task_queue=options.CASES_QUEUE
    )


def outcomes(world: FakeWorld, *answers: DrainResult | Exception) -> None:
    """Have the outbox answer so, then stay empty: the last look at it does not end."""
    world.will("drain_outcomes", *answers)
    world.hold("drain_outcomes")


async def _asked(world: FakeWorld, times: int) -> bool:
    return len(world.of("drain_outcomes")) >= times


async def test_cases_complete_with_every_journal_worker_down(mill: Mill, world: FakeWorld) -> None:
    """No case waits for its line in the journal, and none asks for it."""
    await mill.stop_queue(options.JOURNAL_QUEUE)
    await started(mill)  # its activity waits for a worker meanwhile
    for _ in range(3):
        assert (await mill.run()).state is CaseState.DONE
    assert world.of("drain_outcomes") == []


async def test_journal_survives_failures(mill: Mill, world: FakeWorld) -> None:
    """Nothing that goes wrong ends the journal, and nothing is counted twice."""
    outcomes(world, TransientError("database is locked"), RuntimeError("bug"), DrainResult(written=2))
    await started(mill)
    async with mill.skipping():
        await eventually(lambda: _asked(world, 4))
    assert [c.attempt for c in world.of("drain_outcomes")] == [1, 2, 3, 1]


async def test_next_run_goes_on_counting(mill: Mill, world: FakeWorld) -> None:
    """Before its history grows long the journal begins a new one with the count so far."""
    outcomes(world, *[DrainResult(written=2)] * ROUNDS_PER_RUN)
    first = await started(mill)
    await eventually(lambda: _asked(world, ROUNDS_PER_RUN + 1))
    history = await mill.client.get_workflow_handle(first.id, run_id=first.first_execution_run_id).fetch_history()
    handed_on = history.events[-1].workflow_execution_continued_as_new_event_attributes.input.payloads
    [state] = await mill.client.data_converter.decode(handed_on, [JournalState])
    assert state.written == 2 * ROUNDS_PER_RUN
    assert (await mill.client.get_workflow_handle(first.id).describe()).run_id != first.first_execution_run_id
