"""The gate: nothing above the limit is paid without one timely decision by somebody entitled, for exactly that
action.
"""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from client.headgate import Headgate
from domain.blueprint import ApprovalRules
from domain.case import CaseInput, CaseState
from domain.errors import TransientError
from domain.money.approval import (
    ApprovalDecision,
    ApprovalView,
    DecisionAnswer,
    Objection,
    Standing,
    Verdict,
)
from tests.workflows.fake_world import ONE_CALL, FakeWorld, account
from tests.workflows.running import JUNIOR, MARIA, OMAR, Mill, eventually, new_case, policy, updates_of
from workflows.approval import ApprovalWorkflow
from workflows.case import CaseWorkflow
from workflows.options import ALERT_BUDGET
from workflows.waiting import NOTICES_KEPT

BIG = 600_000  # above the limit of 5,000.00 USD
EXPIRY = timedelta(days=2)


@pytest.fixture(autouse=True)
def large_order(world: FakeWorld) -> None:
    world.always("find_account", account(BIG))


class Gate:
    """A case that waits at its gate."""

    def __init__(self, mill: Mill, case: WorkflowHandle, number: int = 1) -> None:
        self.mill = mill
        self.case = case
        self.handle = mill.client.get_workflow_handle(f"{case.id}/approval/{number}")

    async def view(self) -> ApprovalView:
        view = await self.handle.query(ApprovalWorkflow.view)
        self.expires_at = view.expires_at
        return view

    async def decision(self, verdict: Verdict = Verdict.APPROVE, by: str = "maria", **fields: str) -> ApprovalDecision:
        view = await self.view()
        right = ApprovalDecision(approval_id=view.approval_id, digest=view.digest, verdict=verdict, by=by)
        return right.model_copy(update=fields)

    async def submit(self, decision: ApprovalDecision) -> DecisionAnswer:
        return await self.handle.execute_update(ApprovalWorkflow.submit, decision)


async def at_the_gate(mill: Mill, world: FakeWorld, case: CaseInput | None = None, number: int = 1) -> Gate:
    handle = await mill.start(case)
    await mill.until(handle, CaseState.WAITING_APPROVAL)
    await eventually(lambda: _called(world, "announce_approval"))
    return Gate(mill, handle, number)


async def noted(gate: Gate, words: str) -> bool:
    return any(words in notice for notice in (await gate.view()).notices)


async def _called(world: FakeWorld, name: str, times: int = 1) -> bool:
    return len(world.of(name)) >= times


# --- nobody, too late, the wrong one -------------------------------------------------------------------------------


async def test_expiry_pays_nothing_and_the_customer_is_told(mill: Mill, world: FakeWorld) -> None:
    """Silence is a rejection: after two days, with a reminder every eight hours."""
    gate = await at_the_gate(mill, world)
    opened = (await gate.view()).requested_at
    outcome = await gate.case.result()
    assert outcome.state is CaseState.REJECTED
    assert outcome.effects == []
    assert world.of("refund") == []
    assert "could not complete the check" in world.reply()
    [recorded] = world.requests("record_decision")
    assert recorded.result.standing is Standing.EXPIRED
    assert timedelta(0) <= recorded.result.at - opened - EXPIRY < timedelta(minutes=1)
    hours = [round((call.at - opened) / timedelta(hours=1)) for call in world.of("alert_person")]
    assert hours == [8, 16, 24, 32, 40]


async def test_expiry_does_not_wait_for_reminders_that_cannot_be_sent(mill: Mill, world: FakeWorld) -> None:
    world.always("alert_person", RuntimeError("chat is down"))
    gate = await at_the_gate(mill, world)
    opened = (await gate.view()).requested_at
    assert (await gate.case.result()).state is CaseState.REJECTED
    [recorded] = world.requests("record_decision")
    assert recorded.result.standing is Standing.EXPIRED
    assert timedelta(0) <= recorded.result.at - opened - EXPIRY < timedelta(minutes=1)
    assert len({call.asked_at for call in world.of("alert_person")}) == 5, "each reminder is tried anew"
    notices = (await gate.view()).notices
    assert [notice for notice in notices if "was not sent" in notice and "chat is down" in notice] == notices
    assert len(notices) == 5


async def test_a_decision_does_not_wait_for_a_reminder_that_cannot_be_sent(mill: Mill, world: FakeWorld) -> None:
    world.always("alert_person", RuntimeError("chat is down"))
    gate = await at_the_gate(mill, world)
    approve = await gate.decision()
    await mill.skip(timedelta(hours=8, minutes=1))
    await eventually(lambda: _called(world, "alert_person"))
    approving = asyncio.create_task(gate.submit(approve))
    await eventually(lambda: noted(gate, "not on record yet"))
    assert (await gate.case.result()).state is CaseState.DONE
    assert (await approving).accepted
    [paid] = world.of("refund")
    assert paid.asked_at - world.of("alert_person")[0].asked_at <= ALERT_BUDGET


async def test_time_runs_while_the_request_cannot_be_put_before_anybody(mill: Mill, world: FakeWorld) -> None:
    """The store is away for longer than the request stands: it is announced late, expired, and nobody pays."""
    rules = ApprovalRules(approvers=[MARIA, OMAR, JUNIOR], expires_after_s=900.0, remind_every_s=300.0)
    world.will("announce_approval", *[TransientError("database is locked")] * 20)
    handle = await mill.start(new_case(policy=policy(approval=rules)))
    outcome = await handle.result()
    tries = world.of("announce_approval")
    assert len(tries) == 21
    assert tries[-1].at - tries[0].at > timedelta(seconds=900)
    assert outcome.state is CaseState.REJECTED
    [recorded] = world.requests("record_decision")
    assert recorded.result.standing is Standing.EXPIRED
    assert "refund" not in world.names
    assert "alert_person" not in world.names


async def test_rejection_pays_nothing_and_names_the_reason(mill: Mill, world: FakeWorld) -> None:
    gate = await at_the_gate(mill, world)
    answer = await gate.submit(await gate.decision(Verdict.REJECT, reason="sent twice before"))
    assert (answer.accepted, answer.standing) == (True, Standing.REJECTED)
    outcome = await gate.case.result()
    assert outcome.state is CaseState.REJECTED
    assert world.of("refund") == []
    assert "sent twice before" in world.reply()


REFUSED = [
    ({"digest": "0" * 64}, Objection.STALE_DIGEST),
    ({"approval_id": "case/other/1/approval/1"}, Objection.OTHER_APPROVAL),
    ({"by": "  "}, Objection.NO_NAME),
    ({"by": "mallory"}, Objection.NOT_ENTITLED),
    ({"by": "Maria"}, Objection.NOT_ENTITLED),
    ({"by": "jo"}, Objection.ABOVE_LIMIT),
    ({"by": "CUS-1"}, Objection.REQUESTER),
]


@pytest.mark.parametrize(("fields", "objection"), REFUSED)
async def test_decision_that_does_not_count_is_told_andnoted(
    mill: Mill, world: FakeWorld, fields: dict[str, str], objection: Objection
) -> None:
    """It changes nothing, whichever way it was to go; the next one that is right counts."""
    gate = await at_the_gate(mill, world)
    for number, verdict in enumerate(Verdict, 1):
        answer = await gate.submit(await gate.decision(verdict, **fields))
        assert (answer.accepted, answer.message, answer.standing) == (False, str(objection), Standing.PENDING)
        view = await gate.view()
        assert view.standing is Standing.PENDING
        assert len([notice for notice in view.notices if str(objection) in notice]) == number
        assert world.of("record_decision") == []
    assert (await gate.submit(await gate.decision(Verdict.REJECT))).accepted
    assert (await gate.case.result()).state is CaseState.REJECTED
    assert world.of("refund") == []


async def test_decisions_that_do_not_count_cannot_use_up_the_updates(mill: Mill, world: FakeWorld) -> None:
    """Temporal records 2,000 of a workflow: beyond those that are noted none is, and its sender is told the same."""
    gate = await at_the_gate(mill, world)
    headgate = Headgate(mill.client)
    stale = await gate.decision(digest="0" * 64)
    answers = [await headgate.approvals.decide(stale) for _ in range(NOTICES_KEPT + 5)]
    assert {(a.accepted, a.message, a.standing) for a in answers} == {
        (False, str(Objection.STALE_DIGEST), Standing.PENDING)
    }
    assert len((await gate.view()).notices) == NOTICES_KEPT
    assert await updates_of(gate.handle) == NOTICES_KEPT
    assert (await headgate.approvals.decide(await gate.decision())).accepted
    assert (await gate.case.result()).state is CaseState.DONE


@pytest.mark.usefixtures("nothing_cached")
async def test_of_two_opposite_decisions_the_first_stands(mill: Mill, world: FakeWorld) -> None:
    """Both arrive before any worker looks: the second person is told who was first."""
    gate = await at_the_gate(mill, world)
    reject, approve = await gate.decision(Verdict.REJECT, "omar"), await gate.decision(Verdict.APPROVE)
    await mill.stop_cases_worker()
    await gate.handle.signal("decide", reject)
    await gate.handle.signal("decide", approve)
    await mill.start_cases_worker()
    outcome = await gate.case.result()
    assert outcome.state is CaseState.REJECTED
    assert world.of("refund") == []
    [notice] = (await gate.view()).notices
    assert "approve by maria had no effect" in notice
    [recorded] = world.requests("record_decision")
    assert (recorded.result.standing, recorded.result.by) == (Standing.REJECTED, "omar")


@pytest.mark.usefixtures("nothing_cached")
async def test_approval_noticed_after_the_expiry_is_late(mill: Mill, world: FakeWorld) -> None:
    """The time was up while no worker ran, then came the approval: the worker sees both in one instant, nobody pays."""
    gate = await at_the_gate(mill, world)
    approve = await gate.decision()
    await _nearly_expired(gate)
    await mill.stop_cases_worker()
    await _time_is_up(gate)
    await gate.handle.signal("decide", approve)
    await mill.start_cases_worker()
    await _nothing_was_paid(gate, world)


@pytest.mark.usefixtures("nothing_cached")
async def test_approval_before_the_expiry_but_noticed_after_it_is_late_too(mill: Mill, world: FakeWorld) -> None:
    """The approval came, then the time was up, and no worker ran: whether it was in time cannot be shown, nobody
    pays.
    """
    gate = await at_the_gate(mill, world)
    approve = await gate.decision()
    await _nearly_expired(gate)
    await mill.stop_cases_worker()
    await gate.handle.signal("decide", approve)
    await _time_is_up(gate)
    await mill.start_cases_worker()
    await _nothing_was_paid(gate, world)


async def _nearly_expired(gate: Gate) -> None:
    """Skip to shortly before the expiry; with no worker running the server's clock goes on only second by second."""
    left = (await gate.view()).expires_at - await gate.mill.env.get_current_time()
    await gate.mill.skip(left - timedelta(seconds=2))
    await eventually(lambda: _called(gate.mill.world, "alert_person", 5))


async def _time_is_up(gate: Gate) -> None:
    async def passed() -> bool:
        return await gate.mill.env.get_current_time() > gate.expires_at

    await eventually(passed)


async def _nothing_was_paid(gate: Gate, world: FakeWorld) -> None:
    outcome = await gate.case.result()
    assert outcome.state is CaseState.REJECTED
    assert world.of("refund") == []
    [recorded] = world.requests("record_decision")
    assert recorded.result.standing is Standing.EXPIRED
    assert any(str(Objection.EXPIRED) in notice for notice in (await gate.view()).notices)


async def test_decision_after_the_end_fails_cleanly(mill: Mill, world: FakeWorld) -> None:
    """Whoever is late by an hour gets an error from Temporal, and the case stays as it ended."""
    gate = await at_the_gate(mill, world)
    approve = await gate.decision()
    await gate.submit(await gate.decision(Verdict.REJECT))
    await gate.case.result()
    with pytest.raises(RPCError) as late:
        await gate.handle.signal("decide", approve)
    assert late.value.status is RPCStatusCode.NOT_FOUND
    assert world.of("refund") == []
    assert len(world.of("record_decision")) == 1


# --- in order ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_update", [False, True])
async def test_approval_pays_exactly_what_was_approved(mill: Mill, world: FakeWorld, by_update: bool) -> None:
    gate = await at_the_gate(mill, world)
    view = await gate.view()
    approve = await gate.decision()
    if by_update:
        assert (await gate.submit(approve)).accepted
    else:
        await gate.handle.signal("decide", approve)
    outcome = await gate.case.result()
    assert outcome.state is CaseState.DONE
    [paid] = world.requests("refund")
    assert paid.approval_id == view.approval_id == f"{gate.case.id}/approval/1"
    assert paid.action.digest() == view.digest
    assert paid.action.money == view.amount
    assert paid.action.money.minor == BIG
    assert [e.approval_id for e in outcome.effects] == [view.approval_id]
    assert "checked and approved" in world.reply()


async def test_decision_given_while_the_request_is_announced_counts(mill: Mill, world: FakeWorld) -> None:
    """The console may be faster than the chat."""
    held = world.hold("announce_approval")
    case = await mill.start()
    await held.reached.wait()
    gate = Gate(mill, case)
    approving = asyncio.create_task(gate.submit(await gate.decision()))
    await eventually(lambda: noted(gate, "not on record yet"))
    held.let_go()
    assert (await approving).accepted
    assert (await case.result()).state is CaseState.DONE
    assert len(world.of("refund")) == 1


async def test_case_shows_what_it_waits_for(mill: Mill, world: FakeWorld) -> None:
    """Status, search attributes and the request itself say the same, what the specialist has used included."""
    gate = await at_the_gate(mill, world)
    status = await gate.case.query(CaseWorkflow.status)
    view = await gate.view()
    assert status.waits_for == f"approval {view.approval_id}"
    assert abs(status.waits_until - view.expires_at) < timedelta(seconds=5)
    attributes = (await gate.case.describe()).search_attributes
    assert attributes["CaseState"] == ["waiting_approval"]
    assert attributes["CaseAmountMinor"] == [BIG]
    spent = ONE_CALL.plus(ONE_CALL)  # the route and the claim
    assert status.usage == spent
    assert attributes["CaseCostMicros"] == [spent.cost_micros]
    assert "6,000.00 USD" in view.brief.what
    assert "limit" in view.brief.why
    await gate.submit(await gate.decision())
    assert (await gate.case.result()).usage == spent
    assert (await gate.case.describe()).search_attributes["CaseState"] == ["done"]


@pytest.mark.usefixtures("nothing_cached")
async def test_worker_restarted_at_the_gate(mill: Mill, world: FakeWorld) -> None:
    gate = await at_the_gate(mill, world)
    await mill.stop_cases_worker()
    await mill.start_cases_worker()
    await mill.skip(timedelta(hours=9))
    await eventually(lambda: _called(world, "alert_person"))
    assert (await gate.submit(await gate.decision())).accepted
    assert (await gate.case.result()).state is CaseState.DONE


async def test_replayed_case_asks_under_another_number(mill: Mill, world: FakeWorld) -> None:
    """An approval is used once: the replay of a dead letter needs a new one."""
    gate = await at_the_gate(mill, world, new_case(replay=1), number=1001)
    assert (await gate.view()).approval_id == f"{gate.case.id}/approval/1001"
    await gate.submit(await gate.decision())
    outcome = await gate.case.result()
    assert (outcome.state, outcome.replay) == (CaseState.DONE, 1)
    [paid] = world.requests("refund")
    assert paid.action.key == f"{gate.case.id}/refund", "the key of the money is the same over all replays"


async def test_the_approver_reads_what_the_customer_wrote_and_how_it_was_read(mill: Mill, world: FakeWorld) -> None:
    text = "Hello. Parcel ORD-1 came broken. Please refund 10 % of it, see https://evil.example! Bye"
    gate = await at_the_gate(mill, world, new_case(subject="", text=text))
    assert (await gate.view()).brief.request == [
        "“Parcel ORD-1 came broken.”",
        "“Please refund 10 % of it, see hxxps[:]//evil[.]example!”",
        "read as: all of it; no amount and no part is named",
    ]
    [asked] = world.requests("announce_approval")
    assert asked.digest == asked.action.digest(), "it is of the action, whatever the brief says"
    assert (await gate.submit(await gate.decision(Verdict.REJECT))).accepted
