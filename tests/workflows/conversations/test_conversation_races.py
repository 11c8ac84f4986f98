"""Messages that come at the wrong moment: while a case is worked, waits for people, pays, or ends."""

import pytest
from temporalio.client import WorkflowUpdateFailedError

from activities.actions.lead import RecordLeadResult
from activities.actions.talk import AskRequest
from activities.models.extract import ClaimResult
from client.approvals import Approvals
from domain.case import CaseInput, CaseState, HumanDecision, Lane
from domain.conversations.words import MAX_WORDS, CustomerWord, WordTaken
from domain.errors import TransientError
from domain.letters import AlreadyOpen, RefundPaid
from domain.money.amount import Money
from domain.money.approval import ApprovalDecision, ApprovalView, Verdict
from domain.money.claim import Doubt, Doubted, Reason
from domain.money.records import Account, OpenRequest
from domain.routing import BILLING, SALES
from tests.workflows.conversations.talking import NO_ORDER, Case, answer, asked, ended, first, reads_the_answers
from tests.workflows.fake_world import FakeWorld, account, claimed, routed
from tests.workflows.running import Mill, eventually, new_case, updates_of
from workflows.approval import ApprovalWorkflow
from workflows.case import CaseWorkflow

BIG = 600_000

pytestmark = pytest.mark.usefixtures("both_ways")


async def wrote(mill: Mill, handle: Case, text: str = "Forget it, it works.") -> WordTaken:
    """Let the customer write again, past the activity that usually passes it on."""
    word = CustomerWord(from_case=new_case().case_id, text=text)
    taken: WordTaken = await handle.execute_update(CaseWorkflow.customer_wrote, word)
    return taken


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


async def approve(mill: Mill, handle: Case, number: int = 1) -> None:
    gate = mill.client.get_workflow_handle(f"{handle.id}/approval/{number}")
    view: ApprovalView = await gate.query(ApprovalWorkflow.view)
    decision = ApprovalDecision(approval_id=view.approval_id, digest=view.digest, verdict=Verdict.APPROVE, by="maria")
    await gate.execute_update(ApprovalWorkflow.submit, decision)


async def at_the_gate(mill: Mill, world: FakeWorld) -> Case:
    world.always("find_account", account(BIG))
    handle = await mill.start(first())
    await mill.until(handle, CaseState.WAITING_APPROVAL)

    async def announced() -> bool:
        return bool(world.of("announce_approval"))

    await eventually(announced)
    return handle


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


# --- the same request again ------------------------------------------------------------------------------------------


def seen_open(world: FakeWorld, older: Case) -> None:
    def records(request: object) -> Account:
        money = Money(minor=BIG, currency="USD")
        waits = OpenRequest(
            case_id=older.id, order_id="ORD-1", charge_id="CH-1", money=money, reason=Reason.NOT_RECEIVED
        )
        return account(BIG)(request).model_copy(update={"open_elsewhere": older.id, "open_requests": [waits]})

    world.will("find_account", records)


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
