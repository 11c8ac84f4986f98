"""Start workflows under their public ids."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from temporalio.client import Client
from temporalio.common import (
    Priority,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from domain.batches.going import BatchesState
from domain.case import CaseInput, CaseState
from domain.errors import TransientError
from domain.intake import IntakeState, JournalState
from domain.money.effect import SettlingState
from domain.turns import levels
from domain.words_to_people import TellState
from workflows import options
from workflows.batching.batches import BatchesWorkflow
from workflows.case import CaseWorkflow
from workflows.intake import IntakeWorkflow
from workflows.long_lived.journal import JournalWorkflow
from workflows.long_lived.settling import SettlingWorkflow
from workflows.long_lived.tell import TellWorkflow

_Workflow = TypeVar("_Workflow")
_State = TypeVar("_State", IntakeState, JournalState, TellState, SettlingState, BatchesState)

REPLAY = "replay"
"""The memo by which a run says which replay of its case it is; a first run has none."""
END_WITHIN_S = 10.0
"""A case's ending is on record a moment before its workflow ends."""


class TemporalCaseStarter:
    """Starts case workflows: the case id is the workflow id, so a second start of the same case changes nothing."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def start(self, cases: Iterable[CaseInput]) -> None:
        """Start the cases that are let in together; one that was started before is left alone.

        Raises:
            TransientError: Temporal did not take one of them; starting them all again is safe.
        """
        together = list(cases)
        try:
            # A redelivery, or a second worker was faster; a case that has ended is not begun again by its message.
            once = WorkflowIDReusePolicy.REJECT_DUPLICATE
            await asyncio.gather(
                *(
                    self._begin(case, once, level)
                    for case, level in zip(together, levels([case.priority for case in together]), strict=True)
                )
            )
        except RPCError as error:
            raise TransientError(f"Temporal did not start the case: {error.status.name} {error.message}") from error

    async def start_again(self, case: CaseInput) -> None:
        """Start a replay once the run before it has ended; one that was started before is left alone.

        Raises:
            TransientError: Temporal did not take it, or that run has not ended; starting it again is safe.
        """
        give_up = time.monotonic() + END_WITHIN_S
        try:
            (level,) = levels([case.priority])
            while not await self._begin(case, WorkflowIDReusePolicy.ALLOW_DUPLICATE, level):
                running = await self._client.get_workflow_handle(case.case_id).describe()
                if (await running.memo()).get(REPLAY) == case.replay:
                    return
                if time.monotonic() > give_up:
                    raise TransientError(f"{case.case_id!r} has not ended yet: replay it again in a minute")
                await asyncio.sleep(0.2)
        except RPCError as error:
            raise TransientError(f"Temporal did not start the case: {error.status.name} {error.message}") from error

    async def _begin(self, case: CaseInput, reuse: WorkflowIDReusePolicy, level: int) -> bool:
        """Start a workflow; return False where the policy does not allow it.

        Its tasks, activities and children inherit its level and its tenant's turns.
        """
        try:
            await self._client.start_workflow(
                CaseWorkflow.run,
                case,
                id=case.case_id,
                task_queue=options.CASES_QUEUE,
                id_reuse_policy=reuse,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                memo={REPLAY: case.replay} if case.replay else None,
                priority=Priority(priority_key=level, fairness_key=case.tenant, fairness_weight=case.policy.weight),
                static_summary=f"{case.channel} message from {case.source}"[:200],
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(options.CASE_STATE, CaseState.RUNNING),
                        SearchAttributePair(options.CASE_TENANT, case.tenant),
                        SearchAttributePair(options.BLUEPRINT_VERSION, case.policy.version),
                    ]
                ),
            )
        except WorkflowAlreadyStartedError:
            return False
        return True


async def ensure_intake(client: Client, state: IntakeState) -> None:
    """Start the intake workflow in this state unless it runs already; a running one keeps its pace and pause."""
    does = "lets work in from the holding pen"
    await _ensure(client, IntakeWorkflow.run, state, options.INTAKE_WORKFLOW_ID, does)


async def ensure_journal(client: Client) -> None:
    """Start the journal workflow unless it runs already."""
    does = "writes outcomes into the journal"
    await _ensure(client, JournalWorkflow.run, JournalState(), options.JOURNAL_WORKFLOW_ID, does)


async def ensure_tell(client: Client) -> None:
    """Let the workflow run that tells people what waits for them."""
    await _ensure(client, TellWorkflow.run, TellState(), options.TELL_WORKFLOW_ID, "tells people what waits for them")


async def ensure_settling(client: Client) -> None:
    """Let the workflow run that asks what became of pending refunds."""
    does = "asks what became of pending refunds"
    await _ensure(client, SettlingWorkflow.run, SettlingState(), options.SETTLING_WORKFLOW_ID, does)


async def ensure_batches(client: Client) -> None:
    """Let the workflow run that sends batches and looks after them."""
    does = "sends questions that may wait in batches"
    await _ensure(client, BatchesWorkflow.run, BatchesState(), options.BATCHES_WORKFLOW_ID, does)


async def _ensure(
    client: Client, run: Callable[[_Workflow, _State], Awaitable[None]], state: _State, workflow_id: str, does: str
) -> None:
    """Start a workflow of which there is one, unless it runs already; `does` is its summary in lists."""
    await client.start_workflow(
        run,
        state,
        id=workflow_id,
        task_queue=options.CASES_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=does,
    )
