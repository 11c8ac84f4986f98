"""The answer to a decision is what stands on record, not what the workflow thinks."""

import asyncio
from datetime import UTC, datetime

import pytest

from activities.actions.approve import RecordDecisionRequest
from client.headgate import Headgate
from domain.case import CaseState
from domain.errors import RefusedError, TransientError
from domain.money.approval import ApprovalResult, Standing, Verdict
from tests.workflows.approvals.test_approval import at_the_gate, large_order, noted  # noqa: F401 - a fixture
from tests.workflows.fake_world import FakeWorld
from tests.workflows.running import Mill, eventually


async def test_second_decision_while_the_first_is_recorded_is_told(mill: Mill, world: FakeWorld) -> None:
    gate = await at_the_gate(mill, world)
    held = world.hold("record_decision")
    first = asyncio.create_task(gate.submit(await gate.decision(Verdict.APPROVE, "omar")))
    await held.reached.wait()
    second = asyncio.create_task(gate.submit(await gate.decision(Verdict.REJECT)))
    await eventually(lambda: noted(gate, "reject by maria had no effect"))
    assert not first.done(), "nobody is told before it is on record"
    assert not second.done()
    assert any("not on record yet" in notice for notice in (await gate.view()).notices)
    held.let_go()
    assert (await first).accepted
    assert not (await second).accepted
    assert "approved by omar" in (await second).message
    assert (await gate.case.result()).state is CaseState.DONE
    assert len(world.of("refund")) == 1


async def test_decision_is_recorded_however_long_the_store_is_away(mill: Mill, world: FakeWorld) -> None:
    """Nobody has to click twice because a database was restarted."""
    world.will("record_decision", *[TransientError("database is locked")] * 6)
    gate = await at_the_gate(mill, world)
    await gate.submit(await gate.decision())
    assert (await gate.case.result()).state is CaseState.DONE
    assert len(world.of("record_decision")) == 7
    assert len(world.of("refund")) == 1


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("by", ["omar", "maria"])
async def test_what_the_store_recorded_first_stands_and_is_the_answer(
    mill: Mill, world: FakeWorld, verdict: Verdict, by: str
) -> None:
    """Temporal's state is of an hour ago, and somebody, maybe the same person, has rejected it since."""
    before = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)

    def rejected_before(request: RecordDecisionRequest) -> ApprovalResult:
        return request.result.model_copy(update={"standing": Standing.REJECTED, "by": by, "at": before})

    world.always("record_decision", rejected_before)
    gate = await at_the_gate(mill, world)
    answer = await Headgate(mill.client).approvals.decide(await gate.decision(verdict))
    assert (answer.accepted, answer.standing) == (False, Standing.REJECTED)
    assert f"rejected by {by} at 2026-01-05 09:30:00 UTC" in answer.message
    outcome = await gate.case.result()
    assert outcome.state is CaseState.REJECTED
    assert world.of("refund") == []
    view = await gate.view()
    assert (view.standing, view.decided_by) == (Standing.REJECTED, by)
    assert any("had no effect: on record it is rejected by" in notice for notice in view.notices)


async def test_an_ending_that_cannot_be_recorded_is_no_approval(mill: Mill, world: FakeWorld) -> None:
    world.always("record_decision", RefusedError("it was for another action"))
    gate = await at_the_gate(mill, world)
    answer = await gate.submit(await gate.decision())
    assert not answer.accepted
    assert "could not be put on record" in answer.message
    assert (await gate.case.result()).effects == []
    assert world.of("refund") == []
