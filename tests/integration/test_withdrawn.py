"""A payment learns of a cancellation that the case's workflow has not heard of yet, from a real Temporal."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities.withdrawn import is_withdrawn
from domain.errors import TransientError
from workers.machine.local_ports import free_ports
from workers.machine.process_keeper import ProcessKeeper
from workers.machine.process_specs import ProcessSpec
from workers.machine.temporal_server import dev_server_command, find_temporal, prepare_namespace


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    """A Temporal without a worker: no workflow hears of anything."""
    (port,) = free_ports(24700, 1)
    address = f"127.0.0.1:{port}"
    command = dev_server_command(
        find_temporal(), db_file=None, port=port, ui_port=None, namespace="default", search_attributes={}
    )

    async def ready() -> bool:
        await prepare_namespace(address, "default", search_attributes={})
        return True

    async with ProcessKeeper(tmp_path, handle_signals=False) as keeper:
        await keeper.start([ProcessSpec("temporal", command, ready=ready)])
        yield await Client.connect(address)


def within(client: Client, workflow_id: str) -> ActivityEnvironment:
    env = ActivityEnvironment(client)
    env.info = replace(env.info, workflow_id=workflow_id)
    return env


@pytest.mark.parametrize("asking", ["case/1", "case/1/billing", "hired/1"])
@pytest.mark.parametrize("cancelled", ["case/1", "case/1/billing", "hired/1", ""])
async def test_whoever_was_cancelled_of_those_concerned(client: Client, asking: str, cancelled: str) -> None:
    for workflow_id in {"case/1", asking}:
        await client.start_workflow("NobodyRunsIt", id=workflow_id, task_queue="nobody")
    if cancelled in ("case/1", asking):
        await client.get_workflow_handle(cancelled).cancel()
    assert await within(client, asking).run(is_withdrawn, "case/1") is (cancelled in ("case/1", asking))


async def test_a_specialist_hired_alone_has_no_case(client: Client) -> None:
    await client.start_workflow("NobodyRunsIt", id="hired/1", task_queue="nobody")
    assert await within(client, "hired/1").run(is_withdrawn, "case/unknown") is False


class Deaf(Client):
    """A client of a server that has gone."""

    def __init__(self) -> None:
        pass

    def get_workflow_handle(self, *_: Any, **__: Any) -> Any:
        raise RPCError("connection refused", RPCStatusCode.UNAVAILABLE, b"")


async def test_where_temporal_does_not_answer_nothing_is_known() -> None:
    with pytest.raises(TransientError, match="does not say whether 'case/1' was cancelled: connection refused"):
        await within(Deaf(), "case/1").run(is_withdrawn, "case/1")
