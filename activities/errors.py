"""What each failure means to Temporal: on the way out of an activity, and on the way into a workflow."""

from datetime import timedelta
from typing import Any, NoReturn

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.errors import (
    BadSpellError,
    HeadgateError,
    OverBudgetError,
    ProviderOutError,
    ToldToWaitError,
    TransientError,
)
from domain.model_call import Usage
from domain.moods.waits import wait_s
from domain.spend.resuming import Hold

FROM_A_FIRST_TRY_S = 1.0  # a case that is held back waits as a task of its queue, where it can be seen and called
MESSAGE_CHARS = 500


class FailureInterceptor(Interceptor):
    """Turns Headgate's own errors into Temporal's; the worker gets one.

    What time does not mend is non-retryable. `ToldToWaitError` is retried by Temporal, at the time that the provider
    named, or later where it named none that makes sense. `TransientError` is left to the call's own policy: most name
    it as non-retryable, because the ladder is climbed by the workflow, which can show it; an ending is recorded however
    often it takes. Any other exception is a bug and keeps Temporal's own retries.
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
        raise ApplicationError(message, type=name, next_retry_delay=timedelta(seconds=_wait_s(error))) from error
    if isinstance(error, OverBudgetError):  # the workflow parks, and tries again when there is money
        hold = Hold(reason=error.reason, why=message, until=error.until, spread_s=error.over_s)
        raise ApplicationError(message, hold, error.usage or Usage(), type=name, non_retryable=True) from error
    if isinstance(error, ProviderOutError):  # the same, until the provider is back
        hold = Hold(
            reason=f"outage {error.model}",
            why=message,
            wait_s=error.wait_s,
            spread_s=error.spread_s,
            at_most_s=error.at_most_s,
        )
        raise ApplicationError(message, hold, error.usage or Usage(), type=name, non_retryable=True) from error
    usage = error.usage
    # After a spell the ladder comes, and nothing between: Temporal's own retries would be paid for.
    final = not isinstance(error, TransientError) or isinstance(error, BadSpellError)
    raise ApplicationError(message, *([usage] if usage else []), type=name, non_retryable=final) from error


def _wait_s(error: ToldToWaitError) -> float:
    info = activity.info() if activity.in_activity() else None
    if error.held:
        return min(error.wait_seconds, FROM_A_FIRST_TRY_S) if info and info.is_local else error.wait_seconds
    return wait_s(error.wait_seconds if error.named else None, info.attempt if info else 1)
