"""Mend workflows that stand still: go back to before the message that their workflow task fails at.

Temporal's reset begins a new run of the same workflow from the end of its last good task. Steps of that task are done
once more, under the same keys. Signals that came after it are sent again one by one, without the one that did the harm.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from temporalio.api.common.v1 import Payloads, WorkflowExecution
from temporalio.api.enums.v1 import EventType, ResetReapplyExcludeType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest, SignalWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionStatus

from client.standstill.stuck import failing_task

SETTLES_WITHIN_S = 15.0  # a workflow task may hold first tries of five seconds
FAILS_FOR_S = 2.0  # a task that is tried again for so long fails
UPDATE = "an update, of which Temporal keeps no name before it is taken"
_LOOK_EVERY_S = 0.1
_BY = "headgate unstick"
_COMPLETED = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
_FAILED = (EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED, EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT)
_SIGNALED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
_CHILD = EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED


@dataclass(frozen=True)
class WayBack:
    """What the history of a workflow that stands still says of a reset.

    Attributes:
        to: the event of the last good workflow task; 0 if there is none to go back to.
        failure: what the task fails with.
        suspects: signals that came before the failing task, since the last good one.
        later: signals that came since it fails.
        why_not: why a reset would mend nothing or do harm; empty if it may be done.
    """

    to: int
    failure: str
    suspects: tuple[HistoryEvent, ...] = ()
    later: tuple[HistoryEvent, ...] = ()
    why_not: str = ""


@dataclass
class Unstuck:
    """What became of one workflow: `left_out` and `sent_again` name signals, the former are gone for good."""

    workflow_id: str
    mended: bool
    message: str
    left_out: list[str] = field(default_factory=list)
    sent_again: list[str] = field(default_factory=list)

    def as_document(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "id": self.workflow_id,
            "accepted": self.mended,
            "message": self.message,
            "left_out": self.left_out,
            "sent_again": self.sent_again,
        }


def way_back(events: Sequence[HistoryEvent]) -> WayBack:
    """Judge from its history how a workflow that stands still can be mended."""
    to = max((event.event_id for event in events if event.event_type == _COMPLETED), default=0)
    since = [event for event in events if event.event_id > to]
    fails = next((event for event in since if event.event_type in _FAILED), None)
    first = fails.event_id if fails is not None else len(events) + 1
    signals = [event for event in since if event.event_type == _SIGNALED]
    suspects = tuple(event for event in signals if event.event_id < first)
    later = tuple(event for event in signals if event.event_id > first)
    failure = _failure(fails)
    children = [
        event.start_child_workflow_execution_initiated_event_attributes.workflow_id
        for event in since
        if event.event_type == _CHILD
    ]
    why_not = ""
    if not to:
        why_not = (
            "its first task timed out, so its worker is busy or away: see `headgate doctor`; it goes on by itself"
            if fails is not None and fails.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT
            else "its very first task fails, so there is nothing to go back to: give it a case worker that can do it, "
            "or end it in Temporal's own tools (`temporal workflow terminate`)"
        )
    elif not suspects and not _at_an_update(fails):
        why_not = (
            "no message came since its last good task, so none is at fault: mend the case worker, then it goes on by "
            "itself"
        )
    elif children:
        why_not = f"its last good task began {children[0]}, which a reset would begin twice: mend the case worker"
    return WayBack(to, failure, suspects, later, why_not)


async def unstick(client: Client, workflow_id: str, *, dry_run: bool = False) -> Unstuck:
    """Mend one workflow, or say why that cannot be done from outside.

    Raises:
        RPCError: there is no such workflow, or Temporal refuses.
    """
    described = await client.get_workflow_handle(workflow_id).describe()
    if described.status is not WorkflowExecutionStatus.RUNNING:
        return Unstuck(workflow_id, True, "has ended: there is nothing to mend")
    if failing_task(described, attempts=2) is None:
        return Unstuck(workflow_id, True, "is not stuck: no workflow task of it fails")
    return await _Mending(client, workflow_id).mend(described.run_id, dry_run=dry_run)


class _Mending:
    """The mending of one workflow. Everything that is sent has a request id: two at once do no more than one."""

    def __init__(self, client: Client, workflow_id: str) -> None:
        self._client = client
        self._id = workflow_id
        self._run_id = ""
        self._poison: list[tuple[str, bytes]] = []
        self._told = Unstuck(workflow_id, False, "")

    async def mend(self, run_id: str, *, dry_run: bool) -> Unstuck:
        way = way_back(await self._events(run_id))
        if way.why_not:
            self._told.message = f"cannot be mended from here ({way.failure}): {way.why_not}"
            return self._told
        if dry_run:
            names = ", ".join(_named(event) for event in way.suspects) or UPDATE
            self._told.message = f"would go back to event {way.to}, before {names} ({way.failure})"
            return self._told
        signals = await self._reset(run_id, way)
        if not await self._goes_on():
            for event in signals:
                await self._send(event, run_id)
                self._told.sent_again.append(_named(event))
            self._told.message = f"was reset to event {way.to}, and fails all the same: mend the case worker"
            return self._told
        if not way.suspects:
            self._told.left_out.append(UPDATE)
        if len(way.suspects) == 1:
            self._poison.append(_content(way.suspects[0]))
        self._told.message = f"was reset to event {way.to} and goes on; it had failed with {way.failure}"
        self._told.mended = await self._send_again(deque(signals), run_id)
        return self._told

    async def _send_again(self, signals: deque[HistoryEvent], run_id: str) -> bool:
        """Send signals again in their order; one that does the harm is found by that, and taken away again.

        Return False if one of them could not be taken away.
        """
        while signals:
            event = signals.popleft()
            if _content(event) in self._poison:
                self._told.left_out.append(_named(event))
                continue
            await self._send(event, run_id)
            if await self._goes_on():
                self._told.sent_again.append(_named(event))
                continue
            self._poison.append(_content(event))
            way = way_back(await self._events(self._run_id))
            if way.why_not:
                names = ", ".join(map(_named, signals)) or "none"
                self._told.message = f"fails again at {_named(event)} ({way.failure}): {way.why_not}; not sent: {names}"
                return False
            run_id = self._run_id
            signals.extendleft(reversed(await self._reset(run_id, way)))
            await self._goes_on()
        return True

    async def _reset(self, run_id: str, way: WayBack) -> list[HistoryEvent]:
        """Begin a new run from the last good task; return the signals of the old one that it does not have."""
        done = await self._client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=self._client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=self._id, run_id=run_id),
                reason=f"{_BY}: {way.failure}"[:500],
                workflow_task_finish_event_id=way.to,
                request_id=f"{_BY}/{run_id}",
                identity=_BY,
                reset_reapply_exclude_types=[ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL],
            )
        )
        self._run_id = done.run_id
        # Only now the old run has all its signals: those that came during its last try are written when it ends.
        return [e for e in await self._events(run_id) if e.event_type == _SIGNALED and e.event_id > way.to]

    async def _send(self, event: HistoryEvent, run_id: str) -> None:
        sent = event.workflow_execution_signaled_event_attributes
        await self._client.workflow_service.signal_workflow_execution(
            SignalWorkflowExecutionRequest(
                namespace=self._client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=self._id),
                signal_name=sent.signal_name,
                input=Payloads(payloads=sent.input.payloads),
                header=sent.header,
                request_id=f"{_BY}/{run_id}/{event.event_id}",
                identity=_BY,
            )
        )

    async def _goes_on(self) -> bool:
        """Wait until the workflow task under way is done; return False if it fails. Nobody there is no failure."""
        loop = asyncio.get_running_loop()
        until = loop.time() + SETTLES_WITHIN_S
        fails_since: float | None = None
        while loop.time() < until:
            described = await self._client.get_workflow_handle(self._id).describe()
            self._run_id = described.run_id
            if not described.raw_description.HasField("pending_workflow_task"):
                return True
            if failing_task(described, attempts=2) is not None:
                fails_since = fails_since or loop.time()
                if loop.time() - fails_since > FAILS_FOR_S:
                    return False
            await asyncio.sleep(_LOOK_EVERY_S)
        return fails_since is None

    async def _events(self, run_id: str) -> Sequence[HistoryEvent]:
        return (await self._client.get_workflow_handle(self._id, run_id=run_id).fetch_history()).events


def _content(event: HistoryEvent) -> tuple[str, bytes]:
    sent = event.workflow_execution_signaled_event_attributes
    return sent.signal_name, sent.input.SerializeToString(deterministic=True)


def _named(event: HistoryEvent) -> str:
    sent = event.workflow_execution_signaled_event_attributes
    return f"the signal {sent.signal_name!r} of {event.event_time.ToDatetime():%Y-%m-%d %H:%M:%S} UTC"


def _at_an_update(event: HistoryEvent | None) -> bool:
    """Tell from where in the SDK a task failed whether an update was being taken: histories hold only taken ones."""
    return event is not None and "in run_update\n" in event.workflow_task_failed_event_attributes.failure.stack_trace


def _failure(event: HistoryEvent | None) -> str:
    if event is None:
        return "a workflow task that ends in no time"
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
        return "a workflow task that timed out"
    failure = event.workflow_task_failed_event_attributes.failure
    kind = failure.application_failure_info.type
    return f"{kind}: {failure.message}"[:200] if kind else failure.message[:200] or "an unknown failure"
