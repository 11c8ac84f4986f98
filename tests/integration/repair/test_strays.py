"""A start by hand that did not fit stood in lists as failed for ever; on a real Temporal it is taken out."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import SearchAttributeKey
from temporalio.testing import WorkflowEnvironment

from client.connect import data_converter
from client.headgate import Headgate
from commands.rescue.strays import find_strays, remove_strays
from domain.case import CaseState
from domain.errors import ImpossibleError, UnknownCaseError
from tests.workflows.fake_world import FakeWorld, account
from tests.workflows.running import Mill
from workers.machine.temporal_server import find_temporal
from workflows import options

BIG = 600_000  # above the limit
STRAY = "case/shop/it's-a-\\stray"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mill() -> AsyncIterator[Mill]:
    attributes = [SearchAttributeKey.for_keyword(name) if kind == "Keyword" else SearchAttributeKey.for_int(name)
                  for name, kind in options.SEARCH_ATTRIBUTES.items()]  # fmt: skip
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(find_temporal()),
        data_converter=data_converter(),
        search_attributes=attributes,
        dev_server_log_level="error",
    )
    async with environment:
        running = Mill(environment, environment.client, FakeWorld())
        await running.__aenter__()
        yield running
        await running.__aexit__(RuntimeError, None, None)  # what failed at its start has nothing to replay


async def start_badly(client: Client, case_id: str) -> None:
    handle = await client.start_workflow("CaseWorkflow", {"no": "case"}, id=case_id, task_queue=options.CASES_QUEUE)
    with pytest.raises(WorkflowFailureError):
        await handle.result()


async def listed(client: Client) -> list[tuple[str, str]]:
    return [(row.case_id, row.state) async for row in Headgate(client).cases.list()]


async def test_what_is_no_case_is_taken_out_with_all_its_runs(mill: Mill) -> None:
    for _ in range(2):
        await start_badly(mill.client, STRAY)
    assert (STRAY, "failed") in await listed(mill.client)
    strays = await find_strays(mill.client, STRAY, all_runs=True)
    assert len(strays.run_ids) == 2
    assert strays.how.startswith("failed: ")
    await remove_strays(mill.client, strays)
    assert STRAY not in dict(await listed(mill.client))
    with pytest.raises(UnknownCaseError):
        await find_strays(mill.client, STRAY, all_runs=True)


async def test_a_bad_start_beside_an_ended_case_uncovers_its_ending(mill: Mill) -> None:
    handle = await mill.start()
    outcome = await handle.result()
    await start_badly(mill.client, handle.id)
    assert (handle.id, "failed") in await listed(mill.client)
    strays = await find_strays(mill.client, handle.id, all_runs=False)
    assert len(strays.run_ids) == 1
    await remove_strays(mill.client, strays)
    assert (handle.id, outcome.state) in await listed(mill.client)


async def test_what_runs_ended_or_worked_is_no_stray(mill: Mill) -> None:
    mill.world.always("find_account", account(BIG))
    handle = await mill.start()
    await mill.until(handle, CaseState.WAITING_APPROVAL)
    for all_runs in (True, False):
        with pytest.raises(ImpossibleError, match="waiting_approval in Temporal"):
            await find_strays(mill.client, handle.id, all_runs=all_runs)
    await handle.terminate()
    with pytest.raises(ImpossibleError, match="had worked"):
        await find_strays(mill.client, handle.id, all_runs=False)
    with pytest.raises(UnknownCaseError):
        await find_strays(mill.client, "case/shop/never", all_runs=True)
