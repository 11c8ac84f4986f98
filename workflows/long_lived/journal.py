"""The journal: outcomes are moved from the outbox into the journal, while no case waits for it."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.journal.drain import DrainRequest, DrainResult, JournalActivities
    from domain.intake import JournalState
    from workflows import options

BATCH = 200
IDLE_S = 0.5
LOOK_S = 60.0  # one activity looks at the outbox for so long: an idle day is 1,440 of them
ROUNDS_PER_RUN = 500


@workflow.defn
class JournalWorkflow:
    """Lives for ever by continuing as new; may fail or stand still without any case noticing."""

    @workflow.run
    async def run(self, state: JournalState) -> None:
        """Drain the outbox."""
        for _ in range(ROUNDS_PER_RUN):
            if workflow.info().is_continue_as_new_suggested():
                break
            workflow.set_current_details(f"**{state.written} outcomes written**")
            result: DrainResult = await workflow.execute_activity_method(
                JournalActivities.drain_outcomes,
                DrainRequest(batch=BATCH, idle_s=IDLE_S, max_s=LOOK_S),
                task_queue=options.JOURNAL_QUEUE,
                start_to_close_timeout=timedelta(seconds=4 * LOOK_S),
                heartbeat_timeout=options.HEARTBEAT,
                retry_policy=options.NEVER_GIVE_UP,
                summary="write outcomes into the journal",
            )
            state = JournalState(written=state.written + result.written)
        workflow.continue_as_new(state)
