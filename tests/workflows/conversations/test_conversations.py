"""A conversation is one case: who is asked and answers is not a stranger with a new message."""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowFailureError

from domain.blueprint import ConversationRules
from domain.case import CaseOutcome, CaseState
from domain.letters import RefundPaid
from tests.workflows.conversations.talking import (
    NO_ORDER,
    WAIT_S,
    answer,
    asked,
    ended,
    first,
    missing,
    reads_the_answers,
    talking,
)
from tests.workflows.fake_world import FakeWorld
from tests.workflows.running import Mill, eventually, home, new_case, timers_of, updates_of
from workflows.case import CaseWorkflow

pytestmark = pytest.mark.usefixtures("both_ways")


# --- nobody answers, or nothing that helps ---------------------------------------------------------------------------


async def test_without_an_answer_it_ends_at_the_deadline_and_pays_nothing(mill: Mill, world: FakeWorld) -> None:
    world.always("extract_claim", NO_ORDER)
    handle = await asked(mill)
    status = await handle.query(CaseWorkflow.status)
    assert (status.waits_for, status.finding) == ("the customer's answer", "ask: no order named")
    assert status.waits_until is not None
    outcome = await handle.result()
    assert (outcome.state, outcome.finding) == (CaseState.DONE, "asked, no answer within 14 days")
    assert timers_of_wait(await timers_of(handle)) == [WAIT_S]
    assert outcome.closed_at is not None
    assert outcome.closed_at >= status.waits_until
    assert len(world.of("ask_customer")) == 1
    assert world.reply() == ""
    assert "refund" not in world.names


def timers_of_wait(timers: list[float]) -> list[float]:
    return [seconds for seconds in timers if seconds > 86_400]


@pytest.mark.parametrize("rules", [None, ConversationRules(wait_s=0)])
async def test_without_a_wait_it_asks_and_ends_at_once(
    mill: Mill, world: FakeWorld, rules: ConversationRules | None
) -> None:
    """As cases do that began before there were conversations."""
    world.always("extract_claim", NO_ORDER)
    outcome = await mill.run(first(policy=talking(conversation=rules)))
    assert (outcome.state, outcome.finding) == (CaseState.DONE, "ask: no order named")
    assert "which order" in world.reply()
    assert "ask_customer" not in world.names


async def test_who_is_asked_twice_in_vain_gets_a_person(mill: Mill, world: FakeWorld) -> None:
    world.always("extract_claim", NO_ORDER)
    handle = await asked(mill)
    assert (await ended(mill, answer(handle.id, "Why do you ask?"))).passed_to == handle.id
    await mill.until(handle, CaseState.WAITING_CUSTOMER)
    await ended(mill, answer(handle.id, "I want my money!"))
    status = await mill.until(handle, CaseState.WAITING_HUMAN)
    assert status.finding == "ask: no order named; it was asked before, without an answer that helps"
    assert len(world.of("ask_customer")) == 2
    await mill.close_by_hand(handle)


async def test_an_answer_that_nobody_can_read_goes_to_a_person(mill: Mill, world: FakeWorld) -> None:
    world.always("extract_claim", NO_ORDER)
    handle = await asked(mill)
    picture = answer(handle.id, "", flags=["attachments"], skip_to_human="there is nothing readable in it")
    assert (await ended(mill, picture)).passed_to == handle.id
    status = await mill.until(handle, CaseState.WAITING_HUMAN)
    assert status.finding == "the customer wrote again, but there is nothing readable in it"
    assert len(world.of("extract_claim")) == 1
    assert (await handle.query(CaseWorkflow.message)).flags == ["attachments"]
    await mill.close_by_hand(handle)


async def test_a_suspicious_answer_makes_the_whole_case_suspicious(mill: Mill, world: FakeWorld) -> None:
    reads_the_answers(world)
    handle = await asked(mill)
    await ended(mill, answer(handle.id, "ORD-1", suspicious=True, flags=["hidden_text"]))
    status = await mill.until(handle, CaseState.WAITING_HUMAN)
    assert status.finding == "human: suspicious text"
    assert "refund" not in world.names
    await mill.close_by_hand(handle)


async def test_cancelled_while_it_waits_for_its_customer(mill: Mill, world: FakeWorld) -> None:
    world.will("extract_claim", NO_ORDER)
    handle = await asked(mill)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert world.closed().state is CaseState.CANCELLED
    late = await ended(mill, answer(handle.id, "Here you are, it is the order ORD-1 that broke."))
    assert late.passed_to is None


# --- answers that help -----------------------------------------------------------------------------------------------


async def test_the_answer_continues_the_case_and_is_paid(mill: Mill, world: FakeWorld) -> None:
    """The same specialist reads both messages; whoever answered gets no letter for that."""
    reads_the_answers(world)
    handle = await asked(mill)
    passed = await ended(mill, answer(handle.id, "ORD-1"))
    assert (passed.state, passed.finding) == (CaseState.DONE, f"passed on to {handle.id}")
    assert passed.usage.calls == 0
    outcome = await handle.result()
    assert (outcome.state, outcome.finding) == (CaseState.DONE, "refund of 20.00 USD on ORD-1: undelivered")
    assert [effect.key for effect in outcome.effects] == [f"{handle.id}/refund"]
    [close] = [c.request for c in world.of("close_case", handle.id)]
    assert isinstance(close.letter, RefundPaid)
    assert close.answers_to == passed.case_id
    assert [c.workflow_id for c in world.of("extract_claim")] == [
        home(handle.id, "billing"),
        home(handle.id, "billing", 2),
    ]
    assert world.of("route_case", passed.case_id) == []
    [closed] = [c.request for c in world.of("close_case", passed.case_id)]
    assert closed.letter is None


async def test_a_conversation_of_three_letters_and_four_days_ends_in_a_refund(mill: Mill, world: FakeWorld) -> None:
    """No order, a mistyped one, the right one."""
    reads_the_answers(world)
    began = await mill.env.get_current_time()
    handle = await asked(mill)
    await mill.skip(timedelta(days=2))
    await ended(mill, answer(handle.id, "It is ORD-7"))

    async def asked_again() -> bool:  # it waited before, too
        status = await handle.query(CaseWorkflow.status)
        return (status.state, status.finding) == (CaseState.WAITING_CUSTOMER, "ask: order not found")

    assert await eventually(asked_again)
    await mill.skip(timedelta(days=2))
    await ended(mill, answer(handle.id, "Sorry, I mean ORD-1"))
    outcome = await handle.result()
    assert outcome.finding == "refund of 20.00 USD on ORD-1: undelivered"
    assert missing(world, handle.id) == [["order_id"], ["order_id"]]
    letters = list(world.talk.store.letters.values())
    assert [letter.key for letter in letters] == [f"{handle.id}/question/1", f"{handle.id}/question/2"]
    assert len({letter.message_id for letter in letters}) == 2
    assert "ORD-1, ORD-5" in letters[1].text
    assert outcome.closed_at is not None
    assert timedelta(days=4) <= outcome.closed_at - began < timedelta(days=5)


async def test_the_fields_of_the_answer_count_and_the_language_stays(mill: Mill, world: FakeWorld) -> None:
    world.will("extract_claim", NO_ORDER)
    handle = await asked(mill, first(lang="de", flags=["signature"], amount="90.00", currency="EUR"))
    await ended(
        mill,
        answer(handle.id, "Hier.", lang="en", order_id="ORD-1", amount="20.00", currency="USD", customer_id="CUS-1"),
    )
    await handle.result()
    case = world.requests("extract_claim")[-1].case
    assert (case.order_id, case.amount, case.currency, case.customer_id) == ("ORD-1", "20.00", "USD", "CUS-1")
    assert (case.lang, case.subject, case.text) == ("de", "Broken lamp", "It arrived broken, please refund it.")
    assert (case.answers, case.flags) == (["Hier."], ["signature"])


async def test_two_answers_at_once_are_both_taken(mill: Mill, world: FakeWorld) -> None:
    reads_the_answers(world)
    handle = await asked(mill)
    both = [await mill.start(answer(handle.id, text)) for text in ("It is the lamp.", "Order ORD-1 it was.")]
    outcome = await handle.result()
    finals = [await each.result() for each in both]
    assert {final.passed_to for final in finals} == {handle.id}
    assert outcome.finding == "refund of 20.00 USD on ORD-1: undelivered"
    assert set(world.requests("extract_claim")[-1].case.answers) == {"It is the lamp.", "Order ORD-1 it was."}


async def test_the_same_answer_again_counts_once(mill: Mill, world: FakeWorld) -> None:
    """The update's id is the answer's case: whoever tries again hears the same."""
    world.always("extract_claim", NO_ORDER)
    handle = await asked(mill)
    first_try = mill.world.talk.answers["pass_on"]
    twice = []

    async def again(request: object) -> object:
        twice.append(await first_try(request))  # its worker dies before Temporal hears of it
        return await first_try(request)

    world.will("pass_on", again)
    assert (await ended(mill, answer(handle.id, "What?"))).passed_to == handle.id
    assert twice[0].taken
    await mill.until(handle, CaseState.WAITING_CUSTOMER)
    assert await updates_of(handle) == 1
    [*_, last] = world.requests("extract_claim")
    assert last.case.answers == ["What?"]
    await handle.cancel()


# --- cases of their own ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "routed"), [("Thanks!", 0), ("ORD-7\n\nAnn", 0), ("Now my other lamp is broken.", 1)])
async def test_what_comes_after_the_end_is_a_case_of_its_own(
    mill: Mill, world: FakeWorld, text: str, routed: int
) -> None:
    """What means nothing by itself goes to a person, who is told to what it belongs."""
    older = await mill.run(first())
    world.calls.clear()
    handle = await mill.start(answer(older.case_id, text))
    if routed:
        assert (await handle.result()).passed_to is None
        assert len(world.of("route_case")) == 1
        return
    status = await mill.until(handle, CaseState.WAITING_HUMAN)
    assert status.finding == "it says too little by itself"
    assert f"{older.case_id} did not take it: it has ended" in status.notices
    assert older.case_id in status.waits_for
    assert world.of("route_case") == []
    await mill.close_by_hand(handle)


async def test_a_case_that_is_not_there_takes_nothing(mill: Mill, world: FakeWorld) -> None:
    outcome = await mill.run(answer("case/test/never", "My parcel ORD-1 never came, please pay it back."))
    assert (outcome.passed_to, outcome.finding) == (None, "refund of 20.00 USD on ORD-1: undelivered")


async def test_a_case_of_older_rules_takes_nothing(mill: Mill, world: FakeWorld) -> None:
    """It would not wait for anything, and nobody would read it."""
    held = world.hold("route_case")
    handle = await mill.start(new_case())
    await held.reached.wait()
    later = await mill.start(answer(handle.id, "Yes"))
    status = await mill.until(later, CaseState.WAITING_HUMAN)
    assert any("rules without conversations" in notice for notice in status.notices)
    held.let_go()
    await handle.result()
    await mill.close_by_hand(later)


async def test_a_case_that_had_ended_asks_nothing_any_more(mill: Mill, world: FakeWorld) -> None:
    """Its worker died after the ending was on record, and it was decided anew, otherwise."""
    world.always("extract_claim", NO_ORDER)
    case = first()
    ending = CaseOutcome(case_id=case.case_id, source="test", tenant="default", state=CaseState.REJECTED, finding="no")
    world.endings[case.case_id, 0] = ending
    outcome = await mill.run(case)
    assert outcome == ending
    assert world.talk.store.letters == {}
    assert "alert_person" not in world.names


async def test_a_specialist_apart_asks_its_case_before_it_pays(mill: Mill, world: FakeWorld, both_ways: bool) -> None:
    assert (await mill.run(first())).effects != []
    assert [call.workflow_id.count("/") for call in world.of("unread_words")] == ([3] if both_ways else [])
