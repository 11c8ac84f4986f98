"""Who asks a task queue for work, and which queues nobody asks."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from workflows.options import CASES_QUEUE, QUEUES, Role

# A worker without work asks once a minute; Temporal remembers one that died for five.
POLLS_WITHIN = timedelta(seconds=75)
_ANSWERS_WITHIN = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class UnworkedQueue:
    """A task queue that no worker has asked for work within `POLLS_WITHIN`."""

    queue: str
    role: Role

    def warning(self) -> str:
        """Return it as one line, with what to do.

        >>> UnworkedQueue("actions", Role.ACTION).warning()
        'nobody works the queue actions (role action): `headgate doctor`, and look into logs/worker-action.log'
        """
        return (
            f"nobody works the queue {self.queue} (role {self.role}): `headgate doctor`, and look into "
            f"logs/worker-{self.role}.log"
        )


async def pollers(client: Client, queue: str) -> Sequence[PollerInfo]:
    """Return who asked a task queue within the last minutes, the dead as well.

    Raises:
        RPCError: Temporal does not answer within three seconds.
    """
    of_workflows = queue == CASES_QUEUE
    kind = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW if of_workflows else TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
    answer = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind),
        timeout=_ANSWERS_WITHIN,
    )
    return answer.pollers


async def last_polls(client: Client, queue: str) -> list[datetime]:
    """Return when each poller of a task queue asked last.

    Raises:
        RPCError: Temporal does not answer.
    """
    return [poller.last_access_time.ToDatetime(UTC) for poller in await pollers(client, queue)]


def live_among(polls: Sequence[datetime]) -> int:
    """Count the polls of workers that live, as far as Temporal can tell."""
    now = datetime.now(UTC)
    return sum(now - at < POLLS_WITHIN for at in polls)


async def case_worker_polls(client: Client) -> bool:
    """Return whether a case worker asked for work lately; false as well where Temporal does not say."""
    try:
        return live_among(await last_polls(client, CASES_QUEUE)) > 0
    except RPCError:
        return False


async def unworked_queues(client: Client) -> tuple[UnworkedQueue, ...]:
    """Return the task queues that nobody works; all are asked at once.

    Raises:
        RPCError: Temporal does not answer.
    """
    asked = [UnworkedQueue(queue, role) for role, queues in QUEUES.items() for queue in queues]
    polls = await asyncio.gather(*(last_polls(client, each.queue) for each in asked))
    return tuple(each for each, known in zip(asked, polls, strict=True) if not live_among(known))
