"""Runs the product's workers with fakes for the activities, and asks Temporal what happened."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from pydantic import ValidationError
from temporalio.api.enums.v1 import EventType, PendingActivityState
from temporalio.api.testservice.v1 import LockTimeSkippingRequest, UnlockTimeSkippingRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.common import Priority
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, Worker

from client.connect import data_converter
from domain.blueprint import ApprovalRules, CasePolicy
from domain.case import CaseInput, CaseOutcome, CaseState, CaseStatus, HumanDecision, Lane
from domain.money.approval import Approver
from domain.routing import DEFAULT_CATEGORIES
from ports.store import StoredCase
from tests.workflows.fake_world import FakeWorld, served
from workers.roles import activity_worker, case_worker, workflows
from workers.running.misfits import MisfitInterceptor
from workers.running.sandbox import CaseRunner
from workflows import options
from workflows.case import CaseWorkflow

MARIA = Approver(name="maria", limit_minor=1_000_000)
OMAR = Approver(name="omar")
JUNIOR = Approver(name="jo", limit_minor=1_000)
REAL_TIME_S = 20.0  # a state that has not come by then will not come
_numbers = itertools.count(1)


class Specialists:
    """Where specialists work in the tests: inside their cases, or apart in workflows of their own."""

    apart = False


def policy(**fields: Any) -> CasePolicy:
    """The rules of the tests: those of the default blueprint, with three approvers."""
    categories = tuple(c.model_copy(update={"apart": Specialists.apart}) for c in DEFAULT_CATEGORIES)
    rules = CasePolicy(version="test@1", approval=ApprovalRules(approvers=[MARIA, OMAR, JUNIOR]), categories=categories)
    return rules.model_copy(update=fields)


def home(case_id: str, step: str, run: int = 1) -> str:
    """Return the id of the workflow in which the specialist of a case works, each run in one of its own."""
    if not Specialists.apart:
        return case_id
    return f"{case_id}/{step}" + (f"-{run}" if run > 1 else "")


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


def replayer() -> Replayer:
    """Return what replays a history with the workflows of the product."""
    return Replayer(
        workflows=workflows(),
        data_converter=data_converter(),
        workflow_runner=CaseRunner(),
        interceptors=[MisfitInterceptor()],
        workflow_failure_exception_types=[ValidationError],
    )


class Mill:
    """All workers of the product with the activities of a `FakeWorld`; what ran is replayed at the end."""

    def __init__(self, env: WorkflowEnvironment, client: Client, world: FakeWorld) -> None:
        self.env = env
        self.client = client
        self.world = world
        world.server_time = env.get_current_time
        self._workers: dict[str, Worker] = {}
        self._cases: Worker | None = None

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as started:
            for queue in served():
                self._workers[queue] = activity_worker(self.client, queue, self.world.activities(queue), slots=8)
                await started.enter_async_context(self._workers[queue])
            await self.start_cases_worker()
            started.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What still runs goes down with the test's own server.
        self.world.let_go()
        await self.stop_cases_worker()
        for queue in list(self._workers):
            await self.stop_queue(queue)
        if error is None:
            await self._replay()

    async def _replay(self) -> None:
        """Replay every workflow that asked for anything.

        A worker without a cache would do so at every task, but it also drops workflows whose local activities are under
        way when another comes, and those stand still until their task times out.
        """
        for workflow_id in {call.workflow_id for call in self.world.calls}:
            history = await self.client.get_workflow_handle(workflow_id).fetch_history()
            await replayer().replay_workflow(history)

    async def stop_queue(self, queue: str) -> None:
        """Stop the activity worker of a queue."""
        await self._workers.pop(queue).__aexit__(None, None, None)

    async def start_cases_worker(self) -> None:
        """Start the worker for workflow tasks."""
        self._cases = case_worker(self.client, self.world.first_tries())
        await self._cases.__aenter__()

    async def stop_cases_worker(self) -> None:
        """Stop it, as a deployment does."""
        if self._cases is not None:
            worker, self._cases = self._cases, None
            await worker.__aexit__(None, None, None)

    async def start(
        self, case: CaseInput | None = None, *, level: int | None = None
    ) -> WorkflowHandle[CaseWorkflow, CaseOutcome]:
        """Start a case, of a level of Temporal's priorities."""
        case = case or new_case()
        self.world.talk.store.admit([StoredCase(case=case)])
        return await self.client.start_workflow(
            CaseWorkflow.run,
            case,
            id=case.case_id,
            task_queue=options.CASES_QUEUE,
            priority=Priority(priority_key=level),
        )

    async def run(self, case: CaseInput | None = None) -> CaseOutcome:
        """Run a case to its end, skipping time."""
        return await (await self.start(case)).result()

    async def until(self, handle: WorkflowHandle[CaseWorkflow, Any], *states: CaseState) -> CaseStatus:
        """Wait, without skipping time, until a case is in one of the states."""

        async def reached() -> CaseStatus | None:
            status = await handle.query(CaseWorkflow.status)
            return status if status.state in states else None

        return await eventually(reached)

    async def close_by_hand(self, handle: WorkflowHandle[CaseWorkflow, CaseOutcome]) -> CaseOutcome:
        """Close a case that waits for a person."""
        await handle.signal(CaseWorkflow.decide_human, HumanDecision(verdict=Lane.CLOSE, by="ana"))
        return await handle.result()

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


async def at_rest(handle: WorkflowHandle[Any, Any]) -> None:
    """Wait until no activity of a workflow is under way; one that waits for its next try is not.

    The time-skipping server loses the workflow task that cancels an activity which has just ended.
    """

    async def rests() -> bool:
        pending = (await handle.describe()).raw_description.pending_activities
        return all(a.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED and a.attempt > 1 for a in pending)

    await eventually(rests)


async def timers_of(handle: WorkflowHandle[Any, Any]) -> list[float]:
    """Return how long each timer of a workflow was set for, seconds, in order."""
    history = await handle.fetch_history()
    return [
        e.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta().total_seconds()
        for e in history.events
        if e.event_type == EventType.EVENT_TYPE_TIMER_STARTED
    ]


async def updates_of(handle: WorkflowHandle[Any, Any]) -> int:
    """Return how many updates a workflow has recorded."""
    history = await handle.fetch_history()
    return sum(e.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED for e in history.events)
