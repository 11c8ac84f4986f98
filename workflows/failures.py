"""What a failed activity or child workflow means, and the error by which a workflow says so."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
    FailureError,
    is_cancelled_exception,
)
from temporalio.exceptions import TimeoutError as TemporalTimeoutError

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from domain.deadletter import Attempt, FailedStep
    from domain.errors import (
        BadAnswerError,
        BadSpellError,
        ConfigurationError,
        FailureKind,
        HeadgateError,
        OverBudgetError,
        ProviderOutError,
        TransientError,
        UnsupportedTaskError,
        failure_kind,
    )
    from domain.model_call import Usage

STEP_FAILED = "StepFailed"
_SPENT = (
    BadAnswerError.__name__,
    BadSpellError.__name__,
    TransientError.__name__,
    ProviderOutError.__name__,
    OverBudgetError.__name__,
    UnsupportedTaskError.__name__,
    ConfigurationError.__name__,
)  # errors that say what was spent


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
    if not isinstance(cause, ApplicationError) or cause.type not in _SPENT or not cause.details:
        return Usage()
    try:
        return Usage.model_validate(cause.details[-1])
    except ValidationError:
        return Usage()


def is_final(error: FailureError, policy: RetryPolicy) -> bool:
    """Return whether Temporal would try no more under a policy: the error says so, or the policy of its type. Pure."""
    cause = _cause(error)
    if not isinstance(cause, ApplicationError):
        return False
    return cause.non_retryable or cause.type in (policy.non_retryable_error_types or ())


def named_wait(error: FailureError) -> timedelta | None:
    """Return the wait that a failed activity asked for, None if it asked for none. Pure."""
    cause = _cause(error)
    return cause.next_retry_delay if isinstance(cause, ApplicationError) else None


def as_of_activity(activity_type: str) -> ActivityError:
    """Return the error of a local activity, to be raised from its cause, as a task of a queue would end. Pure."""
    return ActivityError(
        "local activity failed",
        scheduled_event_id=0,
        started_event_id=0,
        identity="",
        activity_type=activity_type,
        activity_id="",
        retry_state=None,
    )


def _cause(error: BaseException) -> BaseException:
    """Return the first cause that is not one of Temporal's wrappers."""
    while isinstance(error, ActivityError | ChildWorkflowError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def is_of(error: Exception, kind: type[HeadgateError]) -> bool:
    """Return whether a step failed for good with an error of this class. Pure, for workflows."""
    attempts = failed_step(error, step="").attempts
    return bool(attempts) and attempts[-1].error_type == kind.__name__


def step_error(message: str, failed: FailedStep) -> ApplicationError:
    """Return the error by which a workflow says why it could not go on."""
    return ApplicationError(message, failed, type=STEP_FAILED, non_retryable=True)


def failed_step(error: Exception, *, step: str) -> FailedStep:
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
