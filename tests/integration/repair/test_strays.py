"""A start by hand that did not fit stood in lists as failed for ever; on a real Temporal it is taken out."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowFailureError

from client.headgate import Headgate
from commands.rescue.strays import find_strays, remove_strays
from domain.case import CaseState
from domain.errors import ImpossibleError, UnknownCaseError
from tests.dev_server import dev_server
from tests.workflows.fake_world import FakeWorld, account
from tests.workflows.running import Mill, eventually
from workflows import options

BIG = 600_000  # above the limit
STRAY = "case/shop/a-stray"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mill() -> AsyncIterator[Mill]:
    async with dev_server() as environment:
        running = Mill(environment, environment.client, FakeWorld())
        await running.__aenter__()
        yield running
        await running.__aexit__(None, None, None)


async def start_badly(client: Client, case_id: str) -> None:
    handle = await client.start_workflow("CaseWorkflow", {"no": "case"}, id=case_id, task_queue=options.CASES_QUEUE)
    with pytest.raises(WorkflowFailureError):
        await handle.result()


async def runs_of(client: Client, case_id: str) -> list[str]:
    quoted = case_id.replace("\\", "\\\\").replace("'", "\\'")
    return [run.status.name async for run in client.list_workflows(f"WorkflowId = '{quoted}'") if run.status]


async def are(client: Client, case_id: str, statuses: list[str]) -> bool:
    return await runs_of(client, case_id) == statuses


async def within_minutes(client: Client, case_id: str, statuses: list[str]) -> None:
    async with asyncio.timeout(180):
        while not await are(client, case_id, statuses):  # noqa: ASYNC110 - nothing tells us
            await asyncio.sleep(1)


async def state_of(client: Client, case_id: str) -> str:
    return {row.case_id: row.state async for row in Headgate(client).cases.list()}.get(case_id, "not listed")


async def test_all_runs_of_what_is_no_case_are_taken_out(mill: Mill) -> None:
    """Temporal takes half a minute."""
    for _ in range(2):
        await start_badly(mill.client, STRAY)
    await eventually(lambda: are(mill.client, STRAY, ["FAILED", "FAILED"]))
    assert await state_of(mill.client, STRAY) == "failed"
    strays = await find_strays(mill.client, STRAY)
    assert len(strays.run_ids) == 2
    assert strays.how.startswith("failed: ")
    for _ in range(2):  # repeatable
        await remove_strays(mill.client, strays)
    await within_minutes(mill.client, STRAY, [])
    assert await state_of(mill.client, STRAY) == "not listed"
    with pytest.raises(UnknownCaseError):
        await find_strays(mill.client, STRAY)


async def test_what_runs_is_no_stray(mill: Mill) -> None:
    mill.world.always("find_account", account(BIG))
    handle = await mill.start()
    await mill.until(handle, CaseState.WAITING_APPROVAL)
    with pytest.raises(ImpossibleError, match="waiting_approval in Temporal"):
        await find_strays(mill.client, handle.id)
    with pytest.raises(UnknownCaseError):
        await find_strays(mill.client, "case/shop/never")
