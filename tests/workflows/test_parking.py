"""Work that no budget bears is parked: no case is lost, none is half done, and all go on when there is money."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import WorkflowHandle

from domain.case import CaseOutcome, CaseState
from domain.errors import OverBudgetError, TransientError
from domain.routing import BILLING, SALES
from domain.spend.resuming import LOOK_AGAIN_S, OPENING_SPAN_S, ResumeWord
from domain.turns import Priority
from tests.workflows.fake_world import ONE_CALL, FakeWorld, routed
from tests.workflows.running import Mill, at_rest, eventually, home, new_case, timers_of
from workflows.case import CaseWorkflow
from workflows.options import SUSPEND_REASON
from workflows.spending.parking import RESUME

pytestmark = pytest.mark.usefixtures("both_ways")

LEVELS = {Priority.URGENT: 2, Priority.NORMAL: 3, Priority.MAY_WAIT: 4}
MODEL_STEPS = [  # activity, category, where it works, calls that the case knows of: a specialist tells them at its end
    ("route_case", BILLING, "", 0),
    ("extract_claim", BILLING, "billing", 1),
    ("diagnose", "Technical Support", "support", 1),
    ("draft_reply", SALES, "sales", 1),
]


def over(until: datetime | None, reason: str = "budget all micros") -> OverBudgetError:
    return OverBudgetError("the budget of all is used up", reason, until)


async def reason_of(handle: WorkflowHandle[CaseWorkflow, CaseOutcome]) -> str | None:
    return (await handle.describe()).typed_search_attributes.get(SUSPEND_REASON)


@pytest.mark.parametrize(("activity", "category", "child", "before"), MODEL_STEPS)
async def test_a_case_is_parked_at_any_step_until_the_budget_opens_and_ends_as_if_nothing_had_been(
    mill: Mill, world: FakeWorld, activity: str, category: str, child: str, before: int
) -> None:
    opens = await mill.env.get_current_time() + timedelta(hours=9)
    world.always("route_case", routed(category))
    world.will(activity, over(opens))
    handle = await mill.start()
    status = await mill.until(handle, CaseState.PARKED)
    assert "the budget of all is used up" in status.waits_for
    assert status.waits_until is not None
    assert opens <= status.waits_until <= opens + timedelta(seconds=OPENING_SPAN_S)
    assert status.usage.calls == before
    assert await reason_of(handle) == "budget all micros"

    await mill.skip(timedelta(hours=9) + timedelta(seconds=OPENING_SPAN_S))
    outcome = await handle.result()
    assert outcome.state is CaseState.DONE
    assert await reason_of(handle) is None
    tried = world.of(activity)
    assert [call.attempt for call in tried] == [1, 1], "once refused, once made; nothing of Temporal's own retries"
    assert tried[1].at >= opens
    assert "bury" not in world.names
    plain = await mill.run()
    assert outcome.usage == plain.usage
    if child:
        assert tried[0].workflow_id == home(handle.id, child)


async def test_parking_uses_up_no_rung_of_the_ladder(mill: Mill, world: FakeWorld) -> None:
    now = await mill.env.get_current_time()
    parked = [over(now + timedelta(days=n)) for n in range(1, 6)]
    world.will("route_case", *parked, *[TransientError("503")] * 3)
    handle = await mill.start()
    outcome = await handle.result()
    assert outcome.state is CaseState.DONE
    assert (await timers_of(handle))[-3:] == [60.0, 300.0, 1800.0]
    assert len(world.of("route_case")) == 9


async def test_a_persons_word_ends_the_wait_and_a_stale_one_changes_nothing(mill: Mill, world: FakeWorld) -> None:
    opens = await mill.env.get_current_time() + timedelta(days=1)
    world.always("route_case", routed(SALES))
    world.will("draft_reply", over(opens))
    handle = await mill.start()
    await mill.until(handle, CaseState.PARKED)
    for name in {handle.id, home(handle.id, "sales")}:
        await mill.client.get_workflow_handle(name).signal(RESUME, ResumeWord(by="dana"))
    await mill.until(handle, CaseState.DONE)
    assert (await mill.env.get_current_time()) < opens
    assert len(world.of("draft_reply")) == 2


async def test_a_word_before_there_is_anything_to_resume_costs_one_try(mill: Mill, world: FakeWorld) -> None:
    held = world.hold("route_case", over(await mill.env.get_current_time() + timedelta(hours=2)))
    world.will("route_case", over(await mill.env.get_current_time() + timedelta(hours=2)))
    handle = await mill.start()
    await handle.signal(RESUME, ResumeWord(by="dana"))
    held.let_go()
    outcome = await handle.result()
    assert outcome.state is CaseState.DONE


async def test_a_case_that_runs_in_a_circle_waits_for_a_person_and_asks_again_each_day(
    mill: Mill, world: FakeWorld
) -> None:
    world.always("route_case", routed(BILLING))
    world.will("extract_claim", *[over(None, "runaway")] * 3)
    handle = await mill.start()
    await mill.until(handle, CaseState.PARKED)
    assert await reason_of(handle) == "runaway"
    begun = await mill.env.get_current_time()
    outcome = await handle.result()
    assert outcome.state is CaseState.DONE
    assert (await mill.env.get_current_time()) - begun >= timedelta(seconds=3 * LOOK_AGAIN_S - 60)


async def test_a_parked_case_can_be_cancelled(mill: Mill, world: FakeWorld) -> None:
    world.always("route_case", routed(BILLING))
    world.always("extract_claim", over(await mill.env.get_current_time() + timedelta(days=1)))
    handle = await mill.start()
    await mill.until(handle, CaseState.PARKED)
    await at_rest(handle)
    await handle.cancel()

    async def ended() -> bool:
        return bool(world.of("close_case"))

    await eventually(ended)
    assert world.closed().state is CaseState.CANCELLED


async def test_one_day_later_all_parked_cases_are_done_and_the_urgent_ones_came_first(
    mill: Mill, world: FakeWorld
) -> None:
    opens = (await mill.env.get_current_time()).astimezone(UTC) + timedelta(hours=12)

    async def asked(_request: object) -> object:
        if await mill.env.get_current_time() < opens:
            raise over(opens)
        return routed(SALES)

    world.always("route_case", asked)
    given = [*[Priority.MAY_WAIT] * 3, *[Priority.NORMAL] * 4, *[Priority.URGENT] * 3]
    handles = []
    for priority in given:
        case = new_case(priority=priority)
        handles.append(await mill.start(case, level=LEVELS[priority]))
    for handle in handles:
        await mill.until(handle, CaseState.PARKED)
    await mill.skip(timedelta(days=1))
    outcomes = [await handle.result() for handle in handles]
    assert {outcome.state for outcome in outcomes} == {CaseState.DONE}
    assert {outcome.usage.calls for outcome in outcomes} == {3 * ONE_CALL.calls}
    back = {call.workflow_id: call.at for call in world.of("route_case") if call.at >= opens}
    assert len(back) == len(given)
    came = {level: [back[h.id] for h, p in zip(handles, given, strict=True) if p is level] for level in Priority}
    assert max(came[Priority.URGENT]) < min(came[Priority.NORMAL]), "urgent ones first"
    assert max(came[Priority.NORMAL]) < min(came[Priority.MAY_WAIT])
    assert len({at.replace(microsecond=0) for at in back.values()}) >= len(given) - 2, "not all in the same second"
