"""What each failure means to Temporal: on the way out of an activity, and on the way into a workflow."""

import math
from datetime import timedelta
from typing import Any, NoReturn

from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.errors import BadAnswerError, HeadgateError, ToldToWaitError, TransientError

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
