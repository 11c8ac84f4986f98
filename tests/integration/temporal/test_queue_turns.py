"""Turns in queues of Temporal, as `headgate up` starts it; state of an earlier version loses nothing by them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.common import Priority
from temporalio.worker import Worker

from client.connect import data_converter
from tests.workflows.any_workflow import AnyWorkflow, ToolRequest
from workers.machine import temporal_server
from workers.machine.local_ports import free_ports
from workers.machine.process_keeper import ProcessKeeper
from workers.machine.process_specs import ProcessSpec
from workers.machine.temporal_server import dev_server_command, find_temporal, prepare_namespace, takes_turns

NAMESPACE, QUEUE = "headgate-turns", "turns"
ORDER: list[str] = []


@activity.defn
async def use_tool(request: ToolRequest) -> None:
    ORDER.append(request.tool)


@asynccontextmanager
async def server(data_dir: Path) -> AsyncIterator[Client]:
    (port,) = free_ports(24500, 1)
    address = f"127.0.0.1:{port}"
    command = dev_server_command(
        find_temporal(),
        db_file=data_dir / "temporal.db",
        port=port,
        ui_port=None,
        namespace=NAMESPACE,
        search_attributes={},
    )

    async def ready() -> bool:
        await prepare_namespace(address, NAMESPACE, search_attributes={})
        return True

    async with ProcessKeeper(data_dir, handle_signals=False) as keeper:
        await keeper.start([ProcessSpec("temporal", command, ready=ready, ready_timeout_s=60.0)])
        yield await Client.connect(address, namespace=NAMESPACE, data_converter=data_converter())


async def wait_for_a_worker(client: Client, names: dict[str, Priority]) -> None:
    """Begin workflows whose activities wait in a queue that nobody serves."""
    async with Worker(client, task_queue=QUEUE, workflows=[AnyWorkflow]):
        for name, keys in names.items():
            await client.start_workflow("Any", ToolRequest(tool=name), id=name, task_queue=QUEUE, priority=keys)
        for name in names:
            handle = client.get_workflow_handle(name)
            while not (await handle.describe()).raw_description.pending_activities:  # noqa: ASYNC110 - the server's
                await asyncio.sleep(0.02)


async def work_off(client: Client, names: dict[str, Priority]) -> list[str]:
    """Serve the queue, one at a time; return in which order they came."""
    ORDER.clear()
    async with Worker(
        client, task_queue=QUEUE, workflows=[AnyWorkflow], activities=[use_tool], max_concurrent_activities=1
    ):
        for name in names:
            await asyncio.wait_for(client.get_workflow_handle(name).result(), 60)
    return list(ORDER)


def of(tenant: str, level: int, count: int) -> dict[str, Priority]:
    keys = Priority(priority_key=level, fairness_key=tenant, fairness_weight=1.0)
    return {f"{tenant}-{level}-{number}": keys for number in range(count)}


async def test_what_waits_in_a_queue_is_handed_out_by_levels_and_turns(tmp_path: Path) -> None:
    waiting = {**of("flood", 4, 3), **of("flood", 3, 40), **of("small", 3, 5), **of("flood", 2, 3)}
    async with server(tmp_path) as client:
        await wait_for_a_worker(client, waiting)
        order = await work_off(client, waiting)
    assert len(order) == len(waiting)
    place = {name: order.index(name) for name in waiting}
    print("places of the small tenant among 51:", sorted(1 + place[name] for name in of("small", 3, 5)))
    assert max(place[name] for name in of("flood", 2, 3)) < 8, "a poller may hold others by then"
    assert max(place[name] for name in of("small", 3, 5)) < 25, "in line they would be the last but a few"
    assert min(place[name] for name in of("flood", 4, 3)) > 40


async def test_tasks_that_wait_in_earlier_state_are_worked_before_turns_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server of 1.29 that has turns turned on does not look where they are."""
    waiting = of("flood", 3, 5)
    with monkeypatch.context() as earlier:
        earlier.setattr(temporal_server, "takes_turns", lambda _: False)
        async with server(tmp_path) as client:
            await wait_for_a_worker(client, waiting)
    assert not takes_turns(tmp_path / "temporal.db")
    async with server(tmp_path) as client:
        assert sorted(await work_off(client, waiting)) == sorted(waiting)
        await asyncio.sleep(2)  # what is done is deleted with the next look, a second later at the earliest
        more = of("small", 3, 5)
        await wait_for_a_worker(client, more)
        await work_off(client, more)
    assert takes_turns(tmp_path / "temporal.db")
