"""What each failure means to Temporal: on the way out of an activity, and on the way into a workflow."""

import math
from datetime import timedelta
from typing import Any, NoReturn

from pydantic import ValidationError
from temporalio.exceptions import ActivityError, ApplicationError, ChildWorkflowError, is_cancelled_exception
from temporalio.exceptions import TimeoutError as TemporalTimeoutError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.errors import BadAnswerError, FailureKind, HeadgateError, ToldToWaitError, TransientError, failure_kind
from domain.model_call import Usage

LONGEST_WAIT_S = 6 * 3600.0  # whoever names more is asked again after this
MESSAGE_CHARS = 500


class FailureInterceptor(Interceptor):
    """Turns Headgate's own errors into Temporal's; the worker gets one.

    What time does not mend is non-retryable. `ToldToWaitError` is retried by Temporal, at the time that the provider
    named. `TransientError` is left to the call's own policy: most name it as non-retryable, because the ladder is
    climbed by the workflow, which can show it; an ending is recorded however often it takes. Any other exception is a
    bug and keeps Temporal's own retries.
    """

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        """Wrap the activities of a worker."""
        return _FailureInbound(super().intercept_activity(next))


class _FailureInbound(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401 - as the SDK has it
        try:
            return await super().execute_activity(input)
        except HeadgateError as e:
            raise_for_temporal(e)


def raise_for_temporal(error: HeadgateError) -> NoReturn:
    """Raise the error as Temporal's: its class name as the type, and what was spent before it as the detail.

    Raises:
        ApplicationError: always.
    """
    name, message = type(error).__name__, str(error)[:MESSAGE_CHARS]
    if isinstance(error, ToldToWaitError):
        wait = 0.0 if math.isnan(error.wait_seconds) else min(max(error.wait_seconds, 0.0), LONGEST_WAIT_S)
        raise ApplicationError(message, type=name, next_retry_delay=timedelta(seconds=wait)) from error
    details = [error.usage] if isinstance(error, BadAnswerError) and error.usage is not None else []
    final = not isinstance(error, TransientError)
    raise ApplicationError(message, *details, type=name, non_retryable=final) from error


def failure_of(error: BaseException) -> tuple[FailureKind, str, str]:
    """Return what a failed activity or child workflow means: kind, class name, message.

    Looks through Temporal's wrappers to the cause. A timeout is transient: a worker died or a provider was slow.
    Pure, for workflows.

    Raises:
        ValueError: the error is a cancellation, which is no failure: let it pass.
    """
    if is_cancelled_exception(error):
        raise ValueError(f"{type(error).__name__} is a cancellation, no failure: raise it again instead of judging it")
    cause = _cause(error)
    if isinstance(cause, ApplicationError):
        name = cause.type or type(cause).__name__
        return failure_kind(name), name, cause.message
    if isinstance(cause, TemporalTimeoutError):
        which = cause.type.name.lower() if cause.type is not None else "unknown"
        last = _cause(cause.__cause__) if cause.__cause__ is not None else None
        if isinstance(last, ApplicationError):  # what kept failing until the time was up says more than that it was up
            name = last.type or type(last).__name__
            return failure_kind(name), name, f"{last.message} (until the {which} timeout)"
        return FailureKind.TRANSIENT, TransientError.__name__, f"{which} timeout: {cause.message}"
    if isinstance(cause, HeadgateError):
        return failure_kind(type(cause).__name__), type(cause).__name__, str(cause)
    return FailureKind.BUG, type(cause).__name__, str(cause)


def usage_of(error: BaseException) -> Usage:
    """Return what was spent on model calls before an activity failed; nothing where the failure does not say. Pure,
    for workflows.
    """
    cause = _cause(error)
    if not isinstance(cause, ApplicationError) or cause.type != BadAnswerError.__name__ or not cause.details:
        return Usage()
    try:
        return Usage.model_validate(cause.details[0])
    except ValidationError:
        return Usage()


def _cause(error: BaseException) -> BaseException:
    """Return the first cause that is not one of Temporal's wrappers."""
    while isinstance(error, ActivityError | ChildWorkflowError) and error.__cause__ is not None:
        error = error.__cause__
    return error
