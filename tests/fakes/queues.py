"""Temporal's word on who asks its task queues for work."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import PollerInfo
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, DescribeTaskQueueResponse


class FakeQueues:
    """Knows for each queue how long ago its pollers asked; a queue may have an error instead."""

    def __init__(self, polled: "Mapping[str, Sequence[timedelta] | Exception]") -> None:
        self._polled = polled
        self.asked: list[tuple[str, bool]] = []

    async def describe_task_queue(
        self, request: DescribeTaskQueueRequest, *, timeout: timedelta
    ) -> DescribeTaskQueueResponse:
        of_workflows = request.task_queue_type == TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
        self.asked.append((request.task_queue.name, of_workflows))
        polled = self._polled.get(request.task_queue.name, [])
        if isinstance(polled, Exception):
            raise polled
        return DescribeTaskQueueResponse(pollers=[_poller(ago) for ago in polled])


def _poller(ago: timedelta) -> Any:
    poller = PollerInfo(identity="1@here/installation")
    poller.last_access_time.FromDatetime(datetime.now(UTC) - ago)
    return poller
