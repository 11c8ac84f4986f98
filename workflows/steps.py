"""One step of a workflow: an activity of a kind (`workflows/options.py`), with the blueprint's ladder below it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any, TypeVar, overload

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from activities.actions.alert import AlertActivities, AlertRequest
    from activities.actions.pay import PayActivities, SettleRequest, SettleResult
    from domain.case_details import plain
    from domain.deadletter import Attempt, FailedStep, next_rung
    from domain.errors import FailureKind
    from workflows import options
    from workflows.failures import failure_of, step_error, usage_of
    from workflows.options import StepKind

Request = TypeVar("Request", bound=BaseModel)
Result = TypeVar("Result")
# The activity as a method of its class, async or plain. Any: the class itself, which no workflow ever makes.
AsyncActivity = Callable[[Any, Request], Awaitable[Result]]
PlainActivity = Callable[[Any, Request], Result]


@overload
async def run_once(
    kind: StepKind, activity: AsyncActivity[Request, Result], request: Request, *, summary: str
) -> Result: ...
@overload
async def run_once(
    kind: StepKind, activity: PlainActivity[Request, Result], request: Request, *, summary: str
) -> Result: ...
async def run_once(kind: StepKind, activity: Callable[..., Any], request: BaseModel, *, summary: str) -> Any:
    """Run an activity as its kind says, without the ladder: for records, which are retried until they are written.

    Raises:
        ActivityError: it failed for good, or was cancelled.
    """
    return await workflow.execute_activity(
        activity,
        request,
        task_queue=kind.queue,
        start_to_close_timeout=kind.start_to_close,
        schedule_to_close_timeout=kind.budget,
        heartbeat_timeout=kind.heartbeat,
        retry_policy=kind.retry,
        cancellation_type=kind.cancellation,
        summary=summary[:200],
    )


@overload
async def run_step(
    step: str,
    kind: StepKind,
    activity: AsyncActivity[Request, Result],
    request: Request,
    *,
    ladder_s: Sequence[float],
    summary: str,
) -> Result: ...
@overload
async def run_step(
    step: str,
    kind: StepKind,
    activity: PlainActivity[Request, Result],
    request: Request,
    *,
    ladder_s: Sequence[float],
    summary: str,
) -> Result: ...
async def run_step(
    step: str,
    kind: StepKind,
    activity: Callable[..., Any],
    request: BaseModel,
    *,
    ladder_s: Sequence[float],
    summary: str,
) -> Any:
    """Run a step; after a transient failure wait exactly as the ladder says (seconds) and try again.

    Raises:
        ApplicationError: of type `StepFailed` with a `FailedStep` as its detail, when the ladder is used up or
            the failure is of a kind that waiting does not mend.
        asyncio.CancelledError: the workflow was cancelled.
    """
    attempts: list[Attempt] = []
    while True:
        stop_if_cancelled()
        try:
            return await run_once(kind, activity, request, summary=summary)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            stop_if_cancelled()
            failure, error_type, message = failure_of(error)
            attempts.append(Attempt(step=step, error_type=error_type, message=message[:500], at=workflow.now()))
            rung = next_rung(ladder_s, len(attempts)) if failure is FailureKind.TRANSIENT else None
            if rung is None:
                failed = FailedStep(
                    step=step, kind=failure, message=message[:500], attempts=attempts, usage=usage_of(error)
                )
                raise step_error(message, failed) from error
            waiting = f"{step}: try {len(attempts)} failed ({error_type}), next in {rung:g} s"
            workflow.logger.warning("%s", waiting)
            workflow.set_current_details(f"**Waiting to retry** — {plain(waiting)}")
            await workflow.sleep(timedelta(seconds=rung), summary=waiting[:200])


async def settle_payments(
    kind: StepKind,
    case_id: str,
    why: str,
    *,
    ladder_s: Sequence[float] | None = None,
    take_back: bool = True,
    step: str = "settle payments in doubt",
) -> SettleResult:
    """Ask the provider what became of payments whose answer was lost, before something is decided that rests on it.

    With a ladder it is a step like any other; without one it is tried as its kind says.

    Raises:
        ActivityError, ApplicationError: it cannot be asked; what is in doubt stays so.
    """
    request = SettleRequest(case_id=case_id, why=why, take_back=take_back)
    summary = "settle payments in doubt"
    if ladder_s is not None:
        return await run_step(step, kind, PayActivities.settle_effects, request, ladder_s=ladder_s, summary=summary)
    return await run_once(kind, PayActivities.settle_effects, request, summary=summary)


async def tell_people(request: AlertRequest, summary: str) -> str:
    """Send a word to people; return why it was not sent, empty if it was.

    Neither an answer that comes meanwhile nor a deadline waits for it longer than `ALERT_BUDGET`.
    """
    try:
        await run_once(options.WORD, AlertActivities.alert_person, request, summary=summary)
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


async def shielded(work: Coroutine[Any, Any, Result]) -> Result:  # Any: what a coroutine is sent and yields
    """Await `work`, shielded from cancellation: such as recording an ending. One that comes meanwhile is too late."""
    task = asyncio.create_task(work)
    while True:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
