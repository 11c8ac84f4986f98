"""A further mail about what waits for an approval, without a sign of the conversation: the same again, or news."""

import pytest

from activities.actions.lead import RecordLeadResult
from activities.models.extract import ClaimResult
from activities.models.route import RouteResult
from domain.case import CaseState
from domain.letters import AlreadyOpen
from domain.money.claim import Doubt, Doubted, Reason
from domain.routing import SALES, Route, Unroutable
from tests.workflows.conversations.talking import (
    answer,
    approve,
    asked,
    at_the_gate,
    ended,
    first,
    reads_the_answers,
    seen_open,
    wrote,
)
from tests.workflows.fake_world import ONE_CALL, FakeWorld, claimed, routed
from tests.workflows.running import Mill
from workflows.case import CaseWorkflow

pytestmark = pytest.mark.usefixtures("both_ways")


async def test_the_same_request_again_is_put_to_the_one_that_waits(mill: Mill, world: FakeWorld) -> None:
    """Nobody is asked twice, nothing is paid beside it; the approval that follows is not in the way."""
    older = await at_the_gate(mill, world)
    seen_open(world, older)
    again = await ended(mill, first(text="Where is my money for ORD-1?"))
    assert (again.state, again.passed_to) == (CaseState.DONE, older.id)
    assert again.finding.startswith(f"the same as {older.id}, which waits for approval")
    assert len(world.of("announce_approval")) == 1
    [close] = [c.request for c in world.of("close_case", again.case_id)]
    assert close.letter == AlreadyOpen(order_id="ORD-1")
    await approve(mill, older)
    outcome = await older.result()
    assert outcome.state is CaseState.DONE
    assert len(world.of("refund")) == 1


@pytest.mark.parametrize(
    "read",
    [
        claimed(share_bp=5000),
        claimed(reason=Reason.DAMAGED),
        claimed(doubts=[Doubted(doubt=Doubt.WITHDRAWN)]),
        claimed(doubts=[Doubted(doubt=Doubt.DISPUTE)]),
    ],
    ids=["less", "other reason", "withdrawn", "dispute"],
)
async def test_what_says_something_else_stops_what_is_approved_after_it(
    mill: Mill, world: FakeWorld, read: ClaimResult
) -> None:
    """A mail of its own, without a sign of the conversation: whoever approves did not see it in the brief."""
    older = await at_the_gate(mill, world)
    seen_open(world, older)
    world.will("extract_claim", read)
    again = await ended(mill, first(text="Please forget it. ORD-1 was found."))
    assert (again.state, again.passed_to) == (CaseState.DONE, older.id)
    assert again.finding.startswith(f"about {older.id}, which waits for approval: ")
    message = await older.query(CaseWorkflow.message)
    assert (len(message.answers), message.unread) == (1, 1)
    assert "Please forget it." in message.answers[0]
    await approve(mill, older)
    status = await mill.until(older, CaseState.WAITING_HUMAN)
    assert status.finding.startswith("maria approved, but the customer wrote again")
    assert "refund" not in world.names
    await mill.close_by_hand(older)


async def test_what_is_about_another_order_too_goes_to_a_person_as_well(mill: Mill, world: FakeWorld) -> None:
    older = await at_the_gate(mill, world)
    seen_open(world, older)
    world.will("extract_claim", claimed(orders=["ORD-1", "ORD-2"], doubts=[Doubted(doubt=Doubt.WITHDRAWN)]))
    again = await mill.start(first(text="Forget ORD-1, but refund ORD-2."))
    status = await mill.until(again, CaseState.WAITING_HUMAN)
    assert status.finding == f"about {older.id}, which waits for approval: human: not wanted now"
    assert (await older.query(CaseWorkflow.message)).unread == 1
    assert (await wrote(mill, again)).taken
    await mill.close_by_hand(again)
    await approve(mill, older)
    await mill.until(older, CaseState.WAITING_HUMAN)
    await mill.close_by_hand(older)


@pytest.mark.parametrize("category", [None, SALES])
async def test_what_billing_does_not_read_reaches_the_case_that_waits_too(
    mill: Mill, world: FakeWorld, category: str | None
) -> None:
    """The router took "ORD-1 was found" for something else."""
    older = await at_the_gate(mill, world)
    unroutable = RouteResult(route=Route(unroutable=Unroutable.ABSTAINED), usage=ONE_CALL)
    world.will("route_case", routed(category) if category else unroutable)
    again = await mill.start(first(text="ORD-1 was found.", open_about=[older.id]))
    await mill.until(again, CaseState.DONE if category else CaseState.WAITING_HUMAN)
    message = await older.query(CaseWorkflow.message)
    assert (len(message.answers), message.unread) == (1, 1)
    await approve(mill, older)
    await mill.until(older, CaseState.WAITING_HUMAN)
    assert "refund" not in world.names
    await mill.close_by_hand(older)
    if category is None:
        await mill.close_by_hand(again)


async def test_an_answer_to_the_letter_of_a_lead_gets_none(mill: Mill, world: FakeWorld) -> None:
    """Robots answer every letter."""
    older = await mill.run(first())
    world.will("route_case", routed(SALES))
    noted = RecordLeadResult(account_name_known=False, owner="i", team="s", score=1, noted_on=older.case_id)
    world.will("record_lead", noted)
    outcome = await mill.run(answer(older.case_id, "Thank you, I shall wait for your call."))
    assert (outcome.state, outcome.passed_to, outcome.effects) == (CaseState.DONE, older.case_id, [])
    assert outcome.finding == f"noted on the lead of {older.case_id}: nothing new is asked"
    assert [c.request.letter for c in world.of("close_case", outcome.case_id)] == [None]
    assert "draft_reply" not in world.names


async def test_the_same_answer_twice_is_one_answer(mill: Mill, world: FakeWorld) -> None:
    """It came by two ways, the second while the first was paid on."""
    reads_the_answers(world)
    handle = await asked(mill)
    held = world.hold("refund")
    await ended(mill, answer(handle.id, "The number is ORD-1"))
    await held.reached.wait()
    await ended(mill, answer(handle.id, "the number is  ORD-1."))
    held.let_go()
    outcome = await handle.result()
    assert (outcome.state, outcome.finding) == (CaseState.DONE, "refund of 20.00 USD on ORD-1: undelivered")


async def test_the_same_request_again_is_decided_anew_once_the_first_has_ended(mill: Mill, world: FakeWorld) -> None:
    older = await mill.start(first())
    await older.result()
    seen_open(world, older)
    again = await mill.run(first())
    assert (again.state, again.passed_to) == (CaseState.DONE, None)
    assert len(world.of("find_account", again.case_id)) <= 2
