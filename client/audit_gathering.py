"""Gather the facts of an audit from the stores and Temporal, and let `domain.audit.verdict` judge them."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from client.standstill.stuck import reported_stuck, stands_still
from domain.audit.facts import (
    AuditFacts,
    AuditReport,
    CaseRun,
    Doing,
    ExecutionStatus,
    PenFacts,
    StoreFacts,
    Stuck,
)
from domain.audit.verdict import confirmed, judge
from domain.case import TERMINAL_STATES, WAITING_STATES, CaseState, CaseStatus, case_of
from ports.audit import RailLog, StoreFactsReader
from ports.incoming.inbox import Inbox
from workflows.options import CASE_STATE

GRACE_S = 120.0
CONFIRM_AFTER_S = 2.0
PAGE = 1000
AT_ONCE = 16
DESCRIBED_AT_MOST = 5000  # beyond, Temporal's own search attribute for failing workflow tasks has to do
QUERY_TIMEOUT = timedelta(seconds=5)
FAILING_ACTIVITY_ATTEMPTS = 20  # a quarter of an hour of retries without an end

_STATUS = {
    WorkflowExecutionStatus.RUNNING: ExecutionStatus.RUNNING,
    WorkflowExecutionStatus.COMPLETED: ExecutionStatus.COMPLETED,
    WorkflowExecutionStatus.FAILED: ExecutionStatus.FAILED,
    WorkflowExecutionStatus.CANCELED: ExecutionStatus.CANCELED,
    WorkflowExecutionStatus.TERMINATED: ExecutionStatus.TERMINATED,
    WorkflowExecutionStatus.TIMED_OUT: ExecutionStatus.TIMED_OUT,
}


async def run_audit(
    inbox: Inbox,
    store: StoreFactsReader,
    rail: RailLog,
    client: Client,
    *,
    hook: bool = False,
    grace_s: float = GRACE_S,
    confirm_after_s: float = CONFIRM_AFTER_S,
) -> AuditReport:
    """Check promises S1 to S6 and L1 to L3. A violation is reported only if a second look confirms it.

    Args:
        inbox: the holding pen.
        store: ledger, approvals, endings.
        rail: the provider's log, the truth about money.
        client: a Temporal client with the workers' data converter.
        hook: whether words to people go to a webhook; what goes to a log only is not asked after.
        grace_s: what is younger is under way, not missing, seconds.
        confirm_after_s: how long after the first look the second one is taken, seconds.

    Raises:
        TransientError: the pen, the store or the provider cannot be reached.
        RPCError: Temporal cannot be reached.
    """
    gather = _FactGatherer(inbox, store, rail, client, grace_s, hook=hook)
    first = judge(await gather.facts())
    if first.clean:
        return first
    await asyncio.sleep(confirm_after_s)
    return confirmed(first, judge(await gather.facts()))


class _FactGatherer:
    def __init__(
        self, inbox: Inbox, store: StoreFactsReader, rail: RailLog, client: Client, grace_s: float, *, hook: bool
    ) -> None:
        self._inbox = inbox
        self._store = store
        self._rail = rail
        self._client = client
        self._grace_s = grace_s
        self._hook = hook
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def facts(self) -> AuditFacts:
        """Look at everything once. Causes are read after their effects, so that no cause seems to be missing."""
        payments = await self._rail.log()
        stored = await asyncio.to_thread(
            self._store.read, [entry.charge_id for entry in payments if entry.charge_id is not None]
        )
        paid = {entry.key for entry in payments}
        booked = {e.key for e in stored.effects if e.state == "executed" and e.charge_id is not None}
        if booked - stored.failed.keys() - paid:
            payments = await self._rail.log()  # paid while the store was being read
        runs = await self._case_runs()
        opened = await self._open_workflows()
        pen = await self._pen_facts()
        now = datetime.now(UTC)
        await self._look_closer(runs, pen, stored)
        described = await self._describe_all(opened)
        self._note_what_they_do(runs, described, now)
        await self._ask_deadlines(runs, stored, now)
        return AuditFacts(
            now=now,
            grace_s=self._grace_s,
            pen=pen,
            rail=payments,
            effects=stored.effects,
            failed=stored.failed,
            entries=stored.entries,
            approvals=stored.approvals,
            dead_letters=stored.dead_letters,
            cases=stored.cases,
            charges=stored.charges,
            forbidden=stored.forbidden,
            stops=stored.stops,
            untold=stored.untold,
            hook=self._hook,
            runs=list(runs.values()),
            stuck=await self._stuck_workflows(described, now),
            open_workflows=len(opened),
        )

    async def _pen_facts(self) -> PenFacts:
        accepted: list[str] = []
        while page := await self._inbox.accepted(accepted[-1] if accepted else "", PAGE):
            accepted.extend(page)
        depth = await self._inbox.depth()
        return PenFacts(accepted=accepted, ready=depth.ready, leased=depth.leased, oldest_s=depth.oldest_s)

    # --- workflows -----------------------------------------------------------------------------------------------

    async def _case_runs(self) -> dict[str, CaseRun]:
        """Return the latest run of each case."""
        runs: dict[str, CaseRun] = {}
        async for execution in self._client.list_workflows("WorkflowType = 'CaseWorkflow'", page_size=PAGE):
            run = _case_run(execution)
            known = runs.get(run.case_id) if run is not None else None
            if run is not None and (known is None or run.started_at > known.started_at):
                runs[run.case_id] = run
        return runs

    async def _open_workflows(self) -> list[WorkflowExecution]:
        listed = self._client.list_workflows("ExecutionStatus = 'Running'", page_size=PAGE)
        return [execution async for execution in listed]

    async def _look_closer(self, runs: dict[str, CaseRun], pen: PenFacts, stored: StoreFacts) -> None:
        """Ask Temporal for each case whose listing looks wrong: listings lag behind, descriptions do not."""
        states = {case.case_id: case.state for case in stored.cases}
        dead = {letter.case_id for letter in stored.dead_letters}
        unseen = [
            case_id
            for case_id in pen.accepted
            if case_id not in runs and states.get(case_id) not in TERMINAL_STATES and case_id not in dead
        ]
        odd = [
            run.case_id
            for run in runs.values()
            if run.state not in WAITING_STATES
            and (run.state not in TERMINAL_STATES or states.get(run.case_id) != run.state)
        ]
        for case_id, description in zip(
            [*unseen, *odd], await self._describe_each([(case_id, None) for case_id in [*unseen, *odd]]), strict=True
        ):
            run = _case_run(description) if description is not None else None
            if run is not None:
                runs[case_id] = run

    async def _describe_all(self, opened: list[WorkflowExecution]) -> list[WorkflowExecutionDescription]:
        oldest = sorted(opened, key=lambda execution: execution.start_time)[:DESCRIBED_AT_MOST]
        found = await self._describe_each([(execution.id, execution.run_id) for execution in oldest])
        return [description for description in found if description is not None]

    async def _describe_each(
        self, wanted: Iterable[tuple[str, str | None]]
    ) -> list[WorkflowExecutionDescription | None]:
        async def describe(workflow_id: str, run_id: str | None) -> WorkflowExecutionDescription | None:
            async with self._gate:
                try:
                    return await self._client.get_workflow_handle(workflow_id, run_id=run_id).describe()
                except RPCError as error:
                    if error.status is RPCStatusCode.NOT_FOUND:
                        return None
                    raise

        return await asyncio.gather(*(describe(workflow_id, run_id) for workflow_id, run_id in wanted))

    def _note_what_they_do(
        self, runs: dict[str, CaseRun], described: list[WorkflowExecutionDescription], now: datetime
    ) -> None:
        """Note for each running case what it and its children are doing."""
        by_case: dict[str, list[WorkflowExecutionDescription]] = {}
        for description in described:
            by_case.setdefault(case_of(description.id), []).append(description)
        for run in runs.values():
            if run.status is not ExecutionStatus.RUNNING or run.state in WAITING_STATES:
                continue
            seen = [_what_it_does(description, now, self._grace_s) for description in by_case.get(run.case_id, [])]
            order = [Doing.UNATTENDED, Doing.WORKED_ON, Doing.SLEEPS]
            run.doing, run.doing_what = min(seen, key=lambda told: order.index(told[0]), default=(Doing.UNKNOWN, ""))

    async def _ask_deadlines(self, runs: dict[str, CaseRun], stored: StoreFacts, now: datetime) -> None:
        """Ask waiting cases for their deadline where the store does not know it."""
        waits = {
            CaseState.WAITING_HUMAN: {case.case_id: case.human_deadline_s for case in stored.cases},
            CaseState.WAITING_CUSTOMER: {case.case_id: case.customer_wait_s for case in stored.cases},
        }
        pending = {a.case_id for a in stored.approvals if a.standing == "pending" and a.expires_at > now}

        async def ask(run: CaseRun) -> None:
            async with self._gate:
                handle = self._client.get_workflow_handle(run.case_id, run_id=run.run_id)
                try:
                    status = await handle.query("status", result_type=CaseStatus, rpc_timeout=QUERY_TIMEOUT)
                except RPCError:
                    return  # the audit then says that nobody knows
                run.state, run.waits_until = status.state, status.waits_until

        def says_enough(run: CaseRun) -> bool:
            if run.state == CaseState.WAITING_APPROVAL:
                return run.case_id in pending
            # It began to wait after it was started, so this deadline is the earliest possible.
            wait_s = waits.get(CaseState(run.state or ""), {}).get(run.case_id, 0.0)
            return run.started_at + timedelta(seconds=wait_s) > now

        asked = [
            run
            for run in runs.values()
            if run.status is ExecutionStatus.RUNNING and run.state in WAITING_STATES and not says_enough(run)
        ]
        await asyncio.gather(*(ask(run) for run in asked))

    async def _stuck_workflows(self, described: list[WorkflowExecutionDescription], now: datetime) -> list[Stuck]:
        found: dict[str, Stuck] = {}
        for one in described:
            stuck = _stuck_by_activity(one, now, self._grace_s) or await stands_still(self._client, one)
            if stuck is not None:
                found[one.id] = stuck
        for told in await reported_stuck(self._client):
            found.setdefault(told.workflow_id, told)
        return list(found.values())


def _case_run(execution: WorkflowExecution) -> CaseRun | None:
    status = _STATUS.get(execution.status) if execution.status is not None else None
    if status is None or execution.workflow_type != "CaseWorkflow":  # continued as new: another run goes on
        return None
    return CaseRun(
        case_id=execution.id,
        run_id=execution.run_id,
        status=status,
        state=execution.typed_search_attributes.get(CASE_STATE),
        started_at=execution.start_time,
    )


def _what_it_does(description: WorkflowExecutionDescription, now: datetime, grace_s: float) -> tuple[Doing, str]:
    raw = description.raw_description
    late = now - timedelta(seconds=grace_s)
    if raw.HasField("pending_workflow_task"):
        task = raw.pending_workflow_task
        waits_since = task.scheduled_time.ToDatetime(UTC)
        if not task.HasField("started_time") and waits_since < late:
            return Doing.UNATTENDED, f"a workflow task of {description.id} waits since {waits_since.isoformat()}"
        return Doing.WORKED_ON, "a workflow task"
    told = [_what_an_activity_does(activity, now, late) for activity in raw.pending_activities]
    order = [Doing.UNATTENDED, Doing.WORKED_ON, Doing.SLEEPS]
    return min(told, key=lambda each: order.index(each[0]), default=(Doing.SLEEPS, "timers and signals only"))


def _what_an_activity_does(activity: PendingActivityInfo, now: datetime, late: datetime) -> tuple[Doing, str]:
    name = activity.activity_type.name
    if activity.state != PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED:
        return Doing.WORKED_ON, name
    waits_since = activity.scheduled_time.ToDatetime(UTC)
    # The server tells the next attempt's time in either field, depending on its version.
    next_at = max(waits_since, activity.next_attempt_schedule_time.ToDatetime(UTC))
    if activity.attempt > 1 and next_at > now:
        return Doing.SLEEPS, f"{name} is tried again at {next_at.isoformat()}"
    if waits_since < late:
        return Doing.UNATTENDED, f"{name} waits for a worker since {waits_since.isoformat()}"
    return Doing.WORKED_ON, name


def _stuck_by_activity(description: WorkflowExecutionDescription, now: datetime, grace_s: float) -> Stuck | None:
    raw = description.raw_description
    problem, attempts = "", 0
    for activity in raw.pending_activities:
        name, failure = activity.activity_type.name, activity.last_failure.application_failure_info.type or "an error"
        has_end = activity.HasField("expiration_time") and activity.expiration_time.seconds > 0
        if has_end and activity.expiration_time.ToDatetime(UTC) < now - timedelta(seconds=grace_s):
            problem, attempts = f"activity {name} goes on past its time", activity.attempt
        elif not has_end and activity.attempt >= FAILING_ACTIVITY_ATTEMPTS:
            problem, attempts = f"activity {name} fails without end ({failure})", activity.attempt
    if not problem:
        return None
    return Stuck(
        workflow_id=description.id,
        run_id=description.run_id,
        workflow_type=description.workflow_type,
        problem=problem,
        attempts=attempts,
    )
