"""Room for model calls beside workflow tasks."""

from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

NO_ROOM = "NoRoom"


class RoomInterceptor(Interceptor):
    """Lets so many asynchronous local activities, which call models or read articles, run at once in a worker.

    Those that use the store block a thread, and wait for one. Of the others, one more is refused at once and becomes a
    task of its queue.
    """

    def __init__(self, room: int) -> None:
        self._room = room

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        """Wrap the activities of a worker."""
        return _RoomInbound(super().intercept_activity(next), self)

    async def run(self, going_on: ActivityInboundInterceptor, asked: ExecuteActivityInput) -> Any:  # noqa: ANN401 - as the SDK has it
        """Run an activity if there is room for it.

        Raises:
            ApplicationError: of the type `NoRoom`, to be tried elsewhere.
        """
        if self._room <= 0:
            # Nothing is wrong: no warning in the log.
            message = "all room for model calls is taken"
            raise ApplicationError(message, type=NO_ROOM, category=ApplicationErrorCategory.BENIGN)
        self._room -= 1
        try:
            return await going_on.execute_activity(asked)
        finally:
            self._room += 1


class _RoomInbound(ActivityInboundInterceptor):
    def __init__(self, going_on: ActivityInboundInterceptor, room: RoomInterceptor) -> None:
        super().__init__(going_on)
        self._going_on = going_on
        self._room = room

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401 - as the SDK has it
        if activity.info().is_local and input.executor is None:
            return await self._room.run(self._going_on, input)
        return await self._going_on.execute_activity(input)
