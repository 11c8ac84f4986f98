"""What Temporal itself says of the cases, asked without the product's own code."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionDescription
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode

from tests.faults.plan import SOURCE
from tests.faults.records import CaseRun

NAMESPACE = "headgate"
FAILING_ATTEMPTS = 3  # of a workflow task: by then it is no accident
AT_ONCE = 16
_STATE = SearchAttributeKey.for_keyword("CaseState")
_LATE = timedelta(seconds=30)


async def connected(address: str) -> Client:
    """Connect; a plain client reads all that is asked for here."""
    return await Client.connect(address, namespace=NAMESPACE)


async def under_way(client: Client, events: Iterable[str]) -> tuple[list[str], int]:
    """Return the cases that work, as the listing has them, and how many of these events it has no case of."""
    found, working = set(), []
    async for one in client.list_workflows("WorkflowType = 'CaseWorkflow'", page_size=1000):
        found.add(_event_of(one.id))
        if _is_open(one) and not (one.typed_search_attributes.get(_STATE) or "").startswith("waiting"):
            working.append(one.id)
    return working, len(set(events) - found)


async def runs_of_cases(client: Client, events: Iterable[str]) -> list[CaseRun]:
    """Return every run of every case; events that no listing has are asked for one by one, since listings lag."""
    listed = [found async for found in client.list_workflows("WorkflowType = 'CaseWorkflow'", page_size=1000)]
    missing = set(events) - {_event_of(found.id) for found in listed}
    turns = asyncio.Semaphore(AT_ONCE)

    async def looked_up(workflow_id: str, run_id: str | None = None) -> WorkflowExecutionDescription | None:
        async with turns:
            try:
                return await client.get_workflow_handle(workflow_id, run_id=run_id).describe()
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    return None
                raise

    late = await asyncio.gather(*(looked_up(f"case/{SOURCE}/{event}") for event in sorted(missing)))
    every: list[WorkflowExecution] = [*listed, *(one for one in late if one is not None)]
    states = [one.typed_search_attributes.get(_STATE) for one in every]
    odd = [one for one, state in zip(every, states, strict=True) if _is_open(one) or not state]
    closer = {d.run_id: d for d in await asyncio.gather(*(looked_up(o.id, o.run_id) for o in odd)) if d is not None}
    return await asyncio.gather(*(_run(client, closer.get(one.run_id, one), turns) for one in every))


def _is_open(one: WorkflowExecution) -> bool:
    return one.close_time is None


def _event_of(workflow_id: str) -> str:
    return workflow_id.rpartition("/")[2]


async def _run(client: Client, one: WorkflowExecution, turns: asyncio.Semaphore) -> CaseRun:
    state = one.typed_search_attributes.get(_STATE)
    until = None
    if _is_open(one) and state is not None and state.startswith("waiting"):
        async with turns:
            until = await _deadline(client, one)
    return CaseRun(
        event_id=_event_of(one.id),
        run_id=one.run_id,
        status=one.status.name.lower() if one.status is not None else "unknown",
        state=state,
        started=one.start_time.timestamp(),
        closed=one.close_time.timestamp() if one.close_time is not None else None,
        waits_until=until,
        problem=_what_it_waits_for(one),
    )


async def _deadline(client: Client, one: WorkflowExecution) -> float | None:
    handle = client.get_workflow_handle(one.id, run_id=one.run_id)
    try:
        told: dict[str, Any] = await handle.query("status", rpc_timeout=timedelta(seconds=10))
    except RPCError:
        return None
    until = told.get("waits_until")
    return datetime.fromisoformat(until).timestamp() if until else None


def _what_it_waits_for(one: WorkflowExecution) -> str:
    if not isinstance(one, WorkflowExecutionDescription):
        return ""
    raw = one.raw_description
    told = [
        f"{a.activity_type.name} attempt {a.attempt}: {a.last_failure.message[:100]}" for a in raw.pending_activities
    ]
    if raw.HasField("pending_workflow_task"):
        told.append(f"a workflow task, attempt {raw.pending_workflow_task.attempt}")
    return "; ".join(told) or "timers"


async def stuck(client: Client) -> dict[str, str]:
    """Return the workflows that cannot go on by themselves, and why."""
    found: dict[str, str] = {}
    now, turns = datetime.now(UTC), asyncio.Semaphore(AT_ONCE)

    async def look_at(one: WorkflowExecution) -> None:
        async with turns:
            raw = (await client.get_workflow_handle(one.id, run_id=one.run_id).describe()).raw_description
        if raw.HasField("pending_workflow_task") and raw.pending_workflow_task.attempt > FAILING_ATTEMPTS:
            found[one.id] = f"its workflow task fails, attempt {raw.pending_workflow_task.attempt}"
        for activity in raw.pending_activities:
            has_end = activity.HasField("expiration_time") and activity.expiration_time.seconds > 0
            if has_end and activity.expiration_time.ToDatetime(UTC) < now - _LATE:
                found[one.id] = f"{activity.activity_type.name} goes on past its time"

    opened = [one async for one in client.list_workflows("ExecutionStatus = 'Running'", page_size=1000)]
    await asyncio.gather(*(look_at(one) for one in opened))
    async for one in client.list_workflows("ExecutionStatus IN ('Failed', 'Terminated', 'TimedOut')"):
        found[one.id] = f"its workflow is {one.status.name.lower() if one.status else 'unknown'}"
    return found
