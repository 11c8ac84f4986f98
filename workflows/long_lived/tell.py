"""Words to people: they are told from the outbox, while no case waits for a chat."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.actions.tell import TellActivities, TellRequest, TellResult
    from domain.case_details import plain
    from domain.words_to_people import TellState
    from workflows import options

LOOK_S = 60.0  # one activity looks at the outbox for so long
ROUNDS_PER_RUN = 500


@workflow.defn
class TellWorkflow:
    """Lives for ever by continuing as new. It is the only one, so that no two workers tell the same."""

    @workflow.run
    async def run(self, state: TellState) -> None:
        """Tell what waits; after a failure wait ever longer, or as long as the hook said."""
        for _ in range(ROUNDS_PER_RUN):
            if workflow.info().is_continue_as_new_suggested():
                break
            workflow.set_current_details(f"**{state.told} words told**")
            result: TellResult = await workflow.execute_activity_method(
                TellActivities.tell_people,
                TellRequest(max_s=LOOK_S, failures=state.failures, sent_at=state.sent_at),
                task_queue=options.ACTIONS_QUEUE,
                start_to_close_timeout=timedelta(seconds=4 * LOOK_S),
                heartbeat_timeout=options.HEARTBEAT,
                retry_policy=options.NEVER_GIVE_UP,
                summary="tell people what waits for them",
            )
            state = TellState(told=state.told + result.told, failures=result.failures, sent_at=result.sent_at)
            if result.wait_s > 0:
                await self._wait(state, result)
        workflow.continue_as_new(state)

    async def _wait(self, state: TellState, result: TellResult) -> None:
        waiting = f"try {state.failures} in vain, the next in {result.wait_s:g} s: {result.trouble}"
        workflow.logger.warning("%s", waiting)
        workflow.set_current_details(f"**{state.told} words told** — {plain(waiting)}")
        await workflow.sleep(timedelta(seconds=result.wait_s), summary=waiting[:200])
