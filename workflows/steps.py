"""One step of a workflow, with the blueprint's ladder of retries below it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
    FailureError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from activities.actions.alert import AlertRequest
    from activities.actions.bury import BuryActivities
    from activities.actions.pay import PayActivities, SettleRequest, SettleResult
    from activities.errors import failure_of, usage_of
    from domain.deadletter import Attempt, FailedStep, next_rung
    from domain.errors import FailureKind
    from domain.model_call import Usage
    from domain.story import plain
    from workflows import options

Result = TypeVar("Result")
STEP_FAILED = "StepFailed"
PAY_STEP = "pay the refund"


async def on_ladder(step: str, ladder_s: list[float], call: Callable[[], Awaitable[Result]]) -> Result:
    """Run a step; after a transient failure wait exactly as the ladder says and try again.

    Raises:
        ApplicationError: of type `StepFailed` with a `FailedStep` as its detail, when the ladder is used up or
            the failure is of a kind that waiting does not mend.
    """
    attempts: list[Attempt] = []
    while True:
        stop_if_cancelled()
        try:
            return await call()
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            stop_if_cancelled()
            kind, error_type, message = failure_of(error)
            attempts.append(Attempt(step=step, error_type=error_type, message=message[:500], at=workflow.now()))
            rung = next_rung(ladder_s, len(attempts)) if kind is FailureKind.TRANSIENT else None
            if rung is None:
                failed = FailedStep(
                    step=step, kind=kind, message=message[:500], attempts=attempts, usage=usage_of(error)
                )
                raise step_error(message, failed) from error
            told = f"{step}: try {len(attempts)} failed ({error_type}), next in {rung:g} s"
            workflow.logger.warning("%s", told)
            workflow.set_current_details(f"**Waiting to retry** — {plain(told)}")
            await workflow.sleep(timedelta(seconds=rung), summary=told[:200])


async def settle_payments(
    case_id: str, why: str, *, retry: RetryPolicy, take_back: bool = True, budget: timedelta | None = None
) -> SettleResult:
    """Ask the provider what became of payments whose answer was lost, before something is decided that rests on it.

    Raises:
        ActivityError: it cannot be asked (within `budget`, all attempts); what is in doubt stays so.
    """
    settled: SettleResult = await workflow.execute_activity_method(
        PayActivities.settle_effects,
        SettleRequest(case_id=case_id, why=why, take_back=take_back),
        task_queue=options.ACTIONS_QUEUE,
        start_to_close_timeout=options.ACTION_TIMEOUT,
        schedule_to_close_timeout=budget,
        retry_policy=retry,
        summary="settle payments in doubt",
    )
    return settled


async def remind(request: AlertRequest, summary: str) -> str:
    """Send a word to the supervisor; return why it was not sent, empty if it was.

    Neither an answer that comes meanwhile nor a deadline waits for it longer than `ALERT_BUDGET`.
    """
    try:
        await workflow.execute_activity_method(
            BuryActivities.alert_person,
            request,
            task_queue=options.ACTIONS_QUEUE,
            start_to_close_timeout=options.STORE_TIMEOUT,
            schedule_to_close_timeout=options.ALERT_BUDGET,
            retry_policy=options.NEVER_GIVE_UP,
            summary=summary,
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        return f"{summary}: it was not sent: {error.cause or error}"[:300]
    return ""


def stop_if_cancelled() -> None:
    """Let a cancellation through that came while something was waited for to its end, such as a payment.

    Raises:
        asyncio.CancelledError: the workflow was cancelled.
    """
    if workflow.cancellation_reason() is not None:
        raise asyncio.CancelledError


async def to_the_end(work: Coroutine[Any, Any, Result]) -> Result:  # Any: what a coroutine is sent and yields
    """Do what no cancellation may cut short, such as recording an ending; one that comes meanwhile is too late."""
    task = asyncio.create_task(work)
    while True:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise


def step_error(message: str, failed: FailedStep) -> ApplicationError:
    """Return the error by which a workflow says why it could not go on."""
    return ApplicationError(message, failed, type=STEP_FAILED, non_retryable=True)


def failed_step(error: FailureError, *, step: str) -> FailedStep:
    """Return why a workflow failed: the `FailedStep` that it carries, or one made of what is there."""
    cause: BaseException | None = error
    while isinstance(cause, ChildWorkflowError):
        cause = cause.cause
    if isinstance(cause, ApplicationError) and cause.type == STEP_FAILED and cause.details:
        return FailedStep.model_validate(cause.details[0])
    kind, error_type, message = failure_of(error)
    attempt = Attempt(step=step, error_type=error_type, message=message[:500], at=workflow.now())
    return FailedStep(step=step, kind=kind, message=message[:500], attempts=[attempt])


def with_usage(error: ApplicationError, usage: Usage) -> ApplicationError:
    """Return the error with what the workflow spent before it failed, so that no cost is lost on the way up."""
    failed = failed_step(error, step="")
    failed = failed.model_copy(update={"usage": failed.usage.plus(usage)})
    return step_error(error.message, failed)
