"""Where the records moved, the policy decides again, not a person; an approval holds for one exact action."""

import re
from typing import Any

import pytest
from temporalio.service import RPCError

from domain.case import CaseOutcome, CaseState
from domain.errors import EffectsStoppedError, RecordsMovedError, RefusedError
from domain.money.amount import Money
from domain.money.approval import ApprovalDecision, ApprovalView, Verdict
from domain.money.claim import Reason
from tests.workflows.fake_world import FakeWorld, account, claimed, with_back
from tests.workflows.running import Mill, eventually
from workflows.approval import ApprovalWorkflow
from workflows.case import CaseWorkflow
from workflows.specialists.billing import LOOKS_AGAIN, UNDER_WAY_S

pytestmark = pytest.mark.usefixtures("both_ways")

MOVED = RecordsMovedError("it was decided when 0.00 USD were paid back; now it is 5.00 USD: it has to be decided again")
BIG = 600_000


def usd(minor: int) -> Money:
    return Money(minor=minor, currency="USD")


async def approve(mill: Mill, approval_id: str, verdict: Verdict = Verdict.APPROVE) -> ApprovalView:
    handle = mill.client.get_workflow_handle_for(ApprovalWorkflow.run, approval_id)
    view: ApprovalView = await eventually(lambda: _view(handle))
    decision = ApprovalDecision(approval_id=approval_id, digest=view.digest, verdict=verdict, by="maria")
    await handle.signal(ApprovalWorkflow.on_decide, decision)
    return view


async def _view(handle: Any) -> ApprovalView | None:
    try:
        view: ApprovalView = await handle.query(ApprovalWorkflow.view)
    except RPCError:  # it has not begun yet
        return None
    return view


async def waits_for(mill: Mill, handle: Any, approval_id: str) -> None:
    async def there() -> bool:
        return (await handle.query(CaseWorkflow.status)).waits_for == f"approval {approval_id}"

    await eventually(there)


# --- what goes to a person all the same ---


@pytest.mark.parametrize("error", [RefusedError("no such charge"), EffectsStoppedError("the kill switch is on")])
async def test_another_refusal_is_not_decided_again(mill: Mill, world: FakeWorld, error: Exception) -> None:
    world.always("refund", error)
    handle = await mill.start()
    await mill.until(handle, CaseState.WAITING_HUMAN)
    assert len(world.of("find_account")) == 1
    await mill.close_by_hand(handle)


async def test_records_that_never_stand_still_go_to_a_person(mill: Mill, world: FakeWorld) -> None:
    world.always("refund", MOVED)
    handle = await mill.start()
    status = await mill.until(handle, CaseState.WAITING_HUMAN)
    assert status.finding == f"pay the refund: {MOVED}"
    assert len(world.of("refund")) == len(world.of("find_account")) == LOOKS_AGAIN + 1
    assert len(world.of("extract_claim")) == 1
    await mill.close_by_hand(handle)


async def test_a_payment_that_stays_under_way_goes_to_a_person(mill: Mill, world: FakeWorld) -> None:
    world.always("find_account", with_back(2000, under_way=True))
    handle = await mill.start()
    async with mill.skipping():
        await eventually(lambda: _state(handle, CaseState.WAITING_HUMAN))
    finding = (await handle.query(CaseWorkflow.status)).finding
    assert finding == "deny: already refunded, by a payment that is still under way"
    assert "refund" not in world.names
    await mill.close_by_hand(handle)


async def _state(handle: Any, state: CaseState) -> bool:
    return (await handle.query(CaseWorkflow.status)).state is state


# --- decided again ---


async def test_what_another_ticket_paid_meanwhile_is_told_and_not_paid_again(mill: Mill, world: FakeWorld) -> None:
    """The same complaint by form and by mail: one is paid, the other is told so, and nobody is bothered."""
    world.will("refund", MOVED)
    world.will("find_account", account(), with_back(2000))
    outcome = await mill.run()
    assert (outcome.state, outcome.human, outcome.effects) == (CaseState.DONE, False, [])
    assert re.match(r"20\.00 USD of ORD-1 were paid back on \d{4}-", outcome.finding)
    assert re.search(r"already refunded 20\.00 USD for order ORD-1 \(on \d{4}-", world.reply())
    assert len(world.of("refund")) == 1


async def test_what_is_still_owed_is_paid_as_the_records_say_now(mill: Mill, world: FakeWorld) -> None:
    world.will("refund", MOVED)
    world.will("find_account", account(), with_back(500))
    outcome = await mill.run()
    first, second = world.requests("refund")
    assert (first.action.money, second.action.money) == (usd(2000), usd(1500))
    assert (first.terms.seen_back_minor, second.terms.seen_back_minor) == (0, 500)
    assert (outcome.state, [e.amount_minor for e in outcome.effects]) == (CaseState.DONE, [1500])
    assert "15.00 USD" in world.reply()


async def test_a_share_that_another_ticket_paid_is_told_as_the_share(mill: Mill, world: FakeWorld) -> None:
    world.always("extract_claim", claimed(reason=Reason.SERVICE_OUTAGE))
    world.will("refund", MOVED)
    world.will("find_account", account(), with_back(500))
    assert (await mill.run()).state is CaseState.DONE
    assert "all that our policy provides for" in world.reply()


async def test_a_payment_under_way_is_waited_for(mill: Mill, world: FakeWorld) -> None:
    world.will("find_account", with_back(2000, under_way=True), with_back(2000))
    outcome = await mill.run()
    assert outcome.state is CaseState.DONE
    assert "already refunded" in world.reply()
    first, second = world.of("find_account")
    assert (second.at - first.at).total_seconds() >= UNDER_WAY_S


async def test_a_payment_under_way_that_failed_leaves_the_money_to_this_case(mill: Mill, world: FakeWorld) -> None:
    world.will("find_account", with_back(2000, under_way=True), account())
    outcome = await mill.run()
    assert [e.amount_minor for e in outcome.effects] == [2000]


# --- approvals ---


async def paid_in_the_end(handle: Any) -> CaseOutcome:
    outcome: CaseOutcome = await handle.result()
    assert outcome.state is CaseState.DONE
    return outcome


async def test_an_approval_for_the_same_action_holds_after_deciding_again(mill: Mill, world: FakeWorld) -> None:
    world.always("extract_claim", claimed(amount=usd(BIG)))
    world.will("refund", MOVED)
    world.will("find_account", account(2 * BIG), with_back(100, of=2 * BIG))
    handle = await mill.start()
    await waits_for(mill, handle, f"{handle.id}/approval/1")
    await approve(mill, f"{handle.id}/approval/1")
    await paid_in_the_end(handle)
    assert [request.approval_id for request in world.requests("refund")] == [f"{handle.id}/approval/1"] * 2
    assert len(world.of("announce_approval")) == 1


async def test_an_approval_is_not_carried_over_to_another_action(mill: Mill, world: FakeWorld) -> None:
    """Another sum is another action: people are asked anew, under another number."""
    world.will("refund", MOVED)
    world.will("find_account", account(BIG), with_back(50_000, of=BIG))
    handle = await mill.start()
    await waits_for(mill, handle, f"{handle.id}/approval/1")
    first = await approve(mill, f"{handle.id}/approval/1")
    await waits_for(mill, handle, f"{handle.id}/approval/1.2")
    second = await approve(mill, f"{handle.id}/approval/1.2")
    await paid_in_the_end(handle)
    assert (first.amount, second.amount) == (usd(BIG), usd(BIG - 50_000))
    assert first.digest != second.digest
    assert [(r.approval_id, r.action.money) for r in world.requests("refund")] == [
        (f"{handle.id}/approval/1", usd(BIG)),
        (f"{handle.id}/approval/1.2", usd(BIG - 50_000)),
    ]


async def test_the_second_no_is_a_no(mill: Mill, world: FakeWorld) -> None:
    world.will("refund", MOVED)
    world.will("find_account", account(BIG), with_back(50_000, of=BIG))
    handle = await mill.start()
    await waits_for(mill, handle, f"{handle.id}/approval/1")
    await approve(mill, f"{handle.id}/approval/1")
    await waits_for(mill, handle, f"{handle.id}/approval/1.2")
    await approve(mill, f"{handle.id}/approval/1.2", Verdict.REJECT)
    outcome = await handle.result()
    assert (outcome.state, outcome.effects) == (CaseState.REJECTED, [])
    assert len(world.of("refund")) == 1


async def test_what_came_near_the_limit_meanwhile_needs_an_approval(mill: Mill, world: FakeWorld) -> None:
    world.always("extract_claim", claimed(amount=usd(1000)))
    world.will("refund", RecordsMovedError("at or above the limit: it needs an approval on record"))
    world.will("find_account", account(BIG), with_back(499_500, of=BIG))
    handle = await mill.start()
    await waits_for(mill, handle, f"{handle.id}/approval/1")
    await approve(mill, f"{handle.id}/approval/1")
    await paid_in_the_end(handle)
    first, second = world.requests("refund")
    assert (first.approval_id, second.approval_id) == (None, f"{handle.id}/approval/1")
