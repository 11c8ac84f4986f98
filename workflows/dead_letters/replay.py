"""Replays of many dead letters at a rate: it goes on whoever closes the command that asked for it."""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.actions.replay import ReplayActivities, ReplayBatchRequest, ReplayBatchResult
    from domain.case_details import plain, told
    from domain.dead_letters.replaying import ReplayState, batch_size, goes_round_again, is_possible_rate
    from domain.errors import RefusedError
    from domain.intake import PaceChange, rest_s
    from workflows import options
    from workflows.failures import is_of

BATCH_WITHIN = timedelta(minutes=5)  # a case that is at its ending is waited for, ten seconds each
ROUNDS_PER_RUN = 400  # about 10 events each: well below the warning at 10,240
NEXT_PASS_S = 30.0
DAY = timedelta(days=1)


@workflow.defn
class ReplayWorkflow:
    """One run for an order on record, under the order's id. Paused and resumed by signal, stopped by cancelling it."""

    @workflow.init
    def __init__(self, state: ReplayState) -> None:
        self._state = state
        self.notices = state.notices  # of messages that do not fit
        self._rates = 0  # how often the rate was changed in this run

    @workflow.run
    async def run(self, state: ReplayState) -> ReplayState:
        """Begin letters until there are no more; return how many were begun."""
        self._show()
        ended = await self._rounds()
        await workflow.wait_condition(workflow.all_handlers_finished)
        if not ended:
            workflow.continue_as_new(self._state)
        return self._state

    async def _rounds(self) -> bool:
        """Begin batches; return whether there are no more letters, or only that this run is long enough."""
        for _ in range(ROUNDS_PER_RUN):
            if workflow.info().is_continue_as_new_suggested():
                return False
            if self._state.paused:
                await self._rest(DAY, until_resumed=True)
                continue
            started = workflow.now()
            result = await self._batch()
            if result is None:
                continue
            self._take(result)
            tried = result.begun + result.put_off
            earliest = started
            if result.after is None:
                if not goes_round_again(self._state):
                    return True
                self._state.begun_in_pass, self._state.put_off = 0, 0
                self._state.passes += 1
                earliest = workflow.now() + timedelta(seconds=NEXT_PASS_S)
            await self._keep_rate(tried, started, earliest)
        return False

    async def _keep_rate(self, tried: int, started: datetime, earliest: datetime) -> None:
        """Wait before the next batch as the rate says, the new one where it is changed meanwhile."""
        changed = True
        while changed:
            rest = rest_s(tried, self._state.per_second, (workflow.now() - started).total_seconds())
            rest = max(rest, (earliest - workflow.now()).total_seconds())
            changed = rest > 0 and await self._rest(timedelta(seconds=rest))

    async def _batch(self) -> ReplayBatchResult | None:
        """Begin a batch; None where it cannot be begun as things stand: then somebody has to look, and it is paused."""
        try:
            result: ReplayBatchResult = await workflow.execute_activity_method(
                ReplayActivities.replay_batch,
                ReplayBatchRequest(
                    replay_id=self._state.replay_id,
                    after=self._state.after,
                    limit=batch_size(self._state.per_second),
                ),
                task_queue=options.ACTIONS_QUEUE,
                start_to_close_timeout=BATCH_WITHIN,
                heartbeat_timeout=options.HEARTBEAT,
                retry_policy=options.NEVER_GIVE_UP,
                summary="begin a batch of dead letters",
            )
        except ActivityError as error:
            if is_cancelled_exception(error) or is_of(error, RefusedError):  # nobody ordered it
                raise
            self._state.trouble = str(getattr(error.cause, "message", error))[:300]
            self._state.paused = True
            workflow.logger.error("the replay %s is paused: %s", self._state.replay_id, self._state.trouble)
            self._show()
            return None
        return result

    def _take(self, result: ReplayBatchResult) -> None:
        state = self._state
        state.begun_in_pass += result.begun
        state.begun = result.total
        state.passed_over += result.passed_over
        state.put_off += result.put_off
        state.trouble = result.trouble or state.trouble
        state.after = result.after
        self._show()

    async def _rest(self, duration: timedelta, *, until_resumed: bool = False) -> bool:
        """Wait, but no longer than until somebody pauses, resumes or changes the rate; return whether that was it."""
        was_paused, rates = self._state.paused, self._rates
        try:
            await workflow.wait_condition(
                lambda: self._state.paused is not was_paused or (self._rates != rates and not until_resumed),
                timeout=duration,
                timeout_summary="paused" if until_resumed else "keeping the rate",
            )
        except TimeoutError:
            return False
        return self._state.paused is was_paused

    @workflow.signal
    def pause(self) -> None:
        """Begin no more letters after the batch that is under way."""
        self._state.paused = True
        self._show()

    @workflow.signal
    def resume(self) -> None:
        """Go on."""
        self._state.paused = False
        self._state.trouble = ""
        self._show()

    @workflow.signal
    def set_rate(self, change: PaceChange) -> None:
        """Begin so many per second from now on; a rate that nobody can keep changes nothing."""
        if is_possible_rate(change.per_second):
            self._state.per_second = change.per_second
            if workflow.patched("a-new-rate-counts-at-once"):
                self._rates += 1
            self._show()

    @workflow.query
    def progress(self) -> ReplayState:
        """Return how far it has come."""
        return self._state

    def _show(self) -> None:
        s = self._state
        doing = "paused" if s.paused else f"up to {s.per_second:g} letters per second"
        rows = [("trouble", plain(s.trouble))] if s.trouble else []
        rows += [("note", note) for note in self.notices]
        workflow.set_current_details(told(f"**{doing}** — {s.begun} begun, {s.put_off} put off", rows))
