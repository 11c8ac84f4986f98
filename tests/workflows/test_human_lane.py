"""The human lane: a case waits for a person, is not forgotten, and takes one fitting word at a time."""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowHandle

from activities.models.route import RouteResult
from client.headgate import Headgate
from domain.case import CaseAnswer, CaseState, HumanDecision, Lane
from domain.errors import FailureKind
from domain.money.claim import Reason
from domain.routing import BILLING, SALES, Route, Unroutable
from tests.workflows.fake_world import ONE_CALL, FakeWorld, claimed
from tests.workflows.running import Mill, eventually, home, new_case, updates_of
from workflows.case import CaseWorkflow
from workflows.options import ALERT_BUDGET, NOTES_SHOWN
from workflows.waiting import NOTICES_KEPT

pytestmark = pytest.mark.usefixtures("both_ways")

DAY = timedelta(days=1)
UNROUTED = RouteResult(route=Route(unroutable=Unroutable.ABSTAINED), usage=ONE_CALL)
ANSWER = HumanDecision(verdict=Lane.ANSWER, by="ana", text="We will call you.")


@pytest.fixture(autouse=True)
def router_abstains(world: FakeWorld) -> None:
    world.always("route_case", UNROUTED)


async def waiting(mill: Mill) -> WorkflowHandle:
    handle = await mill.start()
    await mill.until(handle, CaseState.WAITING_HUMAN)
    return handle


async def told(handle: WorkflowHandle, decision: HumanDecision) -> CaseAnswer:
    return await handle.execute_update(CaseWorkflow.decide, decision)


async def test_unanswered_case_becomes_a_dead_letter_after_14_days(mill: Mill, world: FakeWorld) -> None:
    """A word on arrival, a reminder each day, one escalation on the third, the end on the fourteenth."""
    handle = await waiting(mill)
    began = (await handle.query(CaseWorkflow.status)).waits_until - 14 * DAY
    outcome = await handle.result()

    alerts = [(call.request.subject.split(":")[0], round((call.at - began) / DAY)) for call in world.of("alert_person")]
    later = [("escalation", 3) if day == 3 else ("reminder", day) for day in range(1, 14)]
    assert alerts == [("arrival", 0), *later]
    ids = [call.request.alert_id for call in world.of("alert_person")]
    assert len(set(ids)) == len(ids), "each word has its own id: one is told once, another is not taken for it"
    assert outcome.state is CaseState.DEAD_LETTERED
    assert outcome.human
    [letter] = world.requests("bury")
    assert (letter.kind, letter.step) == (FailureKind.UNANSWERED, "human lane")
    assert abs(letter.at - began - 14 * DAY) < timedelta(minutes=1)
    assert world.closed().dead_letter_id == letter.dead_letter_id


async def test_status_says_until_when_it_waits_and_why(mill: Mill, world: FakeWorld) -> None:
    handle = await waiting(mill)
    status = await handle.query(CaseWorkflow.status)
    assert "abstained" in status.finding
    assert "abstained" in status.waits_for
    assert status.lane == 1
    assert status.category is None
    assert status.waits_until is not None


@pytest.mark.parametrize("by_update", [False, True])
async def test_person_answers(mill: Mill, world: FakeWorld, by_update: bool) -> None:
    """What the person wrote is what is sent."""
    handle = await waiting(mill)
    if by_update:
        assert (await told(handle, ANSWER)).accepted
    else:
        await handle.signal(CaseWorkflow.decide_human, ANSWER)
    outcome = await handle.result()
    assert outcome.state is CaseState.DONE
    assert outcome.human
    assert "We will call you." in world.reply()


async def test_person_closes(mill: Mill, world: FakeWorld) -> None:
    handle = await waiting(mill)
    await handle.signal(CaseWorkflow.decide_human, HumanDecision(verdict=Lane.CLOSE, by="ana", reason="spam"))
    outcome = await handle.result()
    assert outcome.state is CaseState.REJECTED
    assert outcome.finding == "close by ana: spam"
    assert world.reply() == "", "nobody asked for a reply"


async def test_person_routes(mill: Mill, world: FakeWorld) -> None:
    """The category that a person names is worked as if the router had named it."""
    handle = await waiting(mill)
    route = HumanDecision(verdict=Lane.ROUTE, by="ana", category=SALES)
    assert (await told(handle, route)).accepted
    outcome = await handle.result()
    assert (outcome.state, outcome.category, outcome.human) == (CaseState.DONE, SALES, True)
    assert outcome.routed_to == SALES, "the router can be taught it"
    assert world.of("draft_reply", home(handle.id, "sales"))


async def test_case_with_nothing_readable_sees_no_model(mill: Mill, world: FakeWorld) -> None:
    handle = await mill.start(new_case(skip_to_human="there is nothing readable in it", text=""))
    status = await mill.until(handle, CaseState.WAITING_HUMAN)
    assert status.finding == "there is nothing readable in it"
    await eventually(lambda: _count(world, "alert_person", 1))
    assert set(world.names) == {"find_ending", "alert_person"}, "people are told, no model is asked"


MISFITS = [
    (HumanDecision(verdict=Lane.CLOSE, by=" "), "does not say who"),
    (HumanDecision(verdict=Lane.ROUTE, by="ana"), "needs a category"),
    (HumanDecision(verdict=Lane.ANSWER, by="ana", text=" \n"), "needs a text"),
    (HumanDecision(verdict=Lane.CLOSE, by="ana", lane=2), "answers wait 2, the case is at wait 1"),
]


@pytest.mark.parametrize(("decision", "why"), MISFITS)
async def test_misfit_changes_nothing_and_is_told(
    mill: Mill, world: FakeWorld, decision: HumanDecision, why: str
) -> None:
    """By update the sender learns why, by signal it stands among the notices; the case waits on."""
    handle = await waiting(mill)
    answer = await told(handle, decision)
    assert not answer.accepted
    assert why in answer.message
    await handle.signal(CaseWorkflow.decide_human, decision)

    async def noted() -> list[str]:
        notices = (await handle.query(CaseWorkflow.status)).notices
        return notices if len(notices) == 2 else []

    assert all(why in notice for notice in await eventually(noted))
    assert (await handle.query(CaseWorkflow.status)).state is CaseState.WAITING_HUMAN
    assert (await told(handle, ANSWER)).accepted
    assert (await handle.result()).state is CaseState.DONE


async def test_misfits_cannot_use_up_the_updates(mill: Mill, world: FakeWorld) -> None:
    handle = await waiting(mill)
    headgate = Headgate(mill.client)
    decision, why = MISFITS[1]
    answers = [await headgate.cases.decide(handle.id, decision) for _ in range(NOTICES_KEPT + 5)]
    assert {(a.accepted, a.message) for a in answers} == {(False, f"a route {why}")}
    assert await updates_of(handle) == NOTICES_KEPT
    assert (await headgate.cases.decide(handle.id, ANSWER)).accepted
    assert (await handle.result()).state is CaseState.DONE


@pytest.mark.usefixtures("nothing_cached")
async def test_second_decision_is_told_who_was_first(mill: Mill, world: FakeWorld) -> None:
    """Of two in one instant the first counts."""
    handle = await waiting(mill)
    await mill.stop_cases_worker()
    await handle.signal(CaseWorkflow.decide_human, ANSWER)
    await handle.signal(CaseWorkflow.decide_human, HumanDecision(verdict=Lane.CLOSE, by="bo"))
    await mill.start_cases_worker()
    outcome = await handle.result()
    assert outcome.state is CaseState.DONE
    [notice] = (await handle.query(CaseWorkflow.status)).notices
    assert "close by bo had no effect: ana was first with answer" in notice


async def test_word_that_comes_while_the_case_closes_is_told_so(mill: Mill, world: FakeWorld) -> None:
    handle = await waiting(mill)
    held = world.hold("close_case")
    assert (await told(handle, ANSWER)).accepted
    await held.reached.wait()
    late = await told(handle, HumanDecision(verdict=Lane.CLOSE, by="bo"))
    assert not late.accepted
    assert "does not wait for a person" in late.message
    held.let_go()
    assert (await handle.result()).state is CaseState.DONE


async def test_decision_while_nothing_waits_is_told_so(mill: Mill, world: FakeWorld) -> None:
    """A decision for a case that is at work does not wait for a lane to open."""
    handle = await waiting(mill)
    held = world.hold("extract_claim")
    assert (await told(handle, HumanDecision(verdict=Lane.ROUTE, by="ana", category=BILLING))).accepted
    await held.reached.wait()
    answer = await told(handle, ANSWER)
    assert not answer.accepted
    assert "does not wait for a person" in answer.message
    held.let_go()
    outcome = await handle.result()
    assert outcome.finding.startswith("refund")


@pytest.mark.usefixtures("nothing_cached")
async def test_worker_restarted_while_waiting(mill: Mill, world: FakeWorld) -> None:
    """A deployment in the middle of the wait neither loses the case nor its reminders."""
    handle = await waiting(mill)
    await mill.skip(1.5 * DAY)
    await mill.stop_cases_worker()
    await mill.start_cases_worker()
    await mill.skip(1 * DAY)
    await eventually(lambda: _count(world, "alert_person", 2))
    assert (await told(handle, ANSWER)).accepted
    assert (await handle.result()).state is CaseState.DONE


@pytest.mark.usefixtures("nothing_cached")
async def test_decision_given_while_no_worker_runs_counts(mill: Mill, world: FakeWorld) -> None:
    handle = await waiting(mill)
    await mill.stop_cases_worker()
    await handle.signal(CaseWorkflow.decide_human, ANSWER)
    await mill.start_cases_worker()
    assert (await handle.result()).state is CaseState.DONE


async def test_specialist_that_hands_back_gets_another_run(mill: Mill, world: FakeWorld) -> None:
    """Apart, each run of a specialist is a child of its own; the second wait is another wait."""
    world.will("extract_claim", claimed(reason=Reason.OTHER))
    handle = await waiting(mill)
    route = HumanDecision(verdict=Lane.ROUTE, by="ana", category=BILLING)
    assert (await told(handle, route)).accepted

    async def second_wait() -> bool:
        return (await handle.query(CaseWorkflow.status)).lane == 2

    await eventually(second_wait)
    status = await handle.query(CaseWorkflow.status)
    assert status.waits_for == "a person: human: no rule"

    late = await told(handle, route.model_copy(update={"lane": 1}))
    assert not late.accepted, "it answers the first wait, which is over"

    assert (await told(handle, route.model_copy(update={"lane": 2}))).accepted
    outcome = await handle.result()
    assert outcome.state is CaseState.DONE
    assert [c.workflow_id for c in world.of("extract_claim")] == [home(handle.id, "billing", run) for run in (1, 2)]
    assert outcome.usage.calls == 3, "the router and two readings of the claim"


async def test_an_answer_does_not_wait_for_a_word_that_cannot_be_sent(mill: Mill, world: FakeWorld) -> None:
    world.always("alert_person", RuntimeError("chat is down"))
    handle = await waiting(mill)
    await eventually(lambda: _count(world, "alert_person", 1))
    assert (await told(handle, ANSWER)).accepted
    await mill.skip(2 * ALERT_BUDGET)
    assert (await handle.result()).state is CaseState.DONE
    assert any("was not sent" in notice for notice in (await handle.query(CaseWorkflow.status)).notices)
    tries = world.of("alert_person")
    assert tries[-1].at - tries[0].at <= ALERT_BUDGET


async def test_broken_alert_does_not_end_the_wait(mill: Mill, world: FakeWorld) -> None:
    """A chat that is down delays the reminder, not the case."""
    world.will("alert_person", RuntimeError("chat is down"), RuntimeError("chat is down"))
    handle = await waiting(mill)
    await mill.skip(1.1 * DAY)
    await eventually(lambda: _count(world, "alert_person", 3))
    assert (await told(handle, ANSWER)).accepted
    assert (await handle.result()).state is CaseState.DONE


async def _count(world: FakeWorld, name: str, at_least: int) -> bool:
    return len(world.of(name)) >= at_least


async def test_what_reading_the_message_met_is_among_the_notes(mill: Mill) -> None:
    handle = await mill.start(new_case(notes=[f"field {n}: cut" for n in range(NOTES_SHOWN + 1)]))
    await mill.until(handle, CaseState.WAITING_HUMAN)
    status = await handle.query(CaseWorkflow.status)
    assert status.notices == [f"field {n}: cut" for n in range(NOTES_SHOWN)]


async def test_whoever_must_answer_is_told_what_the_customer_wrote_once_and_reads_it_in_the_message(
    mill: Mill, world: FakeWorld
) -> None:
    text = "Hello [NAME_1]. Give my money back <@U1> at evil.example! Bye"
    handle = await mill.start(new_case(subject="", text=text, notes=["an attachment was not read"]))
    await mill.until(handle, CaseState.WAITING_HUMAN)
    quote = "“Give my money back ‹[at]U1› at evil[.]example!”"
    message = await handle.query(CaseWorkflow.message)
    assert (message.request, message.notes) == ([quote], ["an attachment was not read"])
    await mill.skip(1.5 * DAY)
    await eventually(lambda: _reminded(world))
    first, second = (call.request.text for call in world.of("alert_person")[:2])
    assert first.endswith(f"; the customer: {quote}")
    assert "money back" not in second
    await mill.close_by_hand(handle)


async def _reminded(world: FakeWorld) -> bool:
    return len(world.of("alert_person")) >= 2
