"""Cancelling a case: whatever it does just then, it ends as cancelled, is recorded so, and nothing happens for it any
more.
"""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import CancelledError
from temporalio.testing import WorkflowEnvironment

from activities.actions.pay import SettleResult
from activities.models.route import RouteResult
from domain.case import CaseOutcome, CaseState, EffectRecord
from domain.errors import ConfigurationError, TransientError
from domain.model_call import Usage
from domain.money.approval import ApprovalDecision, Standing, Verdict
from domain.routing import Route, Unroutable
from tests.time_skipping import time_skipping_server
from tests.workflows.fake_world import ONE_CALL, FakeWorld, Held, account
from tests.workflows.running import REAL_TIME_S, Mill, Specialists, at_rest, eventually, home, new_case, policy
from workflows.approval import ApprovalWorkflow
from workflows.case import CaseWorkflow

pytestmark = pytest.mark.usefixtures("both_ways")

BIG = 600_000


async def cancelled(handle: WorkflowHandle, world: FakeWorld, finding: str = "cancelled") -> CaseOutcome:
    """Wait for the end; return what was recorded of it."""
    with pytest.raises(WorkflowFailureError) as failure:
        await asyncio.wait_for(handle.result(), REAL_TIME_S)
    assert isinstance(failure.value.cause, CancelledError)
    assert (await handle.describe()).status is WorkflowExecutionStatus.CANCELED
    outcome = world.closed()
    assert outcome.state is CaseState.CANCELLED
    assert outcome.finding == finding
    [forbidden] = {r.case_id for r in world.requests("forbid_effects")}
    assert forbidden == handle.id
    assert world.names.index("forbid_effects") < world.names.index("close_case")
    assert world.reply() == ""
    return outcome


async def cancelled_over(handle: WorkflowHandle, held: Held, world: FakeWorld) -> CaseOutcome:
    """Cancel while an activity is under way; it ends, too late to matter, before the case is closed."""
    await held.reached.wait()
    closing = world.hold("close_case")
    await handle.cancel()
    await closing.reached.wait()  # the case did not wait for the activity
    held.let_go()
    await asyncio.sleep(0.3)  # the server keeps its clock locked for an activity whose end it never heard of
    closing.let_go()
    return await cancelled(handle, world)


async def in_the_human_lane(mill: Mill, world: FakeWorld) -> WorkflowHandle:
    world.always("route_case", RouteResult(route=Route(unroutable=Unroutable.ABSTAINED), usage=Usage()))
    handle = await mill.start()
    await mill.until(handle, CaseState.WAITING_HUMAN)
    await at_rest(handle)
    return handle


async def _called(world: FakeWorld, name: str, times: int = 1) -> bool:
    return len(world.of(name)) >= times


async def test_before_any_worker_took_it_up(mill: Mill, world: FakeWorld) -> None:
    await mill.stop_cases_worker()
    handle = await mill.start()
    await handle.cancel()
    await mill.start_cases_worker()
    await cancelled(handle, world)


async def test_while_the_router_works(mill: Mill, world: FakeWorld) -> None:
    held = world.hold("route_case")
    handle = await mill.start()
    await cancelled_over(handle, held, world)
    assert "extract_claim" not in world.names


async def test_while_the_ladder_waits(mill: Mill, world: FakeWorld) -> None:
    world.always("route_case", TransientError("503"))
    handle = await mill.start()
    await eventually(lambda: _called(world, "route_case"))
    await mill.skip(timedelta(seconds=90))
    await eventually(lambda: _called(world, "route_case", 2))
    await at_rest(handle)
    await handle.cancel()
    await cancelled(handle, world)
    assert len(world.of("route_case")) == 2
    assert "bury" not in world.names


async def test_while_a_specialist_works(env: WorkflowEnvironment, world: FakeWorld) -> None:
    """On a server of its own, which keeps its clock locked for an activity that outlives its workflow."""
    async with time_skipping_server() as server, Mill(server, server.client, world) as mill:
        held = world.hold("find_account")
        handle = await mill.start()
        await cancelled_over(handle, held, world)
        child = mill.client.get_workflow_handle(home(handle.id, "billing"))
        assert (await child.describe()).status is WorkflowExecutionStatus.CANCELED
        assert "refund" not in world.names


async def test_while_a_specialists_ladder_waits(mill: Mill, world: FakeWorld) -> None:
    world.always("refund", TransientError("reset by peer"))
    handle = await mill.start()
    await eventually(lambda: _called(world, "refund"))
    await at_rest(mill.client.get_workflow_handle(home(handle.id, "billing")))
    await handle.cancel()
    await eventually(lambda: _called(world, "forbid_effects"))  # as at the gate
    await cancelled(handle, world)
    assert len(world.of("refund")) == 1


async def test_in_the_human_lane(mill: Mill, world: FakeWorld) -> None:
    handle = await in_the_human_lane(mill, world)
    await handle.cancel()
    assert (await cancelled(handle, world)).human


async def test_at_the_gate(mill: Mill, world: FakeWorld) -> None:
    """The request is withdrawn, on record, and a click that comes later finds nothing."""
    world.always("find_account", account(BIG))
    handle = await mill.start()
    await mill.until(handle, CaseState.WAITING_APPROVAL)
    await eventually(lambda: _called(world, "announce_approval"))
    await at_rest(mill.client.get_workflow_handle(f"{handle.id}/approval/1"))
    await handle.cancel()
    # A cancellation on its way to a child does not hold the server's clock: skipped now, it would jump to a reminder.
    await eventually(lambda: _called(world, "forbid_effects"))
    assert (await cancelled(handle, world)).usage == ONE_CALL.plus(ONE_CALL), "what the specialist used is not lost"
    [recorded] = world.requests("record_decision")
    assert recorded.result.standing is Standing.CANCELLED
    assert "refund" not in world.names


async def test_after_the_approval_but_before_the_payment(mill: Mill, world: FakeWorld) -> None:
    """Somebody approved, the store was slow, somebody cancelled: nothing is paid."""
    world.always("find_account", account(BIG))
    held = world.hold("record_decision")
    handle = await mill.start()
    await mill.until(handle, CaseState.WAITING_APPROVAL)
    await eventually(lambda: _called(world, "announce_approval"))
    gate = mill.client.get_workflow_handle(f"{handle.id}/approval/1")
    await at_rest(gate)
    view = await gate.query(ApprovalWorkflow.view)
    approve = ApprovalDecision(approval_id=view.approval_id, digest=view.digest, verdict=Verdict.APPROVE, by="maria")
    answered = asyncio.create_task(gate.execute_update(ApprovalWorkflow.submit, approve))
    await held.reached.wait()
    await handle.cancel()
    await asyncio.sleep(0.3)  # the cancellation reaches all three workflows
    assert not answered.done(), "who decided is answered by what is on record"
    held.let_go()
    await cancelled(handle, world)
    assert (await answered).accepted
    assert "refund" not in world.names
    assert {r.result.standing for r in world.requests("record_decision")} == {Standing.APPROVED}


async def test_payment_under_way_is_waited_for(mill: Mill, world: FakeWorld) -> None:
    """Whether the money moved does not stay open: the refund ends, the case is cancelled, the effect is on record."""
    held = world.hold("refund")
    handle = await mill.start()
    await held.reached.wait()
    await handle.cancel()
    await asyncio.sleep(0.3)  # the cancellation reaches both workflows
    assert "forbid_effects" not in world.names
    held.let_go()
    outcome = await cancelled(handle, world, "cancelled; paid: 20.00 USD")
    assert [(e.key, e.amount_minor) for e in outcome.effects] == [(f"{handle.id}/refund", 2000)]
    assert len(world.of("refund")) == 1


async def test_payment_in_doubt_is_settled(mill: Mill, world: FakeWorld) -> None:
    """The rail's answer was lost before the cancellation: it is asked whether it paid, and the books follow."""
    paid = EffectRecord(key="k", kind="refund", amount_minor=2000, currency="USD")
    world.always("refund", TransientError("the answer was lost"))
    world.always("settle_effects", SettleResult(effects=[paid]))
    handle = await mill.start()
    await eventually(lambda: _called(world, "refund"))
    await handle.cancel(reason="closed by ops: a *drill*")
    outcome = await cancelled(handle, world, "closed by ops: a drill; paid: 20.00 USD")
    assert outcome.effects == [paid]
    assert world.names.index("forbid_effects") < world.names.index("settle_effects") < world.names.index("close_case")


async def test_while_it_closes(mill: Mill, world: FakeWorld) -> None:
    """What ended has ended: a cancellation that comes while the ending is recorded changes nothing."""
    held = world.hold("close_case")
    handle = await mill.start()
    await held.reached.wait()
    await handle.cancel()
    await asyncio.sleep(0.3)
    held.let_go()
    outcome = await handle.result()
    assert outcome.state is CaseState.DONE
    assert world.closed() == outcome
    status = await handle.query(CaseWorkflow.status)
    assert (status.state, status.finding) == (CaseState.DONE, outcome.finding)


async def test_while_the_provider_is_asked_for_the_last_time(mill: Mill, world: FakeWorld) -> None:
    """The case is cancelled, not a dead letter whose replay would pay."""
    world.always("refund", TransientError("503"))
    held = world.hold("settle_effects")
    handle = await mill.start(new_case(policy=policy(ladder_s=[])))
    await held.reached.wait()
    await handle.cancel()
    await asyncio.sleep(0.3)
    held.let_go()
    await cancelled(handle, world)
    assert "bury" not in world.names


async def test_cancelled_specialist_ends_its_case_in_one_state(
    mill: Mill, world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody cancels only the child, in Temporal's own tools."""
    monkeypatch.setattr(Specialists, "apart", True)
    held = world.hold("find_account")
    handle = await mill.start()
    await held.reached.wait()
    await mill.client.get_workflow_handle(f"{handle.id}/billing").cancel()
    await eventually(lambda: _called(world, "find_account", 2))  # until then it is tried beside the workflow task
    held.let_go()
    assert (await handle.result()).state is CaseState.CANCELLED
    assert world.closed().state is CaseState.CANCELLED
    assert "forbid_effects" in world.names


async def test_while_it_is_buried(mill: Mill, world: FakeWorld) -> None:
    world.always("route_case", TransientError("503"))
    held = world.hold("bury")
    handle = await mill.start(new_case(policy=policy(ladder_s=[])))
    await held.reached.wait()
    await handle.cancel()
    await asyncio.sleep(0.3)
    held.let_go()
    assert (await handle.result()).state is CaseState.DEAD_LETTERED
    assert world.closed().state is CaseState.DEAD_LETTERED
    assert world.names[-1] == "forbid_effects", "a replay must not pay what was cancelled"


@pytest.mark.parametrize("activity", ["forbid_effects", "settle_effects", "close_case"])
async def test_cancellation_is_recorded_however_long_the_store_is_away(
    mill: Mill, world: FakeWorld, activity: str
) -> None:
    world.will(activity, *[TransientError("database is locked")] * 5)
    handle = await in_the_human_lane(mill, world)
    await handle.cancel()
    await cancelled(handle, world)
    assert len(world.of(activity)) == 6


async def test_ending_is_recorded_however_long_the_store_is_away(mill: Mill, world: FakeWorld) -> None:
    """The case counts as closed only once the store says so."""
    world.will("close_case", *[TransientError("database is locked")] * 8, RuntimeError("bug"))
    handle = await mill.start()
    outcome = await handle.result()
    assert outcome.state is CaseState.DONE
    assert len(world.of("close_case")) == 10
    assert world.closed() == outcome


async def test_dead_letter_is_kept_however_long_the_store_is_away(mill: Mill, world: FakeWorld) -> None:
    world.always("route_case", TransientError("503"))
    world.will("bury", *[TransientError("database is locked")] * 8)
    assert (await mill.run()).state is CaseState.DEAD_LETTERED
    assert len(world.of("bury")) == 9


async def test_provider_that_cannot_be_asked_does_not_keep_the_case_open(mill: Mill, world: FakeWorld) -> None:
    """Wrong credentials are mended by a person; the audit finds the payment in doubt, the case is cancelled."""
    world.always("settle_effects", ConfigurationError("no such key"))
    handle = await in_the_human_lane(mill, world)
    await handle.cancel()
    await cancelled(handle, world)
    notices = (await handle.query(CaseWorkflow.status)).notices
    assert any("in doubt" in notice and "no such key" in notice for notice in notices)
