"""A queue that nobody asks for work is told; one whose worker asked within the minute is not."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.service import RPCError, RPCStatusCode

from client.queues.pollers import UnworkedQueue, unworked_queues
from client.standstill import stuck
from client.standstill.stuck import StuckLook, look_around
from tests.fakes.queues import FakeQueues
from workflows.options import QUEUES, Role

ALIVE = [timedelta(seconds=59)]  # without work it asks once a minute
ALL = {queue: ALIVE for queues in QUEUES.values() for queue in queues}


def client_of(queues: FakeQueues) -> Any:
    return SimpleNamespace(namespace="ours", workflow_service=queues)


async def test_every_queue_of_every_role_is_asked_by_its_kind() -> None:
    queues = FakeQueues(ALL)
    assert await unworked_queues(client_of(queues)) == ()
    assert sorted(queues.asked) == sorted((queue, queue == "cases") for queue in ALL)


@pytest.mark.parametrize("polled", [[], [timedelta(seconds=76), timedelta(minutes=4)]])
@pytest.mark.parametrize(("role", "queue"), [(role, queue) for role, queues in QUEUES.items() for queue in queues])
async def test_a_queue_without_a_live_worker_is_told_with_its_role(
    role: Role, queue: str, polled: list[timedelta]
) -> None:
    found = await unworked_queues(client_of(FakeQueues(ALL | {queue: polled})))
    assert found == (UnworkedQueue(queue, role),)
    assert f"nobody works the queue {queue} (role {role})" in found[0].warning()
    assert f"logs/worker-{role}.log" in found[0].warning()


async def test_a_live_worker_beside_dead_ones_works() -> None:
    found = await unworked_queues(client_of(FakeQueues(ALL | {"actions": [timedelta(minutes=3), *ALIVE]})))
    assert found == ()


async def test_what_temporal_does_not_say_is_not_said_to_be_well() -> None:
    away = RPCError("away", RPCStatusCode.DEADLINE_EXCEEDED, b"")
    with pytest.raises(RPCError):
        await unworked_queues(client_of(FakeQueues(ALL | {"actions": away})))


async def test_one_look_tells_both(monkeypatch: pytest.MonkeyPatch) -> None:
    async def look(_: object, __: int) -> StuckLook:
        return StuckLook((), all_seen=True)

    monkeypatch.setattr(stuck, "look_for_stuck", look)
    told = await look_around(client_of(FakeQueues({name: [] for name in ALL})))
    assert [each.queue for each in told.unworked] == list(ALL)
    assert len(told.warnings()) == len(ALL)
