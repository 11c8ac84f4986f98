"""Messages that come at the wrong moment: while a case is worked, waits for people, pays, or ends."""

import pytest
from temporalio.client import WorkflowUpdateFailedError

from activities.actions.talk import AskRequest
from client.approvals import Approvals
from domain.case import CaseInput, CaseState, HumanDecision, Lane
from domain.conversations.words import MAX_WORDS
from domain.errors import TransientError
from domain.letters import RefundPaid
from domain.money.approval import ApprovalDecision, Verdict
from domain.routing import BILLING
from tests.workflows.conversations.talking import (
    NO_ORDER,
    Case,
    answer,
    asked,
    at_the_gate,
    ended,
    first,
    reads_the_answers,
    wrote,
)
from tests.workflows.fake_world import FakeWorld, account, claimed
from tests.workflows.running import Mill, eventually, updates_of
from workflows.case import CaseWorkflow

pytestmark = pytest.mark.usefixtures("both_ways")


async def notices(handle: Case) -> list[str]:
    return (await handle.query(CaseWorkflow.status)).notices


# --- while it is worked ----------------------------------------------------------------------------------------------


async def test_what_comes_before_the_payment_stops_it(mill: Mill, world: FakeWorld) -> None:
    """The withdrawal came while the claim was read: code does not decide on it, a person does."""
    held = world.hold("find_account")
    handle = await mill.start(first())
    await held.reached.wait()
    assert (await wrote(mill, handle)).taken
    held.let_go()
    status = await mill.until(handle, CaseState.WAITING_HUMAN)
    assert status.finding.startswith("the customer wrote again before this was done: refund of 20.00 USD")
    assert "refund" not in world.names
    assert "Forget it" in (await handle.query(CaseWorkflow.message)).text
    assert "keep_conversation" in world.names
    await mill.close_by_hand(handle)


async def test_what_comes_while_it_pays_is_read_by_a_person_and_the_customer_told_of_the_payment(
    mill: Mill, world: FakeWorld
) -> None:
    held = world.hold("refund")
    handle = await mill.start(first())
    await held.reached.wait()
    await wrote(mill, handle)
    held.let_go()
    status = await mill.until(handle, CaseState.WAITING_HUMAN)
    assert status.finding == ("refund of 20.00 USD on ORD-1: undelivered; the customer wrote again while it was worked")
    assert len(status.effects) == 1
    [told] = world.requests("ask_customer")
    assert isinstance(told.letter, RefundPaid)
    await mill.close_by_hand(handle)
    assert len(world.of("refund")) == 1


async def test_what_comes_while_a_letter_is_chosen_goes_to_a_person(mill: Mill, world: FakeWorld) -> None:
    world.always("find_account", account(charges=[]))
    held = world.hold("find_account")
    handle = await mill.start(first())
    await held.reached.wait()
    await wrote(mill, handle, "And where is my invoice?")
    held.let_go()
    status = await mill.until(handle, CaseState.WAITING_HUMAN)
    assert status.finding.endswith("; the customer wrote again while it was worked")
    await mill.close_by_hand(handle)


async def test_what_comes_before_the_question_may_answer_it(mill: Mill, world: FakeWorld) -> None:
    """Nobody is asked for what they just wrote."""
    reads_the_answers(world)
    held = world.hold("extract_claim", NO_ORDER)
    handle = await mill.start(first())
    await held.reached.wait()
    await wrote(mill, handle, "It was ORD-1")
    held.let_go()
    assert (await handle.result()).finding == "refund of 20.00 USD on ORD-1: undelivered"
    assert "ask_customer" not in world.names


# --- while it ends ---------------------------------------------------------------------------------------------------


async def test_what_comes_while_it_closes_is_refused(mill: Mill, world: FakeWorld) -> None:
    held = world.hold("close_case")
    handle = await mill.start(first())
    await held.reached.wait()
    later = answer(handle.id, "Thank you, that is all.")
    held_later = world.hold("route_case")
    case = await mill.start(later)
    await held_later.reached.wait()
    assert any("it has come to its end" in notice for notice in await notices(case))
    assert await updates_of(handle) == 0
    held.let_go()
    held_later.let_go()
    assert (await handle.result()).state is CaseState.DONE
    assert (await case.result()).passed_to is None


async def test_an_answer_races_the_deadline_and_is_never_lost(mill: Mill, world: FakeWorld) -> None:
    """Whichever comes first: the case takes it into account, or it is a case of its own."""
    reads_the_answers(world)
    handle = await asked(mill)
    case = await mill.start(answer(handle.id, "The order ORD-1 is that of my lamp."))

    async def both_ended() -> bool:
        return len(world.endings) == 2

    async with mill.skipping():
        await eventually(both_ended)
    older, newer = world.endings[handle.id, 0], world.endings[case.id, 0]
    paid = [outcome for outcome in (older, newer) if outcome.effects]
    assert len(paid) == 1
    assert (newer.passed_to == handle.id) is (paid == [older])


async def test_a_message_to_one_that_is_passed_on_goes_the_same_way(mill: Mill, world: FakeWorld) -> None:
    """It answers an answer, which is no case of its own."""
    world.always("extract_claim", NO_ORDER)
    root = await asked(mill)
    held = world.hold("pass_on")
    middle = await mill.start(answer(root.id, "The lamp."))
    await held.reached.wait()
    last = await ended(mill, answer(middle.id, "ORD-1"))
    assert last.passed_to == root.id
    await mill.until(root, CaseState.WAITING_CUSTOMER)
    held.let_go()
    await mill.until(root, CaseState.WAITING_HUMAN)
    assert world.endings[middle.id, 0].passed_to == root.id
    assert world.requests("extract_claim")[-1].case.answers == ["ORD-1", "The lamp."]
    await mill.close_by_hand(root)


async def test_while_nobody_answers_for_the_older_case_the_message_waits(mill: Mill, world: FakeWorld) -> None:
    world.always("extract_claim", NO_ORDER)
    handle = await asked(mill)
    world.will("pass_on", TransientError("no worker answers"))
    case = await mill.start(answer(handle.id, "ORD-1"))
    async with mill.skipping():
        await eventually(lambda: _tried(world, 2))
    await mill.until(case, CaseState.DONE)
    assert world.endings[case.id, 0].passed_to == handle.id
    await handle.cancel()


async def _tried(world: FakeWorld, times: int) -> bool:
    return len(world.of("pass_on")) >= times


async def test_there_is_an_end_to_what_one_conversation_takes(mill: Mill, world: FakeWorld) -> None:
    world.always("extract_claim", NO_ORDER)
    held = world.hold("route_case")
    handle = await mill.start(first())
    await held.reached.wait()
    for _ in range(MAX_WORDS):
        await wrote(mill, handle)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await wrote(mill, handle)
    assert "20 messages" in str(refused.value.cause)
    held.let_go()
    await mill.until(handle, CaseState.WAITING_CUSTOMER)
    await handle.cancel()


# --- while people are asked ------------------------------------------------------------------------------------------


async def test_a_person_sees_what_the_customer_wrote_meanwhile_and_is_told_once(mill: Mill, world: FakeWorld) -> None:
    world.always("extract_claim", claimed(unreadable=["amount"]))
    handle = await mill.start(first())
    await mill.until(handle, CaseState.WAITING_HUMAN)
    for text in ("Are you there?", "Hello?"):
        assert (await ended(mill, answer(handle.id, text))).passed_to == handle.id
    assert [word.kind for word in world.talk.words.words.values()] == ["answer"]
    assert "Are you there?" in (await handle.query(CaseWorkflow.message)).text
    assert len(await notices(handle)) >= 2
    decision = HumanDecision(verdict=Lane.ANSWER, by="ana", text="We are.")
    assert (await handle.execute_update(CaseWorkflow.decide, decision)).accepted
    outcome = await handle.result()
    assert (outcome.state, outcome.finding) == (CaseState.DONE, "answer by ana")


async def test_after_a_persons_last_word_nothing_is_taken(mill: Mill, world: FakeWorld) -> None:
    world.always("extract_claim", claimed(unreadable=["amount"]))
    handle = await mill.start(first())
    await mill.until(handle, CaseState.WAITING_HUMAN)
    held = world.hold("close_case")
    await handle.signal(CaseWorkflow.decide_human, HumanDecision(verdict=Lane.CLOSE, by="ana"))
    await held.reached.wait()
    with pytest.raises(WorkflowUpdateFailedError):
        await wrote(mill, handle)
    held.let_go()
    assert (await handle.result()).state is CaseState.REJECTED


async def test_who_is_routed_by_a_person_is_worked_with_all_messages(mill: Mill, world: FakeWorld) -> None:
    world.will("extract_claim", claimed(unreadable=["amount"]))
    handle = await mill.start(first())
    await mill.until(handle, CaseState.WAITING_HUMAN)
    await wrote(mill, handle, "Twenty dollars.")
    await handle.signal(CaseWorkflow.decide_human, HumanDecision(verdict=Lane.ROUTE, by="ana", category=BILLING))
    assert (await handle.result()).state is CaseState.DONE
    assert world.requests("extract_claim")[-1].case.answers == ["Twenty dollars."]


async def test_an_approved_refund_is_not_paid_over_an_unread_message(mill: Mill, world: FakeWorld) -> None:
    """Whoever approved did not see the withdrawal."""
    handle = await at_the_gate(mill, world)
    assert (await ended(mill, answer(handle.id, "Forget it, it works."))).passed_to == handle.id
    assert (await mill.until(handle, CaseState.WAITING_APPROVAL)).waits_for == f"approval {handle.id}/approval/1"
    [word] = world.talk.words.words.values()
    assert word.subject == f"the customer wrote again: {handle.id}"
    approvals = Approvals(mill.client)
    view = await approvals.show(f"{handle.id}/approval/1")
    assert (len(view.wrote_since), view.unread, view.became) == (1, 1, "")
    assert "Forget it, it works." in view.wrote_since[0]
    decision = ApprovalDecision(approval_id=view.approval_id, digest=view.digest, verdict=Verdict.APPROVE, by="maria")
    told = await approvals.decide(decision)
    assert told.message.endswith("the customer wrote again since: nothing is paid, a person looks at the case")
    status = await mill.until(handle, CaseState.WAITING_HUMAN)
    assert status.finding.startswith("maria approved, but the customer wrote again")
    became = (await approvals.show(view.approval_id)).became
    assert became == f"nothing was paid: the case waits for a person ({status.finding})"
    assert "refund" not in world.names
    await mill.close_by_hand(handle)


# --- replays ---------------------------------------------------------------------------------------------------------


async def test_a_replay_reads_what_the_customer_had_answered(mill: Mill, world: FakeWorld) -> None:
    """It gave up after the answer: what the store keeps of it has the answer."""
    reads_the_answers(world)
    handle = await asked(mill)
    world.always("refund", TransientError("504"))
    passed = await ended(mill, answer(handle.id, "ORD-1"))
    assert (await handle.result()).state is CaseState.DEAD_LETTERED
    stored: CaseInput = world.talk.store.load(handle.id).case
    assert (stored.answers, stored.answered_by) == (["ORD-1"], [passed.case_id])
    world.usually("refund")
    replay = await mill.start(stored.model_copy(update={"replay": 1}))
    assert (await replay.result()).finding == "refund of 20.00 USD on ORD-1: undelivered"
    asks: list[AskRequest] = world.requests("ask_customer")
    assert len(asks) == 1
