"""What stands still: workflows whose task fails again and again, and queues that nobody works. Counted cheaply."""

import asyncio
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.service import RPCError, RPCStatusCode

from client.queues.pollers import UnworkedQueue, unworked_queues
from domain.audit.facts import Stuck
from workflows import options

FAILING_TASK_ATTEMPTS = 3  # one retry may follow a worker's restart
LOOKED_AT = 1000  # open workflows that are asked one by one, the newest first
SEEN_BY_WATCH = 200
LOOKS_FOR_S = 30.0  # a look of the watch; what is older is not known any more
FOR_EVER = (
    options.INTAKE_WORKFLOW_ID,
    options.JOURNAL_WORKFLOW_ID,
    options.TELL_WORKFLOW_ID,
    options.SETTLING_WORKFLOW_ID,
    options.BATCHES_WORKFLOW_ID,
)
"""The workflows of which there is one; a standstill of theirs concerns every case."""
SLOW_FOR_S = 300.0
"""A task that only times out is its worker's matter: a busy one comes to it. Longer than this, it stands still."""
_REPORTED = "TemporalReportedProblems IN ('category=WorkflowTaskFailed')"
_LAST_EVENTS = 10
_ENDS_OF_TASKS = (
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
)
_PAGE = 1000
_AT_ONCE = 16


@dataclass(frozen=True)
class StuckLook:
    """What a look found. Where `all_seen` is false, more workflows are open than were asked."""

    stuck: tuple[Stuck, ...]
    all_seen: bool
    unworked: tuple[UnworkedQueue, ...] = ()  # queues; only `look_around` asks for them

    def as_document(self) -> dict[str, object]:
        """Return it for JSON."""
        return {"count": len(self.stuck), "ids": [each.workflow_id for each in self.stuck], "all_seen": self.all_seen}

    def warnings(self) -> list[str]:
        """Return what is told to whoever asks, without the ids of cases."""
        told = [queue.warning() for queue in self.unworked]
        told += [f"{name} is stuck, on which all cases wait: `headgate unstick {name}`" for name in self.of_all]
        cases = len(self.stuck) - len(self.of_all)
        return told + (
            [f"{cases} {'case is' if cases == 1 else 'cases are'} stuck: `headgate unstick --all`"] if cases else []
        )

    @property
    def of_all(self) -> list[str]:
        """The ids of those that every case needs, such as the intake's."""
        return [each.workflow_id for each in self.stuck if each.workflow_id in FOR_EVER]


async def look_for_stuck(client: Client, at_most: int = LOOKED_AT) -> StuckLook:
    """Look for workflows whose workflow task keeps failing.

    Servers that mark them are asked for the mark. Besides, since many do not, the long-lived workflows and the newest
    open ones are described, at most so many.

    Raises:
        RPCError: Temporal cannot be reached.
    """
    found = {each.workflow_id: each for each in await reported_stuck(client)}
    opened = [each.id async for each in client.list_workflows("ExecutionStatus = 'Running'", limit=at_most + 1)]
    gate = asyncio.Semaphore(_AT_ONCE)

    async def look(workflow_id: str) -> Stuck | None:
        async with gate:
            return await _stuck_now(client, workflow_id)

    for each in await asyncio.gather(*(look(one) for one in dict.fromkeys([*FOR_EVER, *opened[:at_most]]))):
        if each is not None:
            found[each.workflow_id] = each
    return StuckLook(tuple(found.values()), all_seen=len(opened) <= at_most)


async def look_around(client: Client, at_most: int = LOOKED_AT) -> StuckLook:
    """Look for workflows whose task keeps failing and, at the same time, for task queues that nobody works.

    Raises:
        RPCError: Temporal cannot be reached.
    """
    look, unworked = await asyncio.gather(look_for_stuck(client, at_most), unworked_queues(client))
    return replace(look, unworked=unworked)


async def reported_stuck(client: Client) -> list[Stuck]:
    """Return what Temporal itself marks so; nothing where the server does not know the mark."""
    try:
        return [
            Stuck(
                workflow_id=each.id,
                run_id=each.run_id,
                workflow_type=each.workflow_type,
                problem="Temporal reports workflow tasks that keep failing",
            )
            async for each in client.list_workflows(f"ExecutionStatus = 'Running' AND {_REPORTED}", page_size=_PAGE)
        ]
    except RPCError as error:
        if error.status is not RPCStatusCode.INVALID_ARGUMENT:
            raise
        return []


def failing_task(description: WorkflowExecutionDescription, attempts: int = FAILING_TASK_ATTEMPTS) -> Stuck | None:
    """Return a workflow as stuck if its workflow task is at so many attempts, else None."""
    raw = description.raw_description
    if not raw.HasField("pending_workflow_task") or raw.pending_workflow_task.attempt < attempts:
        return None
    return Stuck(
        workflow_id=description.id,
        run_id=description.run_id,
        workflow_type=description.workflow_type,
        problem=f"its workflow task failed {raw.pending_workflow_task.attempt - 1} times in a row: "
        f"`headgate unstick {description.id}` says why",
        attempts=raw.pending_workflow_task.attempt,
    )


async def stands_still(client: Client, description: WorkflowExecutionDescription) -> Stuck | None:
    """Return a workflow as stuck if its workflow task keeps failing, or has been timing out for minutes.

    Raises:
        RPCError: Temporal cannot be reached.
    """
    found = failing_task(description)
    if found is None:
        return None
    since = description.raw_description.pending_workflow_task.original_scheduled_time.ToDatetime(UTC)
    if (datetime.now(UTC) - since).total_seconds() > SLOW_FOR_S:
        return found
    newest = await client.workflow_service.get_workflow_execution_history_reverse(
        GetWorkflowExecutionHistoryReverseRequest(
            namespace=client.namespace,
            execution=WorkflowExecution(workflow_id=description.id, run_id=description.run_id),
            maximum_page_size=_LAST_EVENTS,
        )
    )
    kinds = [event.event_type for event in newest.history.events]
    last = next((kind for kind in kinds if kind in _ENDS_OF_TASKS), None)
    return None if last == EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT else found


async def _stuck_now(client: Client, workflow_id: str) -> Stuck | None:
    try:
        return await stands_still(client, await client.get_workflow_handle(workflow_id).describe())
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


class StuckWatch:
    """The last look, for whoever asks often: Temporal is asked again once that is older than some seconds."""

    def __init__(self, client: Client, *, fresh_s: float = 15.0) -> None:
        self._client = client
        self._fresh_s = fresh_s
        self._looked_at = -math.inf
        self._latest: StuckLook | None = None
        self._looking: asyncio.Task[None] | None = None

    async def latest(self, within_s: float = 1.0) -> StuckLook | None:
        """Return the last look; None where there is none yet, or Temporal does not answer.

        A look that takes longer than `within_s` seconds goes on behind, for whoever asks next.
        """
        now = asyncio.get_running_loop().time()
        if self._looking is None and now - self._looked_at > self._fresh_s:
            self._looked_at = now
            self._looking = asyncio.create_task(self._look())
        if self._looking is not None:
            await asyncio.wait([self._looking], timeout=within_s)
        return self._latest

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(LOOKS_FOR_S):
                self._latest = await look_around(self._client, SEEN_BY_WATCH)
        except (RPCError, RuntimeError, TimeoutError):  # RuntimeError at a first connection in vain
            self._latest = None
        finally:
            self._looking = None
