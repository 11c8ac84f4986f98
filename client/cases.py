"""The typed library: start, follow, list, decide and cancel cases.

async with await Headgate.connect(Path(".headgate")) as headgate:
    case_id = await headgate.start(text="I was charged twice for ORD-10023", customer_id="C-1001")
    status = await headgate.settled(case_id)
    print(status.state, status.finding)
"""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import httpx
from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from client.case_filters import case_filter
from client.case_rows import CaseRow, row_of
from client.connect import Endpoints, connect, read_endpoints
from client.refusals import explained, is_denied, lacks_namespace
from domain.case import (
    TERMINAL_STATES,
    WAITING_STATES,
    CaseAnswer,
    CaseMessage,
    CaseOutcome,
    CaseState,
    CaseStatus,
    HumanDecision,
)
from domain.errors import NotReachableError, UnknownCaseError, UsageError
from domain.inbound.signing import sign
from domain.intake import FASTEST_PER_SECOND, SLOWEST_PER_SECOND, IntakeState, PaceChange, is_possible_pace
from domain.money.approval import (
    ApprovalDecision,
    ApprovalResult,
    ApprovalView,
    DecisionAnswer,
    PendingApprovals,
    Standing,
)
from workflows import options
from workflows.approval import ApprovalWorkflow
from workflows.case import CaseWorkflow
from workflows.intake import IntakeWorkflow

ANSWER_WITHIN = timedelta(seconds=10)  # a query or update needs a live case worker
ASKED_AT_ONCE = 16

_Answer = TypeVar("_Answer", CaseAnswer, DecisionAnswer)


class Headgate:
    """A connection to a running Headgate: its Temporal, and where known its gateway.

    As a context it also explains what Temporal refuses: an `RPCError` leaves it as a `NotReachableError` that names
    address, namespace and remedy.
    """

    def __init__(self, temporal: Client, endpoints: Endpoints | None = None) -> None:
        self.temporal = temporal
        self.endpoints = endpoints
        self._http: httpx.AsyncClient | None = None

    @classmethod
    async def connect(cls, data_dir: Path | None = None) -> Self:
        """Connect to what runs with a data dir, or by `TEMPORAL_*` alone where none is given.

        Raises:
            NotReachableError: nothing runs there.
        """
        endpoints = read_endpoints(data_dir) if data_dir is not None else None
        if endpoints is None:
            return cls(await connect())
        return cls(await connect(endpoints.temporal, endpoints.namespace), endpoints)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.aclose()
        if isinstance(error, RPCError):
            raise explained(self.temporal, error) from error

    # --- cases ----------------------------------------------------------------------------------------------

    async def start(
        self,
        *,
        text: str = "",
        html: str = "",
        subject: str = "",
        customer_id: str | None = None,
        customer_email: str | None = None,
        customer_name: str | None = None,
        order_id: str | None = None,
        amount: str | None = None,
        currency: str | None = None,
        channel: str | None = None,
        tenant: str | None = None,
        lang: str | None = None,
        event_id: str | None = None,
        source: str | None = None,
    ) -> str:
        """Hand in a message through the signed webhook and return its case id; the same event id again is the same
        case. The fields are the webhook's: `text` or `html`, an amount as text ("20.50") with its currency.

        Raises:
            NotReachableError: the gateway is not known or does not answer.
            ValueError: the gateway refused the message; the text says why.
        """
        if self.endpoints is None or not self.endpoints.sources:
            raise NotReachableError("the gateway is not known: connect with the data dir of a running `headgate up`")
        target = next((s for s in self.endpoints.sources if source in (None, s.name)), None)
        if target is None:
            known = ", ".join(s.name for s in self.endpoints.sources)
            raise ValueError(f"source {source!r}: expected one of {known}")
        customer = {"id": customer_id, "email": customer_email, "name": customer_name}
        fields: dict[str, object] = {
            "text": text,
            "html": html,
            "subject": subject,
            "customer": {name: value for name, value in customer.items() if value},
            "order_id": order_id,
            "amount": amount,
            "currency": currency,
            "channel": channel,
            "tenant": tenant,
            "lang": lang,
        }
        payload = {name: value for name, value in fields.items() if value}
        body = json.dumps(payload, ensure_ascii=False).encode()
        event_id = event_id or f"evt_{uuid.uuid4().hex}"
        headers = {"content-type": "application/json", **sign(target.secret, event_id, body)}
        self._http = self._http or httpx.AsyncClient(timeout=10)
        try:
            answer = await self._http.post(
                f"{self.endpoints.gateway}/webhooks/{target.name}", content=body, headers=headers
            )
        except httpx.HTTPError as error:
            raise NotReachableError(f"the gateway at {self.endpoints.gateway!r} does not answer: {error!r}") from error
        if answer.status_code != httpx.codes.ACCEPTED:
            raise ValueError(f"the gateway refused the message with {answer.status_code}: {answer.text[:500]}")
        return str(answer.json()["case_id"])

    async def message(self, case_id: str) -> CaseMessage:
        """Return what a case is about, personal data replaced by tokens; raises as `status` does."""
        handle = self.temporal.get_workflow_handle_for(CaseWorkflow.run, case_id)
        try:
            return await handle.query(CaseWorkflow.message, rpc_timeout=ANSWER_WITHIN)
        except (RPCError, WorkflowQueryFailedError) as error:
            raise await self._unanswered(case_id, error) from error

    async def status(self, case_id: str) -> CaseStatus:
        """Return where a case stands.

        Raises:
            UnknownCaseError: there is no such case (or it has not been let in yet).
            NotReachableError: no case worker answers.
        """
        handle = self.temporal.get_workflow_handle_for(CaseWorkflow.run, case_id)
        try:
            return await handle.query(CaseWorkflow.status, rpc_timeout=ANSWER_WITHIN)
        except (RPCError, WorkflowQueryFailedError) as error:
            raise await self._unanswered(case_id, error) from error

    async def settled(self, case_id: str, *, timeout_s: float = 60.0) -> CaseStatus:
        """Follow a case until it ended or waits for a person.

        Raises:
            TimeoutError: neither happened within `timeout_s` seconds.
        """
        async for status in self.follow(case_id, timeout_s=timeout_s):
            if status.state in TERMINAL_STATES | WAITING_STATES:
                return status
        raise TimeoutError(f"{case_id} is still running after {timeout_s:g} s")

    async def follow(self, case_id: str, *, timeout_s: float = 60.0, every_s: float = 0.3) -> AsyncIterator[CaseStatus]:
        """Yield the status whenever it changes, until the case ends or the time is up; waits for it to be let in."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        last: CaseStatus | None = None
        while loop.time() < deadline:
            try:
                status = await self.status(case_id)
            except UnknownCaseError:
                await asyncio.sleep(every_s)
                continue
            if status != last:
                last = status
                yield status
            if status.state in TERMINAL_STATES:
                return
            await asyncio.sleep(every_s)

    async def row(self, case_id: str) -> CaseRow:
        """Return a case as it stands in a list; needs no worker.

        Raises:
            UnknownCaseError: there is no such case.
        """
        return row_of(await self._describe(case_id))

    async def outcome(self, case_id: str) -> CaseOutcome | None:
        """Return how a case ended; None while it is open. One that was ended from outside counts as cancelled.

        Raises:
            UnknownCaseError: there is no such case.
        """
        handle = self.temporal.get_workflow_handle_for(CaseWorkflow.run, case_id)
        description = await self._describe(case_id)
        if description.status is WorkflowExecutionStatus.RUNNING:
            return None
        try:
            return await handle.result()
        except WorkflowFailureError:
            row = row_of(description)
            return CaseOutcome(
                case_id=case_id,
                source=case_id.split("/")[1],
                tenant=row.tenant or "",
                state=CaseState.CANCELLED if row.ended_outside else CaseState(row.state),
                finding=f"{row.state} in Temporal, past Headgate" if row.ended_outside else "",
                closed_at=row.closed_at,
            )

    async def cases(
        self, *, state: str | None = None, category: str | None = None, limit: int = 100
    ) -> AsyncIterator[CaseRow]:
        """Yield cases, newest first. Raises UsageError for a state or category that does not exist."""
        query = case_filter(state, category)
        seen: set[str] = set()
        async for found in self.temporal.list_workflows(query, page_size=min(limit, 1000)):
            if len(seen) == limit:
                return
            if found.id in seen or (state == CaseState.DEAD_LETTERED and await self._was_replayed(found)):
                continue
            seen.add(found.id)  # the newest run comes first; an older one was replayed
            yield row_of(found)

    async def count(self, query: str = "") -> int:
        """Count cases, with a further condition in Temporal's list filter."""
        where = case_filter() + (f" AND {query}" if query else "")
        return (await self.temporal.count_workflows(where)).count

    async def cancel(self, case_id: str) -> None:
        """Ask a case to end; what it waits for ends with it, and nothing is paid afterwards.

        Raises:
            UnknownCaseError: there is no such case.
            ValueError: it has ended already.
        """
        description = await self._describe(case_id)
        if description.status is not WorkflowExecutionStatus.RUNNING:
            raise ValueError(f"{case_id} has ended already: {row_of(description).state}")
        await self.temporal.get_workflow_handle(case_id).cancel()

    async def decide_case(self, case_id: str, decision: HumanDecision) -> CaseAnswer:
        """Route, answer or close a case that waits in the human lane, and learn whether it counted."""
        handle = self.temporal.get_workflow_handle_for(CaseWorkflow.run, case_id)
        try:
            return await handle.execute_update(CaseWorkflow.decide, decision, rpc_timeout=ANSWER_WITHIN)
        except WorkflowUpdateFailedError as error:
            return _turned_away(error, CaseAnswer)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                description = await self._describe(case_id)
                return CaseAnswer(accepted=False, message=f"the case has ended: {row_of(description).state}")
            raise await self._unanswered(case_id, error) from error

    # --- approvals ------------------------------------------------------------------------------------------

    async def pending(self) -> PendingApprovals:
        """Return the approvals that wait for a decision; one that does not answer does not hide the others.

        Raises:
            NotReachableError: none of them answers.
        """
        query = "WorkflowType = 'ApprovalWorkflow' AND ExecutionStatus = 'Running'"
        ids = [found.id async for found in self.temporal.list_workflows(query)]
        turns = asyncio.Semaphore(ASKED_AT_ONCE)

        async def show(approval_id: str) -> ApprovalView:
            async with turns:
                return await self.show(approval_id)

        found = await asyncio.gather(*(show(i) for i in ids), return_exceptions=True)
        views = [view for view in found if isinstance(view, ApprovalView)]
        failed = {i: error for i, error in zip(ids, found, strict=True) if isinstance(error, BaseException)}
        if failed and not views:
            raise next(iter(failed.values()))
        waiting = (view for view in views if view.standing is Standing.PENDING)
        return PendingApprovals(
            views=sorted(waiting, key=lambda view: (view.requested_at, view.approval_id)), unshown=sorted(failed)
        )

    async def show(self, approval_id: str) -> ApprovalView:
        """Return an approval with its brief. Raises UnknownCaseError if there is none."""
        handle = self.temporal.get_workflow_handle_for(ApprovalWorkflow.run, approval_id)
        try:
            return await handle.query(ApprovalWorkflow.view, rpc_timeout=ANSWER_WITHIN)
        except (RPCError, WorkflowQueryFailedError) as error:
            raise await self._unanswered(approval_id, error) from error

    async def decide(self, decision: ApprovalDecision) -> DecisionAnswer:
        """Approve or reject, and learn whether it counted."""
        handle = self.temporal.get_workflow_handle_for(ApprovalWorkflow.run, decision.approval_id)
        try:
            return await handle.execute_update(ApprovalWorkflow.submit, decision, rpc_timeout=ANSWER_WITHIN)
        except WorkflowUpdateFailedError as error:
            return _turned_away(error, DecisionAnswer)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise await self._unanswered(decision.approval_id, error) from error
        description = await self._describe(decision.approval_id)
        try:
            ended: ApprovalResult = await handle.result()
        except WorkflowFailureError:
            return DecisionAnswer(
                accepted=False, message="the request was withdrawn with its case", standing=Standing.CANCELLED
            )
        when = f" at {ended.at:%Y-%m-%d %H:%M:%S} UTC" if ended.at else ""
        who = f" by {ended.by}" if ended.by else ""
        return DecisionAnswer(
            accepted=False,
            message=f"too late: it was {ended.standing}{who}{when} and nothing was changed ({description.run_id[:8]})",
            standing=ended.standing,
        )

    # --- intake ---------------------------------------------------------------------------------------------

    async def intake(self, within: timedelta = ANSWER_WITHIN) -> IntakeState:
        """Return pace, pause and counts of the intake.

        Raises:
            UnknownCaseError: the intake was never started.
            NotReachableError: no case worker answers within that time.
        """
        handle = self.temporal.get_workflow_handle_for(IntakeWorkflow.run, options.INTAKE_WORKFLOW_ID)
        try:
            return await handle.query(IntakeWorkflow.state, rpc_timeout=within)
        except (RPCError, WorkflowQueryFailedError) as error:
            raise await self._unanswered(options.INTAKE_WORKFLOW_ID, error) from error

    async def pause_intake(self, within: timedelta = timedelta(seconds=30)) -> IntakeState:
        """Let nothing more in, and wait until the batch that was on its way is in: after that nothing more begins.

        Where the state returned is still `taking`, the time was too short.
        """
        await self._signal_intake("pause")
        deadline = asyncio.get_running_loop().time() + within.total_seconds()
        while True:
            state = await self.intake()
            if not state.taking or not state.paused or asyncio.get_running_loop().time() > deadline:
                return state
            await asyncio.sleep(0.2)

    async def resume_intake(self) -> None:
        """Go on letting in."""
        await self._signal_intake("resume")

    async def pace_intake(self, per_second: float) -> None:
        """Set how many cases are let in per second. Raises UsageError for a pace that cannot be kept."""
        if not is_possible_pace(per_second):
            raise UsageError(
                f"pace {per_second!r}: expected cases per second, from {SLOWEST_PER_SECOND:g} to {FASTEST_PER_SECOND:g}"
                "; `headgate intake pause` lets nothing in"
            )
        await self._signal_intake("set_pace", PaceChange(per_second=per_second))

    async def _signal_intake(self, name: str, argument: PaceChange | None = None) -> None:
        handle = self.temporal.get_workflow_handle(options.INTAKE_WORKFLOW_ID)
        try:
            await (handle.signal(name) if argument is None else handle.signal(name, argument))
        except RPCError as error:
            raise await self._unanswered(options.INTAKE_WORKFLOW_ID, error) from error

    # --- what went wrong ------------------------------------------------------------------------------------

    async def _was_replayed(self, execution: WorkflowExecution) -> bool:
        return (await self._describe(execution.id)).run_id != execution.run_id

    async def _describe(self, workflow_id: str) -> WorkflowExecutionDescription:
        try:
            return await self.temporal.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            unknown = error.status in (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT)
            if unknown and not lacks_namespace(error):
                raise UnknownCaseError(workflow_id) from error
            raise explained(self.temporal, error) from error

    async def _unanswered(self, workflow_id: str, error: Exception) -> Exception:
        """Return what a failed call means: no such thing, not for these credentials, or nobody there to answer."""
        await self._describe(workflow_id)
        if isinstance(error, RPCError) and is_denied(error):
            return explained(self.temporal, error)
        return NotReachableError(
            f"{workflow_id} exists, but no case worker answered ({str(error)[:120]}): `headgate doctor` says which "
            "worker is missing, `headgate worker --role case` starts this one"
        )


def _turned_away(error: WorkflowUpdateFailedError, answer: type[_Answer]) -> _Answer:
    """Return the answer that came with an update which the workflow did not take."""
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.details:
        return answer.model_validate(cause.details[0])
    return answer(accepted=False, message=str(cause))
