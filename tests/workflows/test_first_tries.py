"""Steps that are tried beside the workflow task first: what is slow, fails or is done twice changes nothing."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from activities.actions.close import CloseRequest, CloseResult
from activities.models.route import RouteResult
from client.connect import data_converter
from domain.case import CaseState, HumanDecision, Lane
from domain.errors import PoisonError
from domain.money.claim import Wants
from domain.routing import TECHNICAL_SUPPORT, Route, Unroutable
from tests.workflows.fake_world import ONE_CALL, FakeWorld, account, claimed, paid_unheard, routed
from tests.workflows.running import Mill, new_case
from workers.machine.local_ports import free_ports
from workers.machine.process_keeper import ProcessKeeper
from workers.machine.process_specs import ProcessSpec
from workers.machine.temporal_server import dev_server_command, find_temporal, prepare_namespace
from workers.roles import STORE_SLOTS
from workflows import options
from workflows.case import CaseWorkflow

SLOW_S = 2.0  # longer than the first try of these tests, as five seconds are longer than that of the product


class SlowStore(FakeWorld):
    """A store each of whose answers takes its time; as the real ones, they block a thread."""

    def _fake(self, real: Callable[..., Any]) -> Callable[..., Any]:
        quick, name, loop = super()._fake(real), real.__name__, asyncio.get_running_loop()
        if name not in {"find_account", "close_case"}:
            return quick

        def slow(request: Any) -> Any:  # Any: annotated below as the real one is
            answered: Future[Any] = Future()

            async def answer() -> None:
                answered.set_result(await self._answer(name, request))

            loop.call_soon_threadsafe(partial(loop.create_task, answer(), context=copy_context()))
            time.sleep(SLOW_S)
            return answered.result()

        slow.__annotations__ = quick.__annotations__
        return activity.defn(name=name)(slow)


async def kinds_of_events(handle: WorkflowHandle[Any, Any]) -> list[str]:
    return [EventType.Name(e.event_type).removeprefix("EVENT_TYPE_") for e in (await handle.fetch_history()).events]


@pytest_asyncio.fixture(loop_scope="session")
async def real_server(tmp_path: Path) -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal that skips nothing; the time-skipping one refuses completions now and then under such a load."""
    (port,) = free_ports(24800, 1)
    address, wanted = f"127.0.0.1:{port}", options.SEARCH_ATTRIBUTES
    command = dev_server_command(
        find_temporal(), db_file=None, port=port, ui_port=None, namespace="default", search_attributes=wanted
    )

    async def ready() -> bool:
        await prepare_namespace(address, "default", search_attributes=wanted)
        return True

    async with ProcessKeeper(tmp_path, handle_signals=False) as keeper:
        await keeper.start([ProcessSpec("temporal", command, ready=ready)])
        yield WorkflowEnvironment.from_client(await Client.connect(address, data_converter=data_converter()))


async def test_slow_store_slows_and_never_wedges(real_server: WorkflowEnvironment) -> None:
    """More cases than the store has slots: each step becomes a task, no workflow task fails or is late."""
    world = SlowStore()
    async with Mill(real_server, real_server.client, world) as mill:
        handles = [await mill.start() for _ in range(STORE_SLOTS + 4)]
        outcomes = await asyncio.gather(*(handle.result() for handle in handles))
        assert {outcome.state for outcome in outcomes} == {CaseState.DONE}
        for handle in handles:
            events = await kinds_of_events(handle)
            assert not {"WORKFLOW_TASK_FAILED", "WORKFLOW_TASK_TIMED_OUT"} & set(events)
        assert {call.name for call in world.calls} >= {"find_account", "refund", "close_case"}
        assert len(world.endings) == len(handles)
        assert len(world.of("refund")) == len(handles)


async def test_usual_case_is_two_workflow_tasks(mill: Mill) -> None:
    handle = await mill.start()
    assert (await handle.result()).state is CaseState.DONE
    events = await kinds_of_events(handle)
    assert events.count("WORKFLOW_TASK_SCHEDULED") == 2, "one up to the payment, one after it"
    assert events.count("ACTIVITY_TASK_SCHEDULED") == 1
    assert len(events) <= 18


@pytest.mark.usefixtures("both_ways")
async def test_first_tries_carry_their_names_and_summaries(mill: Mill) -> None:
    """The story of a case stays readable in the Web UI."""
    handle = await mill.start()
    await handle.result()
    told = [e for e in (await handle.fetch_history()).events if e.HasField("marker_recorded_event_attributes")]
    data = [str(e.marker_recorded_event_attributes.details["data"]) for e in told]
    assert any("route_case" in each for each in data)
    assert any("close_case" in each for each in data)
    assert "ask the router for one category" in str(told[0].user_metadata.summary)


async def routed_nowhere(_: Any) -> RouteResult:
    return RouteResult(route=Route(unroutable=Unroutable.ABSTAINED), usage=ONE_CALL)


def poisoned(_: Any) -> RouteResult:
    raise PoisonError("not this time")


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize("second_answer", [routed_nowhere, poisoned])
async def test_ending_stands_although_the_case_is_decided_anew(
    mill: Mill, world: FakeWorld, second_answer: Callable[[Any], Awaitable[RouteResult] | RouteResult]
) -> None:
    """The ending is on record, then the workflow task is refused: Temporal has heard of nothing that it held.

    Where specialists stand apart it has heard of the route.
    """
    case = new_case()
    handle = mill.client.get_workflow_handle_for(CaseWorkflow.run, case.case_id)

    async def close_then_be_too_late(request: CloseRequest) -> CloseResult:
        stands = world.endings.setdefault((request.outcome.case_id, 0), request.outcome)
        await handle.signal(CaseWorkflow.decide_human, HumanDecision(verdict=Lane.CLOSE, by="ana"))
        return CloseResult(stands=None if stands == request.outcome else stands)

    world.will("route_case", routed(TECHNICAL_SUPPORT), second_answer)
    world.will("close_case", close_then_be_too_late)
    await mill.start(case)
    outcome = await handle.result()
    assert outcome == world.closed()
    assert outcome.state is CaseState.DONE
    assert not {"bury", "alert_person"} & set(world.names)
    assert len(world.of("close_case")) == 2
    status = await handle.query(CaseWorkflow.status)
    assert (status.state, status.finding) == (CaseState.DONE, outcome.finding)
    assert (status.usage, status.effects) == (outcome.usage, outcome.effects), "of the decision that counts"


async def test_nobody_is_asked_to_approve_what_has_ended(mill: Mill, world: FakeWorld) -> None:
    """Decided anew, the case would want a refund above the limit."""
    case = new_case()
    handle = mill.client.get_workflow_handle_for(CaseWorkflow.run, case.case_id)

    async def close_then_be_too_late(request: CloseRequest) -> CloseResult:
        world.endings.setdefault((request.outcome.case_id, 0), request.outcome)
        await handle.signal(CaseWorkflow.decide_human, HumanDecision(verdict=Lane.CLOSE, by="ana"))
        return CloseResult()

    world.will("extract_claim", claimed(wants=Wants.INFORMATION), claimed())
    world.always("find_account", account(600_000))
    world.will("close_case", close_then_be_too_late)
    await mill.start(case)
    outcome = await handle.result()
    assert (outcome.state, outcome.effects) == (CaseState.DONE, [])
    assert len(world.of("extract_claim")) == 2
    assert not {"announce_approval", "refund", "alert_person"} & set(world.names)


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize("step", ["route_case", "extract_claim", "refund"])
async def test_answer_of_another_version_is_a_dead_letter(mill: Mill, world: FakeWorld, step: str) -> None:
    """Where it was the payment, the provider is asked what became of it."""
    world.will(step, lambda _: CloseResult())
    world.always("settle_effects", paid_unheard)
    outcome = await mill.run()
    assert outcome.state is CaseState.DEAD_LETTERED
    assert world.closed() == outcome
    assert len(world.of("bury")) == 1
    if step == "refund":
        assert len(outcome.effects) == 1


@pytest.mark.usefixtures("both_ways")
async def test_ending_stands_although_its_answer_cannot_be_read(mill: Mill, world: FakeWorld) -> None:
    world.will("close_case", lambda _: claimed())
    outcome = await mill.run()
    assert outcome.state is CaseState.DONE
