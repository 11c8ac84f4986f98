"""The audit against a real Temporal server, store, holding pen and payment provider."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from adapters.rails.embedded import EmbeddedRail
from adapters.store import Store, open_store
from client.audit_gathering import run_audit
from domain.audit.facts import AuditReport
from domain.case import CaseInput, CaseState, CaseStatus
from domain.money.refund_action import RefundTerms
from ports.incoming.inbox import InboxItem
from tests.contracts.store_samples import action, case_input, outcome, seed_samples, stored_case
from tests.dev_server import dev_server
from tests.fakes.inbox import FakeInbox
from workflows.options import CASE_STATE, SEARCH_ATTRIBUTES

QUEUE = "audit-test"


@activity.defn
async def never_polled() -> None:
    """Scheduled on a queue that nobody serves."""


@workflow.defn(name="CaseWorkflow", sandboxed=False)
class ScriptedCase:
    """Does what the text of its case says, as far as the audit can see it."""

    @workflow.init
    def __init__(self, case: CaseInput) -> None:
        self.case = case
        self.status_ = CaseStatus(case_id=case.case_id, state=CaseState.RUNNING)

    @workflow.run
    async def run(self, case: CaseInput) -> None:
        what, _, state = case.text.partition(":")
        if state:
            self.status_.state = CaseState(state)
            workflow.upsert_search_attributes([CASE_STATE.value_set(state)])
        if what == "bug":
            raise RuntimeError("a bug keeps the task failing")
        if what == "wait":
            self.status_.waits_until = workflow.now() + timedelta(hours=1)
            await workflow.sleep(timedelta(hours=1))
        if what == "unattended":
            await workflow.execute_activity(
                never_polled, task_queue="nobody", start_to_close_timeout=timedelta(seconds=9)
            )

    @workflow.query
    def status(self) -> CaseStatus:
        return self.status_


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[WorkflowEnvironment]:
    assert CASE_STATE.name in SEARCH_ATTRIBUTES
    async with dev_server() as environment:
        yield environment


class World:
    """One of each that the audit looks at."""

    def __init__(self, store: Store, rail: EmbeddedRail, client: Client) -> None:
        self.store, self.rail, self.client = store, rail, client
        self.inbox = FakeInbox()

    async def accept(self, name: str, *, acked: bool = True) -> CaseInput:
        case = case_input(name, received_at=datetime.now(UTC))
        item = InboxItem(
            case_id=case.case_id,
            source="shop",
            event_id=name,
            content_type="application/json",
            body=b"{}",
            digest="d",
            received_at=case.received_at,
        )
        await self.inbox.put(item)
        if acked:
            await self.inbox.ack([case.case_id])
        return case

    async def start(self, name: str, script: str) -> CaseInput:
        case = (await self.accept(name)).model_copy(update={"text": script})
        self.store.cases.admit([stored_case(name, case=case)])
        await self.client.start_workflow("CaseWorkflow", case, id=case.case_id, task_queue=QUEUE)
        return case

    async def end(self, name: str, state: CaseState = CaseState.DONE) -> None:
        """Run a case to its end and record it, as the real workflow does."""
        case = await self.start(name, f"end:{state}")
        self.store.cases.close(outcome(name, state).model_copy(update={"closed_at": datetime.now(UTC)}), None)
        await self.client.get_workflow_handle(case.case_id).result()

    async def audit(self, *, grace_s: float = 120.0) -> AuditReport:
        return await run_audit(
            self.inbox, self.store.audit, self.rail, self.client, grace_s=grace_s, confirm_after_s=0.5
        )

    async def told(self, *, grace_s: float = 120.0) -> set[tuple[str, str, str]]:
        report = await self.audit(grace_s=grace_s)
        return {(v.promise, v.kind, v.subject.rpartition("/")[2]) for v in report.violations}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    seed_samples(opened, tmp_path)
    yield opened
    opened.close()


@pytest_asyncio.fixture(loop_scope="module")
async def world(server: WorkflowEnvironment, store: Store, tmp_path: Path) -> AsyncIterator[World]:
    async with Worker(server.client, task_queue=QUEUE, workflows=[ScriptedCase]):
        yield World(store, EmbeddedRail(tmp_path / "rail.db"), server.client)


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_world_of_endings_waits_and_payments_is_clean(world: World) -> None:
    await world.end("done-1")
    await world.end("rejected-1", CaseState.REJECTED)
    await world.start("waiting-1", "wait:waiting_human")
    await world.start("asked-1", "wait:waiting_customer")
    await world.accept("still-in-the-pen", acked=False)
    await world.start("paid-1", "end:done")
    world.store.ledger.intend(
        action("paid-1"), step="refund", approval_id=None, terms=RefundTerms(limit_minor=500_000), now=datetime.now(UTC)
    )
    receipt = await world.rail.pay(action("paid-1"))
    world.store.ledger.execute(receipt.key, receipt.reference, datetime.now(UTC))
    world.store.cases.close(outcome("paid-1").model_copy(update={"closed_at": datetime.now(UTC)}), None)
    assert world.store.cases.journal_outcomes(2) == 2
    report = await world.audit()
    assert report.clean, report.violations
    assert report.under_way["waiting_customer"] == 1
    assert (report.checked["S1"], report.checked["L1"], report.under_way["in_pen"]) == (1, 6, 1)


async def test_what_is_lost_or_ended_badly_is_found(world: World) -> None:
    await world.accept("lost-2")
    await world.end("fine-2")
    await world.start("half-2", "end:running")
    killed = await world.start("killed-2", "wait:waiting_human")
    await world.client.get_workflow_handle(killed.case_id).terminate()
    await world.start("silent-2", "end:done")  # its workflow says done, the store has no ending
    await world.client.get_workflow_handle("case/shop/half-2").result()
    assert await world.told() == {
        ("L1", "missing", "lost-2"),
        ("L1", "no_ending", "half-2"),
        ("L1", "workflow_failed", "killed-2"),
        ("L1", "two_endings", "silent-2"),
    }


async def test_a_case_that_nobody_works_on_is_told_from_one_that_sleeps(world: World) -> None:
    await world.start("unattended-3", "unattended:running")
    await world.start("asleep-3", "wait:running")
    await asyncio.sleep(1.2)
    assert await world.told(grace_s=1.0) == {("L1", "not_settled", "unattended-3")}
    assert await world.told() == set()


async def test_a_failing_workflow_task_is_told_as_stuck(world: World) -> None:
    await world.start("stuck-4", "bug:running")
    handle = world.client.get_workflow_handle("case/shop/stuck-4")
    while (await handle.describe()).raw_description.pending_workflow_task.attempt < 3:  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0.2)
    assert ("L2", "stuck", "stuck-4") in await world.told()
    await handle.terminate()


async def test_money_that_moved_past_the_ledger_is_found(world: World) -> None:
    await world.end("thief-5")
    await world.rail.pay(action("thief-5", payee="card:thief"))
    assert await world.told() == {("S2", "not_in_ledger", "refund")}


async def test_of_several_runs_of_a_case_the_latest_counts(world: World) -> None:
    await world.end("replayed-6", CaseState.CANCELLED)
    again = world.store.cases.set_replay("case/shop/replayed-6", 1).model_copy(update={"text": "end:done"})
    await world.client.start_workflow("CaseWorkflow", again, id=again.case_id, task_queue=QUEUE)
    await world.client.get_workflow_handle(again.case_id).result()
    ended = outcome("replayed-6", CaseState.DONE, replay=1)
    world.store.cases.close(ended.model_copy(update={"closed_at": datetime.now(UTC)}), None)
    report = await world.audit()
    assert report.clean, report.violations
