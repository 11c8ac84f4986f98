"""Intake: lets work in from the holding pen at the set pace."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.intake.admit import AdmitActivities, AdmitRequest, AdmitResult
    from activities.intake.signs import ModelsLookRequest, SignsActivities
    from activities.intake.wish import WishActivities
    from domain.case_details import told
    from domain.intake import IntakeState, IntakeWish, PaceChange, batch_size, is_possible_pace, rest_s
    from domain.pacing.pace import FALL_EVERY_S, LOOK_EVERY_S, next_pace
    from workflows import options

LONG_POLL_S = 5.0
LEASE_S = 60.0
HEARTBEAT = timedelta(seconds=5)  # a killed intake worker's batch is given up after so long
REST_AFTER_FAILURE_S = 10.0
KEEP_WITHIN = timedelta(seconds=20)  # of the store, to keep a wish; while it is away nothing could be let in either
KEEP_AGAIN_S = 60.0
LOOK_WITHIN = timedelta(seconds=10)
ROUNDS_PER_RUN = 400  # about 10 events each: well below the warning at 10,240


@workflow.defn
class IntakeWorkflow:
    """One per inbox; lives for ever by continuing as new. Paused, resumed and re-paced by signal."""

    @workflow.init
    def __init__(self, state: IntakeState) -> None:
        self._state = state
        self._changed = 0
        self.notices = state.notices  # of messages that do not fit

    @workflow.run
    async def run(self, state: IntakeState) -> None:
        """Admit batches; while paused, wait."""
        self._show()
        for _ in range(ROUNDS_PER_RUN):
            if workflow.info().is_continue_as_new_suggested():
                break
            if self._state.unkept and workflow.patched("keep-wish") and await self._keep_wish():
                continue  # somebody may have changed it meanwhile
            if self._state.paused:
                rest = KEEP_AGAIN_S if self._state.unkept else timedelta(days=1).total_seconds()
                await self._rest(rest, until_resumed=True)
                continue
            started = workflow.now()
            result = await self._admit()
            if result is None:
                continue
            self._state.admitted += result.admitted
            self._state.poison += result.poison
            if self._state.auto and workflow.patched("find-pace"):
                await self._find_pace(used=result.admitted + result.poison >= batch_size(self._state.per_second))
            rest = rest_s(
                result.admitted + result.poison, self._state.per_second, (workflow.now() - started).total_seconds()
            )
            if rest > 0:
                await self._rest(rest)
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(self._state)

    async def _keep_wish(self) -> bool:
        """Keep pace and pause in the store, for the day on which Temporal's state is lost; return whether it took them.

        Work is let in by them whether the store has them or not.
        """
        self._state.unkept = False  # a change that comes meanwhile sets it again
        try:
            await workflow.execute_activity_method(
                WishActivities.keep_wish,
                IntakeWish(per_second=self._state.per_second, paused=self._state.paused, auto=self._state.auto),
                task_queue=options.INTAKE_QUEUE,
                start_to_close_timeout=KEEP_WITHIN / 2,
                schedule_to_close_timeout=KEEP_WITHIN,
                retry_policy=options.NEVER_GIVE_UP,
                summary="keep pace and pause",
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self._state.unkept = True
            workflow.logger.warning("pace and pause are not in the store yet: %s", error.cause or error)
            return False
        return True

    async def _find_pace(self, *, used: bool) -> None:
        """Look at the models now and then, and change the pace by how they are; while nobody can look it stays."""
        now, seen = workflow.now(), self._changed
        looked_at = self._state.looked_at
        if looked_at is not None and (now - looked_at).total_seconds() < LOOK_EVERY_S:
            return
        self._state.looked_at = now
        try:
            signs = await workflow.execute_activity_method(
                SignsActivities.look_at_models,
                ModelsLookRequest(),
                task_queue=options.INTAKE_QUEUE,
                start_to_close_timeout=LOOK_WITHIN / 2,
                schedule_to_close_timeout=LOOK_WITHIN,
                retry_policy=options.ONE_TRY,
                summary="look how the models are",
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.warning("how the models are is not known: %s", error.cause or error)
            return
        if self._changed != seen or not self._state.auto:  # somebody set a pace meanwhile
            return
        fell_at = self._state.fell_at
        since_fall_s = FALL_EVERY_S if fell_at is None else (now - fell_at).total_seconds()
        pace, why = next_pace(self._state.per_second, signs, used=used, since_fall_s=since_fall_s)
        if why:
            fell_at = now if pace < self._state.per_second else fell_at
            changed = {"per_second": pace, "why": why, "changed_at": now, "fell_at": fell_at}
            self._state = self._state.model_copy(update=changed)

    async def _admit(self) -> AdmitResult | None:
        """Admit one batch; None if a pause came in between, or if it failed for good: the next one is on its way."""
        task = asyncio.create_task(
            workflow.execute_activity_method(
                AdmitActivities.admit_batch,
                AdmitRequest(limit=batch_size(self._state.per_second), wait_s=LONG_POLL_S, lease_s=LEASE_S),
                task_queue=options.INTAKE_QUEUE,
                start_to_close_timeout=timedelta(seconds=LEASE_S),
                heartbeat_timeout=HEARTBEAT,
                retry_policy=options.NEVER_GIVE_UP,
                cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                summary="let a batch in",
            )
        )
        self._state.taking = True
        result = await self._result_of(task)
        self._state.taking = False  # not in a `finally`: an evicted workflow's coroutine is closed outside its loop
        self._show()
        return result

    async def _result_of(self, task: "asyncio.Task[AdmitResult]") -> AdmitResult | None:
        await workflow.wait_condition(lambda: task.done() or self._state.paused)
        paused = not task.done()
        if paused:
            task.cancel()
        try:
            return await task
        except ActivityError as error:
            # Cut off by a pause, it may also end as timed out: its worker may be dead. Somebody may have resumed since.
            if not paused:
                if is_cancelled_exception(error):
                    raise
                workflow.logger.error("a batch was not let in: %s", error.cause or error)
                await self._rest(REST_AFTER_FAILURE_S)
            return None

    async def _rest(self, seconds: float, *, until_resumed: bool = False) -> None:
        """Wait, but no longer than until the next signal that changes something."""
        seen = self._changed
        try:
            await workflow.wait_condition(
                lambda: self._changed != seen,
                timeout=timedelta(seconds=seconds),
                timeout_summary="paused" if until_resumed else "keeping the pace",
            )
        except TimeoutError:
            return

    @workflow.signal
    def pause(self) -> None:
        """Let nothing more in."""
        self._change(self._state.model_copy(update={"paused": True}))

    @workflow.signal
    def resume(self) -> None:
        """Go on letting in."""
        self._change(self._state.model_copy(update={"paused": False}))

    @workflow.signal
    def set_pace(self, change: PaceChange) -> None:
        """Let in so many per second from now on, until `auto_pace`; a pace that cannot be changes nothing."""
        if is_possible_pace(change.per_second):
            by_hand = {"per_second": change.per_second, "auto": False, "why": "", "changed_at": None}
            self._change(self._state.model_copy(update=by_hand))

    @workflow.signal
    def auto_pace(self) -> None:
        """Find the pace by how the models are, from the one that is kept now."""
        self._change(self._state.model_copy(update={"auto": True}))

    @workflow.query
    def state(self) -> IntakeState:
        """Return pace, pause and counts."""
        return self._state

    def _change(self, state: IntakeState) -> None:
        self._state = state.model_copy(update={"unkept": True})
        self._changed += 1
        self._show()

    def _show(self) -> None:
        s = self._state
        pause = "pausing, a batch is still coming in" if s.taking else "paused"
        doing = pause if s.paused else f"up to {s.per_second:g} cases per second"
        rows = [("note", note) for note in self.notices]
        workflow.set_current_details(told(f"**{doing}** — {s.admitted} admitted, {s.poison} unreadable", rows))
