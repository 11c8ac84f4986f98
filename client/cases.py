"""`headgate.cases`: start, follow, list, decide and cancel cases."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator

import httpx
from pydantic import BaseModel, Field
from temporalio.api.workflowservice.v1 import ResetActivityRequest
from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError, RPCStatusCode

from client.case_filters import ENDED_OUTSIDE, case_filter, finding_fits
from client.case_rows import CaseRow, row_of
from client.refusals import ANSWER_WITHIN, answer_of_rejected, decision_unheard, describe, unanswered
from client.which import Endpoints, source_named
from domain.case import (
    SIGNED_EVENT_ID,
    TERMINAL_STATES,
    WAITING_STATES,
    CaseAnswer,
    CaseMessage,
    CaseOutcome,
    CaseState,
    CaseStatus,
    HumanDecision,
)
from domain.errors import ImpossibleError, NotReachableError, UnknownCaseError, UsageError
from domain.inbound.signing import sign
from workflows.case import CaseWorkflow

ASKED_AT_ONCE = 16
_MAY_GO_ON = (CaseState.DEAD_LETTERED, *ENDED_OUTSIDE)
"""States of a run after which another one may have begun: a replay, or what `unstick` reset."""


class RoutedCases(BaseModel):
    """What became of routing many: how many waited, which took it, and which did not and why."""

    looked_at: int = 0
    routed: list[str] = Field(default_factory=list)
    refused: dict[str, str] = Field(default_factory=dict)


class Cases:
    """The cases of a running Headgate. `start` needs to know its gateway; everything else needs its Temporal alone."""

    def __init__(self, temporal: Client, endpoints: Endpoints | None = None) -> None:
        self._temporal = temporal
        self._endpoints = endpoints
        self._http: httpx.AsyncClient | None = None

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
        priority: str | None = None,
        channel: str | None = None,
        tenant: str | None = None,
        lang: str | None = None,
        event_id: str | None = None,
        source: str | None = None,
    ) -> str:
        """Hand in a message through the signed webhook and return its case id; the same event id means the same case.
        The fields are the webhook's: `text` or `html`, an amount as text ("20.50") with its currency.

        Raises:
            NotReachableError: the gateway is not known or does not answer.
            UsageError: there is no such source, or the event id cannot be signed.
            ImpossibleError: the gateway refused the message; the text says why.
        """
        customer = {"id": customer_id, "email": customer_email, "name": customer_name}
        fields: dict[str, object] = {
            "text": text,
            "html": html,
            "subject": subject,
            "order_id": order_id,
            "amount": amount,
            "currency": currency,
            "priority": priority,
            "channel": channel,
            "tenant": tenant,
            "lang": lang,
            "customer": {name: value for name, value in customer.items() if value},
        }
        return await self._hand_in(source, event_id or f"evt_{uuid.uuid4().hex}", fields)

    async def message(self, case_id: str) -> CaseMessage:
        """Return what a case is about, personal data replaced by tokens; raises as `status` does."""
        handle = self._temporal.get_workflow_handle_for(CaseWorkflow.run, case_id)
        try:
            return await handle.query(CaseWorkflow.message, rpc_timeout=ANSWER_WITHIN)
        except (RPCError, WorkflowQueryFailedError) as error:
            raise await unanswered(self._temporal, case_id, error) from error

    async def status(self, case_id: str) -> CaseStatus:
        """Return where a case stands.

        Raises:
            UnknownCaseError: there is no such case (or it has not been let in yet).
            NotReachableError: no case worker answers.
        """
        handle = self._temporal.get_workflow_handle_for(CaseWorkflow.run, case_id)
        try:
            return await handle.query(CaseWorkflow.status, rpc_timeout=ANSWER_WITHIN)
        except (RPCError, WorkflowQueryFailedError) as error:
            raise await unanswered(self._temporal, case_id, error) from error

    async def settled(self, case_id: str, *, timeout_s: float = 60.0) -> CaseStatus:
        """Follow a case until it ended or waits for a person or its customer.

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
        return row_of(await describe(self._temporal, case_id))

    async def outcome(self, case_id: str) -> CaseOutcome | None:
        """Return how a case ended; None while it is open. One that was ended from outside counts as cancelled.

        Raises:
            UnknownCaseError: there is no such case.
        """
        handle = self._temporal.get_workflow_handle_for(CaseWorkflow.run, case_id)
        description = await describe(self._temporal, case_id)
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

    async def list(
        self, *, state: str | None = None, category: str | None = None, limit: int = 100
    ) -> AsyncIterator[CaseRow]:
        """Yield cases, newest first.

        Raises:
            UsageError: there is no such state or category.
        """
        query = case_filter(state, category)
        seen: set[str] = set()
        async for found in self._temporal.list_workflows(query, page_size=min(limit, 1000)):
            if len(seen) == limit:
                return
            if found.id in seen or (state in _MAY_GO_ON and await self._goes_on(found)):
                continue
            seen.add(found.id)  # the newest run comes first; an older one was replayed, or reset
            yield row_of(found)

    async def count(self, query: str = "") -> int:
        """Count cases, with a further condition in Temporal's list filter."""
        where = case_filter() + (f" AND {query}" if query else "")
        return (await self._temporal.count_workflows(where)).count

    async def cancel(self, case_id: str) -> None:
        """Ask a case to end; what it waits for ends with it, and nothing is paid afterwards.

        Raises:
            UnknownCaseError: there is no such case.
            ImpossibleError: it has ended already.
        """
        description = await describe(self._temporal, case_id)
        if description.status is not WorkflowExecutionStatus.RUNNING:
            raise ImpossibleError(f"{case_id} has ended already: {_ended_as(description)}")
        await self._temporal.get_workflow_handle(case_id).cancel()

    async def decide(self, case_id: str, decision: HumanDecision) -> CaseAnswer:
        """Route, answer or close a case that waits in the human lane, and learn whether it counted."""
        handle = self._temporal.get_workflow_handle_for(CaseWorkflow.run, case_id)
        try:
            return await handle.execute_update(CaseWorkflow.decide, decision, rpc_timeout=ANSWER_WITHIN)
        except WorkflowUpdateFailedError as error:
            return answer_of_rejected(error, CaseAnswer)
        except WorkflowUpdateRPCTimeoutOrCancelledError as error:
            raise decision_unheard(case_id, "cases show") from error
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                description = await describe(self._temporal, case_id)
                return CaseAnswer(accepted=False, message=f"the case has ended: {_ended_as(description)}")
            raise await unanswered(self._temporal, case_id, error) from error

    async def route_all(
        self, finding: str, decision: HumanDecision, *, limit: int = 1000, dry_run: bool = False
    ) -> RoutedCases:
        """Send all cases that wait for a person with such a finding (`finding_fits`) where the decision says.

        Each is told for the wait at which it was found: one that went on meanwhile does not take it. Safe to repeat.

        Args:
            finding: how it begins.
            decision: its verdict, category and who decides.
            limit: at most so many are sent, the newest first.
            dry_run: only say which they are.
        """
        ids = [row.case_id async for row in self.list(state=CaseState.WAITING_HUMAN, limit=100_000)]
        done = RoutedCases(looked_at=len(ids))
        turns = asyncio.Semaphore(ASKED_AT_ONCE)

        def full() -> bool:
            return len(done.routed) + len(done.refused) >= limit

        async def send(case_id: str) -> None:
            async with turns:
                if full():
                    return
                try:
                    status = await self.status(case_id)
                    if status.state is not CaseState.WAITING_HUMAN or not finding_fits(status.finding, finding):
                        return
                    if full():
                        return
                    done.routed.append(case_id)  # before it is told: others look at the limit meanwhile
                    if dry_run:
                        return
                    answer = await self.decide(case_id, decision.model_copy(update={"lane": status.lane}))
                    refusal = "" if answer.accepted else answer.message
                except (NotReachableError, UnknownCaseError) as error:
                    refusal = str(error)
                if refusal:
                    done.routed = [other for other in done.routed if other != case_id]
                    done.refused[case_id] = refusal

        await asyncio.gather(*map(send, ids))
        return done

    async def try_now(self, case_id: str) -> bool:
        """Let a case that waits between two tries of a step try it now; return whether it does wait so.

        Steps that sleep in the workflow itself, on the ladder, keep to it.
        """
        try:
            raw = (await self._temporal.get_workflow_handle(case_id).describe()).raw_description
            waiting = [a.activity_id for a in raw.pending_activities if a.HasField("next_attempt_schedule_time")]
            for activity_id in waiting:
                asked = ResetActivityRequest(namespace=self._temporal.namespace, id=activity_id)
                asked.execution.workflow_id = case_id
                await self._temporal.workflow_service.reset_activity(asked)
        except RPCError as error:
            if error.status in (RPCStatusCode.NOT_FOUND, RPCStatusCode.UNIMPLEMENTED):
                return False  # it has ended, or this Temporal cannot do it: the case comes by itself
            raise
        return bool(waiting)

    async def disconnect(self) -> None:
        """Close the connection to the gateway; leaving `Headgate` as a context does it."""
        if self._http is not None:
            await self._http.aclose()

    async def _hand_in(self, source: str | None, event_id: str, fields: dict[str, object]) -> str:
        """Sign and send a message without its empty fields; return the case id that the gateway answers with."""
        if self._endpoints is None or not self._endpoints.sources:
            raise NotReachableError(
                "the gateway is not known: name the data dir of a running `headgate up`, or send with `headgate submit "
                "--url`"
            )
        target = source_named(source, self._endpoints.sources)
        if not SIGNED_EVENT_ID.fullmatch(event_id):
            raise UsageError(f"event id {event_id[:48]!r}: expected 1 to 128 of letters, digits and _ : ~ @ + = -")
        payload = {name: value for name, value in fields.items() if value}
        body = json.dumps(payload, ensure_ascii=False).encode()
        headers = {"content-type": "application/json", **sign(target.secret, event_id, body)}
        url = f"{self._endpoints.gateway}/webhooks/{target.name}"
        self._http = self._http or httpx.AsyncClient(timeout=10)
        try:
            answer = await self._http.post(url, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise NotReachableError(f"the gateway at {self._endpoints.gateway!r} does not answer: {error!r}") from error
        if answer.status_code != httpx.codes.ACCEPTED:
            raise ImpossibleError(f"the gateway refused the message with {answer.status_code}: {answer.text[:500]}")
        return str(answer.json()["case_id"])

    async def _goes_on(self, execution: WorkflowExecution) -> bool:
        return (await describe(self._temporal, execution.id)).run_id != execution.run_id


def _ended_as(description: WorkflowExecutionDescription) -> str:
    """Return the state in which a case ended, with the remedy where that was past Headgate."""
    state = row_of(description).state
    return (
        f"{state}; `headgate cases close {description.id} --reason …` settles it" if state in ENDED_OUTSIDE else state
    )
