"""Turns of tenants on the server's skipped clock: a hundred times the load makes another tenant wait twice as long."""

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from statistics import mean

from temporalio.api.testservice.v1 import LockTimeSkippingRequest, UnlockTimeSkippingRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from activities.intake.admit import AdmitActivities
from adapters.cleaning.cleaner import DocumentCleaner
from adapters.inbox.sqlite import SqliteInbox
from client.connect import data_converter
from domain.blueprint import CasePolicy
from domain.case import CaseInput
from domain.intake import IntakeState
from domain.writers.machine_words import MachineWords
from ports.incoming.inbox import InboxItem
from ports.store import StoredCase
from tests.fakes.blueprint import WORDS
from tests.time_skipping import time_skipping_server
from tests.workflows.running import eventually
from workers.roles import activity_worker, case_worker
from workflows import options
from workflows.intake import IntakeWorkflow

PER_SECOND = 4.0
BATCH_S = 2.0  # what is let in at once is two seconds' worth
FLOOD, SMALL, AT_ONCE = 2_000, 20, 10


class Door:
    """What the intake starts, on the server's clock; the small tenant sends one more with every batch."""

    def __init__(self, env: WorkflowEnvironment, inbox: SqliteInbox) -> None:
        self._env = env
        self._inbox = inbox
        self._put_at: dict[str, datetime] = {}
        self.waits: list[float] = []
        self.floods = 0

    async def put_small(self) -> None:
        """Hand in the next payload of the small tenant, as long as there is one."""
        if len(self._put_at) < SMALL:
            item = payload("small", len(self._put_at))
            self._put_at[item.case_id] = await self._env.get_current_time()
            await self._inbox.put(item)

    async def start(self, cases: Iterable[CaseInput]) -> None:
        now = await self._env.get_current_time()
        for case in cases:
            if case.tenant == "small":
                self.waits.append((now - self._put_at[case.case_id]).total_seconds())
            else:
                self.floods += 1
        await self.put_small()

    def admit(self, cases: Sequence[StoredCase]) -> None:
        """Keep nothing: no payload comes twice here."""

    def ended(self, case_ids: Sequence[str]) -> set[str]:
        """None has ended before it came."""
        return set()


def payload(tenant: str, number: int) -> InboxItem:
    body = f'{{"tenant": "{tenant}", "text": "My parcel {number} never came."}}'.encode()
    return InboxItem(
        case_id=f"case/shop/{tenant}-{number}",
        source="shop",
        event_id=f"{tenant}-{number}",
        content_type="application/json",
        body=body,
        digest=hashlib.sha256(body).hexdigest(),
        received_at=datetime.fromisoformat("2026-01-01T12:00Z"),
        tenant=tenant,
    )


def intake_of(inbox: SqliteInbox, door: Door) -> AdmitActivities:
    return AdmitActivities(
        inbox=inbox,
        cases=door,  # type: ignore[arg-type]  # admits, and is asked nothing
        cleaner=DocumentCleaner(WORDS.mail),
        starter=door,
        dead_letters=door,  # type: ignore[arg-type]  # nothing is buried
        policy=lambda _: CasePolicy(version="test@1"),
        machine_words=MachineWords(WORDS.mail),
    )


async def let_in(file: Path, *, flood: int, workers: int) -> Door:
    """Let all of the small tenant in beside a flood, by so many intake workers; return the door they came through."""
    async with AsyncExitStack() as stack:
        env = await stack.enter_async_context(time_skipping_server())
        pens = [SqliteInbox(file) for _ in range(workers)]
        for pen in pens:
            stack.push_async_callback(pen.close)
        for number in range(flood):  # first come, but not first served
            await pens[0].put(payload("flood", number))
        door = Door(env, pens[0])
        for pen in pens:
            address = env.client.service_client.config.target_host
            client = await Client.connect(address, data_converter=data_converter())
            admit = intake_of(pen, door).admit_batch
            await stack.enter_async_context(activity_worker(client, options.INTAKE_QUEUE, [admit], slots=1))
        await stack.enter_async_context(case_worker(env.client, []))
        for _ in range(AT_ONCE):
            await door.put_small()
        state = IntakeState(per_second=PER_SECOND)
        handle = await env.client.start_workflow(
            IntakeWorkflow.run, state, id=options.INTAKE_WORKFLOW_ID, task_queue=options.CASES_QUEUE
        )
        await env.client.test_service.unlock_time_skipping(UnlockTimeSkippingRequest())

        async def all_in() -> bool:
            return len(door.waits) == SMALL

        await eventually(all_in)
        await env.client.test_service.lock_time_skipping(LockTimeSkippingRequest())
        await handle.terminate()
    return door


async def test_a_flood_at_most_doubles_what_another_tenant_waits(tmp_path: Path) -> None:
    """By one intake worker, and by two that take turns; in line behind the flood it would be eight minutes."""
    alone = (await let_in(tmp_path / "alone.db", flood=0, workers=1)).waits
    for workers in (1, 2):
        door = await let_in(tmp_path / f"beside-{workers}.db", flood=FLOOD, workers=workers)
        waits = door.waits
        print(f"{workers} workers, mean wait: alone {mean(alone):.1f} s, beside a flood {mean(waits):.1f} s")
        assert mean(waits) <= 2 * mean(alone) + BATCH_S
        assert max(waits) <= 2 * max(alone) + 2 * BATCH_S
        assert door.floods <= SMALL * PER_SECOND * BATCH_S, "it came in while the small one did"
