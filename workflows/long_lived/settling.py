"""Payments that the provider called pending: it is asked again until it says what became of them."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.actions.settle import LookRequest, LookResult, SettlingActivities
    from domain.money.effect import SettlingState
    from workflows import options

LOOK_EVERY = timedelta(minutes=10)
LOOK_WITHIN = timedelta(minutes=10)  # twenty questions of at most fifteen seconds each, and the store
ROUNDS_PER_RUN = 500


@workflow.defn
class SettlingWorkflow:
    """Lives for ever by continuing as new. It is the only one, so that no two workers ask about the same."""

    @workflow.run
    async def run(self, state: SettlingState) -> None:
        """Look at what is pending, and rest where there is no more."""
        for _ in range(ROUNDS_PER_RUN):
            if workflow.info().is_continue_as_new_suggested():
                break
            workflow.set_current_details(f"**{state.settled} refunds arrived late, {state.failed} failed**")
            result: LookResult = await workflow.execute_activity_method(
                SettlingActivities.look_at_pending,
                LookRequest(),
                task_queue=options.ACTIONS_QUEUE,
                start_to_close_timeout=LOOK_WITHIN,
                heartbeat_timeout=options.HEARTBEAT,
                retry_policy=options.NEVER_GIVE_UP,
                summary="ask what became of pending refunds",
            )
            state = SettlingState(settled=state.settled + result.settled, failed=state.failed + result.failed)
            if not result.more:
                await workflow.sleep(LOOK_EVERY, summary="until the next look at pending refunds")
        workflow.continue_as_new(state)
