"""One step of a workflow: an activity of a kind (`workflows/options.py`), with the blueprint's ladder below it."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any, TypeVar, get_type_hints, overload

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel, ValidationError

    from activities.actions.alert import AlertActivities, AlertRequest
    from activities.actions.pay import PayActivities, SettleRequest, SettleResult
    from domain.case_details import plain
    from domain.deadletter import Attempt, FailedStep, next_rung
    from domain.errors import FailureKind
    from domain.model_call import Tier, Usage
    from workflows import options
    from workflows.failures import as_of_activity, failure_of, is_final, named_wait, step_error, usage_of
    from workflows.options import StepKind
    from workflows.spending.parking import Parking, hold_of

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
        ValidationError: its answer cannot be read.
    """
    return await _run(kind, activity, request, summary=summary)


async def _run(
    kind: StepKind,
    activity: Callable[..., Any],
    request: BaseModel,
    *,
    summary: str,
    activity_id: str | None = None,
    first: bool = True,
) -> Any:  # noqa: ANN401 - what the activity returns; the callers' overloads name it
    """Run an activity: beside the workflow task where its kind has a first try, else or after that as a task.

    Its answer is read here. Read by the SDK, one of another version would fail the workflow past all its own code.

    Raises:
        ActivityError: it failed for good, or was cancelled.
        ValidationError: its answer cannot be read.
    """
    answer = await _answer(kind, activity, request, summary=summary, activity_id=activity_id, first=first)
    return workflow.payload_converter().from_payload(answer.payload, _result_type(activity))


async def _answer(
    kind: StepKind,
    activity: Callable[..., Any],
    request: BaseModel,
    *,
    summary: str,
    activity_id: str | None,
    first: bool,
) -> RawValue:
    if first and kind.first_try is not None:
        try:
            first_answer: RawValue = await workflow.execute_local_activity(
                activity.__name__,
                request,
                result_type=RawValue,
                start_to_close_timeout=kind.first_try,
                schedule_to_close_timeout=2 * kind.first_try,  # it may wait for a slot as long again
                retry_policy=options.ONE_TRY,
                cancellation_type=kind.cancellation,
                activity_id=activity_id,
                summary=summary[:200],
            )
            return first_answer
        except FailureError as error:  # local activities fail with the bare cause
            if is_cancelled_exception(error):
                raise
            if is_final(error, kind.retry):
                raise as_of_activity(activity.__name__) from error
            wait = named_wait(error)
            if wait:
                await _sleep(f"asked to wait: {summary}", wait)
    answer: RawValue = await workflow.execute_activity(
        activity.__name__,
        request,
        result_type=RawValue,
        task_queue=kind.queue,
        start_to_close_timeout=kind.start_to_close,
        schedule_to_close_timeout=kind.budget,
        heartbeat_timeout=kind.heartbeat,
        retry_policy=kind.retry,
        cancellation_type=kind.cancellation,
        activity_id=activity_id,
        summary=summary[:200],
    )
    return answer


@functools.cache
def _result_type(activity: Callable[..., Any]) -> type[Any]:
    result: type[Any] = get_type_hints(activity)["return"]
    return result


@overload
async def run_step(
    step: str,
    kind: StepKind,
    activity: AsyncActivity[Request, Result],
    request: Request,
    *,
    ladder_s: Sequence[float],
    summary: str,
    activity_id: str | None = None,
    tier: Tier | None = None,
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
    activity_id: str | None = None,
    tier: Tier | None = None,
) -> Result: ...
async def run_step(
    step: str,
    kind: StepKind,
    activity: Callable[..., Any],
    request: BaseModel,
    *,
    ladder_s: Sequence[float],
    summary: str,
    activity_id: str | None = None,
    tier: Tier | None = None,
) -> Any:
    """Run a step; after a transient failure wait exactly as the ladder says (seconds) and try again.

    What no budget bears, or whose provider is out, is parked, and costs no rung.

    The `activity_id` of a specialist's step begins with its name (`activities/grants.py`). A `tier` is one that the
    blueprint moved a model's step to.

    Raises:
        ApplicationError: of type `StepFailed` with a `FailedStep` as its detail, when the ladder is used up or
            the failure is of a kind that waiting does not mend.
        asyncio.CancelledError: the workflow was cancelled.
    """
    kind = options.of_tier(kind, tier)
    attempts: list[Attempt] = []
    in_vain = Usage()
    parking = Parking(step, kind.start_to_close)
    while True:
        stop_if_cancelled()
        try:
            answer = await _run(kind, activity, request, summary=summary, activity_id=activity_id, first=not attempts)
            await parking.end()
            return _with_cost(answer, in_vain)
        except (ActivityError, ValidationError) as error:
            if is_cancelled_exception(error):
                raise
            stop_if_cancelled()
            hold = hold_of(error)
            in_vain = in_vain.plus(usage_of(error))
            if hold is not None and parking.bears(hold):
                await parking.wait(hold)
                continue
            await parking.end()
            failure, error_type, message = failure_of(error)
            attempts.append(Attempt(step=step, error_type=error_type, message=message[:500], at=workflow.now()))
            rung = next_rung(ladder_s, len(attempts)) if failure is FailureKind.TRANSIENT and hold is None else None
            if rung is None:
                failed = FailedStep(step=step, kind=failure, message=message[:500], attempts=attempts, usage=in_vain)
                raise step_error(message, failed) from error
            waiting = f"{step}: try {len(attempts)} failed ({error_type}), next in {rung:g} s"
            workflow.logger.warning("%s", waiting)
            await _sleep(waiting, timedelta(seconds=rung))


def _with_cost(answer: Any, in_vain: Usage) -> Any:  # noqa: ANN401 - what the activity returns
    """Return an answer with what the tries before it used: they are paid for too."""
    used = getattr(answer, "usage", None)
    if not in_vain.calls or not isinstance(used, Usage):
        return answer
    return answer.model_copy(update={"usage": used.plus(in_vain)})


async def _sleep(waiting: str, duration: timedelta) -> None:
    """Wait before the next try, and say so in the workflow's details."""
    details = workflow.get_current_details()
    workflow.set_current_details(f"**Waiting to retry** — {plain(waiting)}")
    await workflow.sleep(duration, summary=waiting[:200])
    workflow.set_current_details(details)


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
