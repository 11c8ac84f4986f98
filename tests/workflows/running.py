"""Runs the product's workers with fakes for the activities, and asks Temporal what happened."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from temporalio.api.enums.v1 import EventType, PendingActivityState
from temporalio.api.testservice.v1 import LockTimeSkippingRequest, UnlockTimeSkippingRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from domain.approval import Approver
from domain.blueprint import ApprovalRules, CasePolicy
from domain.case import CaseInput, CaseOutcome, CaseState, CaseStatus
from tests.workflows.fake_world import REAL, FakeWorld
from workers.roles import activity_worker, case_worker
from workflows import options
from workflows.case import CaseWorkflow

MARIA = Approver(name="maria", limit_minor=1_000_000)
OMAR = Approver(name="omar")
JUNIOR = Approver(name="jo", limit_minor=1_000)
REAL_TIME_S = 20.0  # a state that has not come by then will not come
_numbers = itertools.count(1)


def policy(**fields: Any) -> CasePolicy:
    """The rules of the tests: those of the default blueprint, with three approvers."""
    rules = CasePolicy(version="test@1", approval=ApprovalRules(approvers=[MARIA, OMAR, JUNIOR]))
    return rules.model_copy(update=fields)


def new_case(**fields: Any) -> CaseInput:
    """A case that no test had before."""
    case = CaseInput(
        case_id=f"case/test/{next(_numbers)}-{uuid4().hex[:8]}",
        source="test",
        lang="en",
        subject="My parcel",
        text="My parcel ORD-1 never came, I want my money back.",
        received_at=datetime(2026, 1, 5, 9, tzinfo=UTC),
        policy=policy(),
    )
    return case.model_copy(update=fields)


class Mill:
    """All workers of the product with the activities of a `FakeWorld`; every workflow task replays from the start."""

    def __init__(self, env: WorkflowEnvironment, client: Client, world: FakeWorld) -> None:
        self.env = env
        self.client = client
        self.world = world
        self._workers: dict[str, Worker] = {}
        self._cases: Worker | None = None
        self._started: list[WorkflowHandle[Any, Any]] = []

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as started:
            for queue in REAL:
                self._workers[queue] = activity_worker(self.client, queue, self.world.activities(queue), slots=8)
                await started.enter_async_context(self._workers[queue])
            await self.start_cases_worker()
            started.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop_cases_worker()
        self.world.let_go()
        for handle in self._started:
            await self._end(handle)
        for queue in list(self._workers):
            await self.stop_queue(queue)

    async def stop_queue(self, queue: str) -> None:
        """Stop the activity worker of a queue."""
        await self._workers.pop(queue).__aexit__(None, None, None)

    async def _end(self, handle: WorkflowHandle[Any, Any]) -> None:
        """End what still runs, children first: the next test's workers must not be asked to go on with it."""
        if (await handle.describe()).close_time is not None:
            return
        # The server keeps its clock locked for ever for an activity whose end it never hears of.
        await eventually(lambda: nothing_under_way(handle))
        for event in (await handle.fetch_history()).events:
            if event.event_type == EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED:
                child = event.child_workflow_execution_started_event_attributes.workflow_execution.workflow_id
                await self._end(self.client.get_workflow_handle(child))
        with suppress(RPCError):  # it ended by itself meanwhile
            await handle.terminate("the test is over")

    async def start_cases_worker(self, *, cached: int = 0) -> None:
        """Start the worker for workflow tasks; by default every task replays its workflow from the start."""
        self._cases = case_worker(self.client, cached=cached)
        await self._cases.__aenter__()

    async def stop_cases_worker(self) -> None:
        """Stop it, as a deployment does."""
        if self._cases is not None:
            worker, self._cases = self._cases, None
            await worker.__aexit__(None, None, None)

    async def start(self, case: CaseInput | None = None) -> WorkflowHandle[CaseWorkflow, CaseOutcome]:
        """Start a case."""
        case = case or new_case()
        handle = await self.client.start_workflow(
            CaseWorkflow.run, case, id=case.case_id, task_queue=options.CASES_QUEUE
        )
        return self.watch(handle)

    def watch(self, handle: WorkflowHandle[Any, Any]) -> Any:  # Any: the handle as it came
        """Have a workflow ended with the test."""
        self._started.append(handle)
        return handle

    async def run(self, case: CaseInput | None = None) -> CaseOutcome:
        """Run a case to its end, skipping time."""
        return await (await self.start(case)).result()

    async def until(self, handle: WorkflowHandle[CaseWorkflow, Any], *states: CaseState) -> CaseStatus:
        """Wait, without skipping time, until a case is in one of the states."""

        async def reached() -> CaseStatus | None:
            status = await handle.query(CaseWorkflow.status)
            return status if status.state in states else None

        return await eventually(reached)

    @asynccontextmanager
    async def skipping(self) -> AsyncIterator[None]:
        """Let the server's time jump ahead whenever nothing is under way."""
        service = self.client.test_service
        await service.unlock_time_skipping(UnlockTimeSkippingRequest())
        try:
            yield
        finally:
            await service.lock_time_skipping(LockTimeSkippingRequest())

    async def skip(self, duration: timedelta) -> None:
        """Let so much of the server's time pass."""
        await self.env.sleep(duration)


async def eventually(probe: Callable[[], Any]) -> Any:
    """Ask until the answer is true; return it.

    Raises:
        AssertionError: it did not become true in time.
    """
    end = asyncio.get_running_loop().time() + REAL_TIME_S
    while True:
        answer = await probe()
        if answer:
            return answer
        assert asyncio.get_running_loop().time() < end, f"it never became true: {probe}"
        await asyncio.sleep(0.02)


async def nothing_under_way(handle: WorkflowHandle[Any, Any]) -> bool:
    """Tell whether no activity of a workflow is with a worker."""
    pending = (await handle.describe()).raw_description.pending_activities
    return all(activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED for activity in pending)


async def timers_of(handle: WorkflowHandle[Any, Any]) -> list[float]:
    """Return how long each timer of a workflow was set for, seconds, in order."""
    history = await handle.fetch_history()
    return [
        e.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta().total_seconds()
        for e in history.events
        if e.event_type == EventType.EVENT_TYPE_TIMER_STARTED
    ]
