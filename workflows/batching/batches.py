"""Batches of questions that may wait: sent and looked after at a durable beat."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.models.tending import BatchActivities, TendRequest, TendResult
    from domain.batches.going import BatchesState
    from domain.model_call import Tier
    from workflows import options

TEND_WITHIN = timedelta(minutes=30)  # a few calls about each batch, of four minutes at most
ROUNDS_PER_RUN = 500


@workflow.defn
class BatchesWorkflow:
    """Lives for ever by continuing as new. It is the only one; two that tend at once would do no harm."""

    @workflow.run
    async def run(self, state: BatchesState) -> None:
        """Tend, and rest as long as the blueprint says."""
        for _ in range(ROUNDS_PER_RUN):
            if workflow.info().is_continue_as_new_suggested():
                break
            workflow.set_current_details(f"**{state.sent} batches sent, {state.ended} ended**")
            result: TendResult = await workflow.execute_activity_method(
                BatchActivities.tend_batches,
                TendRequest(),
                task_queue=options.MODEL_QUEUES[Tier.SMALL],
                start_to_close_timeout=TEND_WITHIN,
                heartbeat_timeout=options.HEARTBEAT,
                retry_policy=options.NEVER_GIVE_UP,
                summary="send batches, and look after those under way",
            )
            state = BatchesState(sent=state.sent + result.sent, ended=state.ended + result.ended)
            await workflow.sleep(timedelta(seconds=result.next_s), summary="until the next look at batches")
        workflow.continue_as_new(state)
