"""A decision counts by its signature, not by the name in it: whoever reaches Temporal's port can send any signal."""

import asyncio
from datetime import timedelta

import pytest

from activities.actions.approve import CheckDecisionRequest, CheckDecisionResult
from client.headgate import Headgate
from domain.authority.signed import Flaw, SigningKey, flaw_in, sign
from domain.blueprint import ApprovalRules
from domain.case import CaseState
from domain.errors import ConfigurationError, UnknownCaseError
from domain.money.approval import ApprovalDecision, Objection, Standing, Verdict
from tests.fakes.signing import KEYS, MARIA, PAGE, TOM
from tests.workflows.approvals.test_approval import (  # noqa: F401 - a fixture
    EXPIRY,
    Gate,
    at_the_gate,
    large_order,
    noted,
)
from tests.workflows.fake_world import FakeWorld
from tests.workflows.running import MARIA as MAY_APPROVE
from tests.workflows.running import Mill, eventually, new_case, policy
from workflows.approval import ApprovalWorkflow
from workflows.waiting import NOTICES_KEPT


def judge(request: CheckDecisionRequest) -> CheckDecisionResult:
    """What the product's step says, on the time of the server."""
    asked_at = request.request.requested_at
    assert asked_at is not None
    if request.objection:
        return CheckDecisionResult(objection=request.objection)
    return CheckDecisionResult(
        objection=flaw_in(request.decision, KEYS, asked_at=asked_at, now=asked_at + EXPIRY) or ""
    )


@pytest.fixture(autouse=True)
def judged(world: FakeWorld) -> None:
    world.always("check_decision", judge)


async def signed(gate: Gate, key: SigningKey = PAGE, verdict: Verdict = Verdict.APPROVE) -> ApprovalDecision:
    return sign(await gate.decision(verdict), key, (await gate.view()).requested_at)


async def test_a_bare_signal_in_somebodys_name_is_noted_and_changes_nothing(mill: Mill, world: FakeWorld) -> None:
    gate = await at_the_gate(mill, world)
    for verdict in Verdict:
        await gate.handle.signal("decide", await gate.decision(verdict))
    await eventually(lambda: noted(gate, "reject by maria had no effect: it is not signed"))
    assert await noted(gate, "approve by maria had no effect: it is not signed")
    assert (await gate.view()).standing is Standing.PENDING
    assert world.of("refund") == []
    assert (await gate.submit(await signed(gate))).accepted
    assert (await gate.case.result()).state is CaseState.DONE
    [recorded] = world.requests("record_decision")
    assert recorded.decision.seal.key_id == PAGE.key_id


async def test_each_forgery_is_told_why(mill: Mill, world: FakeWorld) -> None:
    gate = await at_the_gate(mill, world)
    right = await signed(gate)
    toms = sign(await gate.decision(), SigningKey(MARIA.key_id, MARIA.surface, TOM.secret), right.seal.at)  # type: ignore[union-attr]
    for forged, told in (
        (await gate.decision(), Flaw.UNSIGNED),
        (await signed(gate, TOM), Flaw.OTHER_PERSON),
        (toms, Flaw.CHANGED),
        (right.model_copy(update={"by": "omar"}), Flaw.CHANGED),
        (right.model_copy(update={"verdict": Verdict.REJECT}), Flaw.CHANGED),
        (right.model_copy(update={"digest": "e" * 64}), Objection.STALE_DIGEST),
        (right.model_copy(update={"approval_id": "case/test/other/approval/1"}), Objection.OTHER_APPROVAL),
    ):
        answer = await gate.submit(forged)
        assert (answer.accepted, answer.message) == (False, told)
    assert (await gate.submit(right)).accepted
    assert (await gate.case.result()).state is CaseState.DONE
    assert len(world.of("refund")) == 1


async def test_of_two_that_are_checked_at_once_the_first_counts(mill: Mill, world: FakeWorld) -> None:
    gate = await at_the_gate(mill, world)
    held = world.hold("check_decision")
    approving = asyncio.create_task(gate.submit(await signed(gate)))
    await held.reached.wait()
    rejecting = asyncio.create_task(gate.submit(await signed(gate, verdict=Verdict.REJECT)))
    await asyncio.sleep(0.2)
    held.let_go()
    answers = [await approving, await rejecting]
    assert [answer.accepted for answer in answers].count(True) == 1
    await gate.case.result()
    assert len(world.of("record_decision")) == 1


async def test_a_decision_whose_check_outlasts_the_expiry_is_late(mill: Mill, world: FakeWorld) -> None:
    soon = ApprovalRules(approvers=[MAY_APPROVE], expires_after_s=5, remind_every_s=5)
    gate = await at_the_gate(mill, world, new_case(policy=policy(approval=soon)))
    held = world.hold("check_decision")
    await gate.handle.signal("decide", await signed(gate))
    await held.reached.wait()
    await mill.skip(timedelta(seconds=6))
    held.let_go()
    assert (await gate.case.result()).state is CaseState.REJECTED
    assert world.of("refund") == []


async def test_without_keys_the_clicker_is_told_and_may_click_again(mill: Mill, world: FakeWorld) -> None:
    world.will("check_decision", ConfigurationError("surface-keys.json cannot be read"))
    gate = await at_the_gate(mill, world)
    answer = await gate.handle.execute_update(ApprovalWorkflow.submit, await signed(gate))
    assert not answer.accepted
    assert "surface-keys.json" in answer.message
    assert (await gate.submit(await signed(gate))).accepted


async def test_a_decision_that_was_left_with_temporal_counts_by_its_signature(mill: Mill, world: FakeWorld) -> None:
    gate = await at_the_gate(mill, world)
    desk = Headgate(mill.client).approvals
    await desk.leave(await gate.decision())  # unsigned
    await desk.leave(await signed(gate))
    assert (await gate.case.result()).state is CaseState.DONE
    assert len(world.of("refund")) == 1
    with pytest.raises(UnknownCaseError):
        await desk.leave(await signed(gate))


async def test_what_did_not_count_is_put_on_the_trail_until_enough_is_noted(mill: Mill, world: FakeWorld) -> None:
    gate = await at_the_gate(mill, world)
    stale = (await signed(gate)).model_copy(update={"digest": "e" * 64})
    for _ in range(NOTICES_KEPT + 5):
        await gate.handle.signal("decide", stale)
    await eventually(lambda: noted(gate, "had no effect"))
    assert (await gate.submit(await signed(gate))).accepted
    checks = world.requests("check_decision")
    assert {check.objection for check in checks} == {Objection.STALE_DIGEST, ""}
    assert len(checks) <= NOTICES_KEPT + 1
