"""Bad answers that come in a spell climb the ladder; each try is paid for, and one odd answer afterwards is its own."""

import itertools
from datetime import timedelta

import pytest

from domain.case import CaseState
from domain.errors import BadAnswerError, BadSpellError, FailureKind, ToldToWaitError
from domain.model_call import Usage
from domain.routing import BILLING
from tests.workflows.fake_world import ONE_CALL, FakeWorld, routed
from tests.workflows.running import Mill, eventually, home, timers_of

pytestmark = pytest.mark.usefixtures("both_ways")

LADDER = [60.0, 300.0, 1800.0]
SPENT = Usage(calls=1, input_tokens=50, output_tokens=5, cost_micros=3)


def in_spell() -> BadSpellError:
    return BadSpellError("task 'route': 1 answer did not fit; nor did those to other messages", SPENT)


async def test_a_spell_that_passes_costs_what_it_cost_and_leaves_nobody_with_people(
    mill: Mill, world: FakeWorld
) -> None:
    world.will("route_case", in_spell(), in_spell())
    handle = await mill.start()
    outcome = await handle.result()
    assert await timers_of(handle) == LADDER[:2]
    assert [call.attempt for call in world.of("route_case")] == [1, 1, 1], "the ladder only, no retries of Temporal"
    assert outcome.state is CaseState.DONE
    assert outcome.usage.calls >= 3
    plain = await mill.run()
    assert outcome.usage == plain.usage.plus(SPENT).plus(SPENT)


async def test_a_spell_that_outlasts_the_ladder_is_a_dead_letter_that_says_what_was_spent(
    mill: Mill, world: FakeWorld
) -> None:
    world.always("route_case", in_spell())
    handle = await mill.start()
    outcome = await handle.result()
    assert await timers_of(handle) == LADDER
    [letter] = world.requests("bury")
    assert (letter.kind, letter.step) == (FailureKind.TRANSIENT, "route")
    assert [a.error_type for a in letter.attempts] == ["BadSpellError"] * 4
    assert outcome.usage.calls == 4
    assert letter.cost_micros == 4 * SPENT.cost_micros


async def test_an_answer_that_is_odd_when_the_spell_is_over_goes_to_a_person(mill: Mill, world: FakeWorld) -> None:
    world.always("route_case", routed(BILLING))
    world.will("extract_claim", in_spell())
    world.always("extract_claim", BadAnswerError("not JSON", usage=SPENT))
    handle = await mill.start()

    async def asked_once() -> bool:
        work = mill.client.get_workflow_handle(home(handle.id, "billing"))
        return bool(world.of("extract_claim")) and LADDER[0] in await timers_of(work)

    await eventually(asked_once)
    await mill.skip(timedelta(seconds=LADDER[0] + 1))
    status = await mill.until(handle, CaseState.WAITING_HUMAN)
    assert "not JSON" in status.finding
    assert LADDER[0] in await timers_of(mill.client.get_workflow_handle(home(handle.id, "billing")))
    outcome = await mill.close_by_hand(handle)
    assert outcome.usage == ONE_CALL.plus(SPENT).plus(SPENT)


async def test_a_case_that_is_held_back_waits_as_a_task_of_its_queue(mill: Mill, world: FakeWorld) -> None:
    """There it is seen, and can be called; beside the workflow task it would sleep for the whole time."""
    world.will("route_case", *[ToldToWaitError("not asked", 600.0, held=True)] * 3)
    handle = await mill.start()
    outcome = await handle.result()
    assert await timers_of(handle) == [1.0]
    tries = world.of("route_case")
    gaps = [(after.at - before.at).total_seconds() for before, after in itertools.pairwise(tries)]
    assert len(gaps) == 3
    assert gaps[0] < 30, "it is a task soon, and is held back there"
    assert all(gap >= 600 for gap in gaps[1:])
    assert outcome.state is CaseState.DONE
