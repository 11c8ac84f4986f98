"""What stands still is found, and mended without a second payment, on a real Temporal."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.testing import WorkflowEnvironment

from client.headgate import Headgate
from client.standstill.stuck import look_for_stuck
from client.standstill.unsticking import UPDATE, unstick
from commands.work.overview import states_in_temporal
from domain.case import CaseAnswer, CaseState, HumanDecision, Lane
from domain.intake import IntakeState
from domain.money.approval import ApprovalDecision, ApprovalRequest, ApprovalView, Objection, Verdict
from tests.dev_server import dev_server
from tests.workflows.fake_world import FakeWorld, account
from tests.workflows.running import Mill, eventually, new_case
from workflows import approval as approval_module
from workflows import options
from workflows.approval import ApprovalWorkflow
from workflows.case import CaseWorkflow
from workflows.human_lane import WaitForPerson
from workflows.intake import IntakeWorkflow

POISON = "this build cannot take it"
BIG = 600_000  # above the limit
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[WorkflowEnvironment]:
    async with dev_server() as environment:
        yield environment


@pytest.fixture(autouse=True)
def failing_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """A build with a bug in the human lane: its task fails at a text, whatever the case waits for."""
    whole = WaitForPerson._objection_to

    def buggy(self: WaitForPerson, decision: HumanDecision) -> str | None:
        if decision.text == POISON:
            raise RuntimeError("a bug")
        return whole(self, decision)

    monkeypatch.setattr(WaitForPerson, "_objection_to", buggy)


@pytest_asyncio.fixture(loop_scope="module")
async def mill(server: WorkflowEnvironment) -> AsyncIterator[Mill]:
    world = FakeWorld()
    running = Mill(server, server.client, world)
    await running.__aenter__()
    yield running
    await running.__aexit__(RuntimeError, None, None)  # what was reset did not run as its first run did


def word(text: str = POISON, by: str = "ann") -> HumanDecision:
    return HumanDecision(verdict=Lane.ANSWER, by=by, text=text)


async def at_the_gate(mill: Mill) -> WorkflowHandle[Any, Any]:
    mill.world.always("find_account", account(BIG))
    handle = await mill.start()
    await mill.until(handle, CaseState.WAITING_APPROVAL)
    await eventually(lambda: announced(mill.world))
    return mill.client.get_workflow_handle(handle.id)


async def announced(world: FakeWorld) -> bool:
    return bool(world.of("announce_approval"))


async def fails(handle: WorkflowHandle[Any, Any]) -> bool:
    return (await handle.describe()).raw_description.pending_workflow_task.attempt >= 2


async def approve(mill: Mill, case_id: str) -> None:
    gate = mill.client.get_workflow_handle_for(ApprovalWorkflow.run, f"{case_id}/approval/1")
    view: ApprovalView = await gate.query(ApprovalWorkflow.view)
    yes = ApprovalDecision(approval_id=view.approval_id, digest=view.digest, verdict=Verdict.APPROVE, by="maria")
    assert (await gate.execute_update(ApprovalWorkflow.submit, yes)).accepted


async def notices_of(mill: Mill, case_id: str) -> list[str]:
    return (await mill.client.get_workflow_handle_for(CaseWorkflow.run, case_id).query(CaseWorkflow.status)).notices


async def test_a_case_at_its_gate_is_mended_and_paid_once(mill: Mill) -> None:
    handle = await at_the_gate(mill)
    await handle.signal("decide_human", word())
    await eventually(lambda: fails(handle))
    await handle.signal("decide_human", word("hello", by="bea"))  # is kept
    said = await unstick(mill.client, handle.id, dry_run=True)
    assert not said.mended
    assert "would go back to event" in said.message
    assert "RuntimeError: a bug" in said.message
    assert await fails(handle)
    done = await unstick(mill.client, handle.id)
    assert done.mended, done
    assert [name.partition(" of ")[0] for name in done.left_out] == ["the signal 'decide_human'"]
    assert len(done.sent_again) == 1
    [notice] = await notices_of(mill, handle.id)
    assert "answer by bea had no effect" in notice
    await approve(mill, handle.id)
    outcome = await mill.client.get_workflow_handle_for(CaseWorkflow.run, handle.id).result()
    assert outcome.state is CaseState.DONE
    assert len(mill.world.of("refund")) == 1
    assert (await unstick(mill.client, handle.id)).message.startswith("has ended")
    headgate = Headgate(mill.client)
    assert await headgate.cases.count("ExecutionStatus = 'Terminated'") == 1  # the run that was reset is no case
    assert "terminated" not in await states_in_temporal(headgate)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the SDK drops the rest of a batch
async def test_of_several_messages_the_bad_ones_are_found_one_by_one(mill: Mill) -> None:
    """They came while no worker was there, so that one task has them all; a copy is left out unseen."""
    handle = await at_the_gate(mill)
    await mill.stop_cases_worker()
    for said in (word("one", by="bea"), word(), word("two", by="cid"), word(), word(by="dan")):
        await handle.signal("decide_human", said)
    await mill.start_cases_worker()
    await eventually(lambda: fails(handle))
    done = await unstick(mill.client, handle.id)
    assert (done.mended, len(done.left_out), len(done.sent_again)) == (True, 3, 2), done
    assert [notice.partition(" had")[0] for notice in await notices_of(mill, handle.id)] == [
        "answer by bea", "answer by cid",
    ]  # fmt: skip
    await approve(mill, handle.id)
    assert (await mill.client.get_workflow_handle(handle.id, result_type=dict).result())["state"] == CaseState.DONE
    assert len(mill.world.of("refund")) == 1


async def test_the_approval_itself_is_mended_and_its_case_hears_the_decision(
    mill: Mill, monkeypatch: pytest.MonkeyPatch
) -> None:
    import domain.money.approval as rules

    whole = rules.object_to

    def buggy(decision: ApprovalDecision, request: ApprovalRequest, **now: Any) -> Objection | None:
        if decision.reason == POISON:
            raise RuntimeError("a bug")
        return whole(decision, request, **now)

    monkeypatch.setattr(rules, "object_to", buggy)
    assert approval_module.object_to is whole  # the sandbox takes it from where it is defined
    case = await at_the_gate(mill)
    gate = mill.client.get_workflow_handle(f"{case.id}/approval/1")
    await gate.signal(
        "decide", ApprovalDecision(approval_id="a", digest="d", verdict=Verdict.REJECT, by="maria", reason=POISON)
    )
    await eventually(lambda: fails(gate))
    done = await unstick(mill.client, gate.id)
    assert done.mended, done
    await approve(mill, case.id)
    assert (await mill.client.get_workflow_handle(case.id, result_type=dict).result())["state"] == CaseState.DONE
    assert len(mill.world.of("refund")) == 1


async def test_an_update_that_does_the_harm_is_left_behind(mill: Mill, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = WaitForPerson._accept

    def buggy(self: WaitForPerson, decision: HumanDecision) -> CaseAnswer:
        if decision.reason == POISON:
            raise RuntimeError("a bug")
        return whole(self, decision)

    monkeypatch.setattr(WaitForPerson, "_accept", buggy)
    handle = await mill.start(new_case(skip_to_human="nothing readable"))
    await mill.until(handle, CaseState.WAITING_HUMAN)
    poison = HumanDecision(verdict=Lane.CLOSE, by="ann", reason=POISON)
    with pytest.raises(WorkflowUpdateRPCTimeoutOrCancelledError):
        await handle.execute_update(CaseWorkflow.decide, poison, rpc_timeout=timedelta(seconds=2))
    await eventually(lambda: fails(handle))
    done = await unstick(mill.client, handle.id)
    assert (done.mended, done.left_out) == (True, [UPDATE]), done
    again = mill.client.get_workflow_handle_for(CaseWorkflow.run, handle.id)
    assert (await mill.close_by_hand(again)).state is CaseState.REJECTED


async def test_what_no_message_did_is_left_alone(mill: Mill, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor what goes on by itself, once the case worker is mended."""
    handle = await mill.start(new_case(skip_to_human="nothing readable"))
    await mill.until(handle, CaseState.WAITING_HUMAN)
    await handle.signal("decide_human", word())
    await eventually(lambda: fails(handle))
    healthy = await unstick(mill.client, (await at_the_gate(mill)).id)
    assert (healthy.mended, healthy.message) == (True, "is not stuck: no workflow task of it fails")
    monkeypatch.undo()  # the build is mended
    await eventually(lambda: goes_on(handle))
    done = await unstick(mill.client, handle.id)
    assert done.message.startswith(("is not stuck", "has ended"))


async def goes_on(handle: WorkflowHandle[Any, Any]) -> bool:
    return not (await handle.describe()).raw_description.HasField("pending_workflow_task")


async def test_stuck_workflows_are_counted(mill: Mill) -> None:
    """The intake is asked first: on it all others wait."""
    before = {each.workflow_id for each in (await look_for_stuck(mill.client)).stuck}
    handle = await at_the_gate(mill)
    await handle.signal("decide_human", word())
    await forged_intake(mill.client)

    async def both() -> bool:
        found = await look_for_stuck(mill.client)
        new = {each.workflow_id for each in found.stuck} - before
        return new == {handle.id, options.INTAKE_WORKFLOW_ID} and found.of_all == [options.INTAKE_WORKFLOW_ID]

    await eventually(both)
    said = await unstick(mill.client, options.INTAKE_WORKFLOW_ID)
    assert not said.mended
    assert "its very first task fails" in said.message
    await mill.client.get_workflow_handle(options.INTAKE_WORKFLOW_ID).terminate()
    assert (await unstick(mill.client, handle.id)).mended


async def forged_intake(client: Client) -> None:
    """Start an intake under a name that no worker of this build knows."""
    await client.start_workflow(
        "IntakeWorkflowOfTomorrow", IntakeState(), id=options.INTAKE_WORKFLOW_ID, task_queue=options.CASES_QUEUE
    )
    assert IntakeWorkflow.__name__ == "IntakeWorkflow"
