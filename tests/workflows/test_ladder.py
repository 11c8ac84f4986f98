"""Retries: the blueprint's ladder, what does not climb it, and what becomes of those who fall off."""

import itertools
from datetime import timedelta

import pytest

from domain.case import CaseState
from domain.deadletter import DeadLetter
from domain.errors import (
    BadAnswerError,
    ConfigurationError,
    FailureKind,
    PoisonError,
    ToldToWaitError,
    TransientError,
    UnsupportedTaskError,
)
from domain.model_call import Usage
from domain.money.claim import Wants
from domain.routing import BILLING, SALES, TECHNICAL_SUPPORT
from tests.workflows.fake_world import ONE_CALL, FakeWorld, claimed, routed
from tests.workflows.running import Mill, home, new_case, policy, timers_of

pytestmark = pytest.mark.usefixtures("both_ways")

LADDER = [60.0, 300.0, 1800.0]
# Each step that climbs the ladder: its name, the activity, the category and the workflow that it belongs to.
STEPS = [
    ("read the claim", "extract_claim", BILLING, "billing"),
    ("find the account", "find_account", BILLING, "billing"),
    ("pay the refund", "refund", BILLING, "billing"),
    ("search billing knowledge", "search_billing_knowledge", BILLING, "billing"),
    ("diagnose", "diagnose", TECHNICAL_SUPPORT, "support"),
    ("qualify the lead", "qualify_lead", SALES, "sales"),
    ("record the lead", "record_lead", SALES, "sales"),
    ("draft the reply", "draft_reply", SALES, "sales"),
]


async def test_used_up_ladder_becomes_one_dead_letter(mill: Mill, world: FakeWorld) -> None:
    """After waits of exactly 1, 5 and 30 minutes the case is given up once, with all four attempts on record."""
    world.always("route_case", TransientError("connection refused"))
    handle = await mill.start()
    outcome = await handle.result()

    assert await timers_of(handle) == LADDER
    tries = world.of("route_case")
    gaps = [(after.at - before.at) / timedelta(seconds=1) for before, after in itertools.pairwise(tries)]
    assert [round(gap, -1) for gap in gaps] == LADDER
    assert all(gap >= rung for gap, rung in zip(gaps, LADDER, strict=True)), f"a try came too soon: {gaps}"
    assert [call.attempt for call in tries] == [1, 1, 1, 1], "Temporal's own retries are another ladder beside ours"

    [letter] = world.requests("bury")
    assert isinstance(letter, DeadLetter)
    assert (letter.kind, letter.step, letter.last_error) == (FailureKind.TRANSIENT, "route", "connection refused")
    assert [(a.step, a.error_type) for a in letter.attempts] == [("route", "TransientError")] * 4
    assert outcome.state is CaseState.DEAD_LETTERED
    assert outcome.dead_letter_id == letter.dead_letter_id == f"{outcome.case_id}/dead/1"
    assert world.closed() == outcome
    assert world.names[-2:] == ["bury", "close_case"]
    assert world.reply() == ""


@pytest.mark.parametrize(("step", "activity", "category", "child"), STEPS)
async def test_every_step_climbs_the_ladder(
    mill: Mill, world: FakeWorld, step: str, activity: str, category: str, child: str
) -> None:
    """Whichever step fails for good, its specialist waits as the ladder says and the case names the step."""
    world.always("route_case", routed(category))
    if activity == "search_billing_knowledge":
        world.always("extract_claim", claimed(wants=Wants.INFORMATION))
    world.always(activity, TransientError("reset"))
    handle = await mill.start()
    outcome = await handle.result()

    assert await timers_of(mill.client.get_workflow_handle(home(handle.id, child))) == LADDER
    assert len(world.of(activity)) == 4
    [letter] = world.requests("bury")
    assert (letter.step, letter.kind, len(letter.attempts)) == (step, FailureKind.TRANSIENT, 4)
    assert outcome.finding == f"gave up at {step}: transient"


async def test_third_try_succeeds(mill: Mill, world: FakeWorld) -> None:
    """A fault that passes leaves no trace but time."""
    world.will("route_case", TransientError("503"), TransientError("503"))
    handle = await mill.start()
    outcome = await handle.result()
    assert await timers_of(handle) == LADDER[:2]
    assert outcome.state is CaseState.DONE
    assert "bury" not in world.names


async def test_ladder_comes_from_the_blueprint(mill: Mill, world: FakeWorld) -> None:
    """An empty ladder gives up at once, another one waits otherwise."""
    world.always("route_case", TransientError("503"))
    none = await mill.start(new_case(policy=policy(ladder_s=[])))
    assert (await none.result()).state is CaseState.DEAD_LETTERED
    assert await timers_of(none) == []
    other = await mill.start(new_case(policy=policy(ladder_s=[2.5])))
    await other.result()
    assert await timers_of(other) == [2.5]


async def test_told_to_wait_does_not_use_up_the_ladder(mill: Mill, world: FakeWorld) -> None:
    """A provider that names its time is asked again then, not before, as often as it takes."""
    world.will("route_case", *[ToldToWaitError("429", wait_seconds=7.0)] * 5)
    handle = await mill.start()
    outcome = await handle.result()
    tries = world.of("route_case")
    gaps = [(after.at - before.at).total_seconds() for before, after in itertools.pairwise(tries)]
    assert len(gaps) == 5
    assert all(7.0 <= gap < 9.0 for gap in gaps), f"the provider said 7 s: {gaps}"
    assert await timers_of(handle) == [7.0], "the first try was beside the workflow task, all others are Temporal's"
    assert outcome.state is CaseState.DONE


async def test_days_of_being_told_to_wait_use_up_neither_tries_nor_rungs(mill: Mill, world: FakeWorld) -> None:
    """However often a case finds its provider paused, it is worked when the pause is over, its ladder untouched."""
    world.will("route_case", *[ToldToWaitError("not asked", wait_seconds=3600.0)] * 60, TransientError("503"))
    handle = await mill.start()
    outcome = await handle.result()
    assert len(world.of("route_case")) == 62
    assert await timers_of(handle) == [3600.0, LADDER[0]], "what was named after the first try, then the first rung"
    assert outcome.state is CaseState.DONE


async def test_a_provider_that_always_says_to_wait_is_given_up_when_the_time_of_the_step_is_over(
    mill: Mill, world: FakeWorld
) -> None:
    """Three days, no ladder behind it: the dead letter says what was said."""
    world.always("route_case", ToldToWaitError("not asked: HTTP 429", wait_seconds=6 * 3600.0))
    handle = await mill.start()
    outcome = await handle.result()
    [letter] = world.requests("bury")
    assert (letter.kind, letter.step) == (FailureKind.TOLD_TO_WAIT, "route")
    assert "HTTP 429" in letter.last_error
    assert len(world.of("route_case")) in {13, 14}
    assert await timers_of(handle) == [6 * 3600.0]
    assert outcome.state is CaseState.DEAD_LETTERED


async def test_bug_is_retried_until_it_is_mended(mill: Mill, world: FakeWorld) -> None:
    """An error that nobody foresaw costs nothing but time."""
    world.will("route_case", KeyError("oops"), KeyError("oops"), KeyError("oops"))
    handle = await mill.start()
    outcome = await handle.result()
    assert [call.attempt for call in world.of("route_case")] == [1, 1, 2, 3], "beside the workflow task, then as a task"
    assert await timers_of(handle) == []
    assert outcome.state is CaseState.DONE


async def test_bug_that_nobody_mends_is_buried_as_a_bug(mill: Mill, world: FakeWorld) -> None:
    """After the days that a step is given, the case stops waiting and says what kept failing."""
    world.always("diagnose", ValueError("no such column"))
    world.always("route_case", routed(TECHNICAL_SUPPORT))
    outcome = await mill.run()
    [letter] = world.requests("bury")
    assert letter.kind is FailureKind.BUG
    assert "no such column" in letter.last_error
    assert outcome.state is CaseState.DEAD_LETTERED


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConfigurationError("no such model: 'gpt-0'"), FailureKind.CONFIGURATION),
        (PoisonError("cannot be read"), FailureKind.POISON),
    ],
)
async def test_what_time_does_not_mend_is_buried_at_once(
    mill: Mill, world: FakeWorld, error: Exception, kind: FailureKind
) -> None:
    """Wrong settings are not retried for half an hour: a person must mend them and replay."""
    world.always("extract_claim", error)
    handle = await mill.start()
    outcome = await handle.result()
    assert len(world.of("extract_claim")) == 1
    assert not set(await timers_of(mill.client.get_workflow_handle(home(handle.id, "billing")))) & set(LADDER)
    [letter] = world.requests("bury")
    assert (letter.kind, letter.last_error, len(letter.attempts)) == (kind, str(error), 1)
    assert outcome.usage == ONE_CALL, "what the router used is paid for although the case failed"


@pytest.mark.parametrize("error", [BadAnswerError("two objects"), UnsupportedTaskError("not my task")])
@pytest.mark.parametrize(
    ("activity", "category", "child"),
    [
        ("extract_claim", BILLING, "billing"),
        ("diagnose", TECHNICAL_SUPPORT, "support"),
        ("qualify_lead", SALES, "sales"),
        ("draft_reply", SALES, "sales"),
    ],
)
async def test_unusable_answer_goes_to_a_person(
    mill: Mill, world: FakeWorld, error: Exception, activity: str, category: str, child: str
) -> None:
    """Nonsense of a model is no reason to give up, and none to try for half an hour."""
    world.always("route_case", routed(category))
    world.always(activity, error)
    handle = await mill.start()
    status = await mill.until(handle, CaseState.WAITING_HUMAN)
    assert str(error) in status.finding
    assert len(world.of(activity)) == 1
    assert not set(await timers_of(mill.client.get_workflow_handle(home(handle.id, child)))) & set(LADDER)
    await mill.close_by_hand(handle)


@pytest.mark.parametrize(
    ("activity", "category", "before"),
    [
        ("extract_claim", BILLING, 1),
        ("diagnose", TECHNICAL_SUPPORT, 1),
        ("qualify_lead", SALES, 1),
        ("draft_reply", SALES, 2),
    ],
)
async def test_unusable_answers_are_paid_for(
    mill: Mill, world: FakeWorld, activity: str, category: str, before: int
) -> None:
    """What the failed calls used stands in the outcome, on top of the calls before them."""
    spent = Usage(calls=2, input_tokens=50, output_tokens=5, cost_micros=3)
    world.always("route_case", routed(category))
    world.always(activity, BadAnswerError("not JSON", usage=spent))
    handle = await mill.start()
    await mill.until(handle, CaseState.WAITING_HUMAN)
    outcome = await mill.close_by_hand(handle)
    expected = spent
    for _ in range(before):
        expected = expected.plus(ONE_CALL)
    assert outcome.usage == expected


async def test_cost_of_a_failed_specialist_is_counted(mill: Mill, world: FakeWorld) -> None:
    """A child that fails takes its bill along: the dead letter and the outcome name all that was spent."""
    world.always("route_case", routed(SALES))
    world.always("draft_reply", TransientError("503"))
    outcome = await mill.run()
    assert outcome.state is CaseState.DEAD_LETTERED
    assert outcome.usage == ONE_CALL.plus(ONE_CALL), "one call to route, one to qualify"
    [letter] = world.requests("bury")
    assert letter.cost_micros == outcome.usage.cost_micros
