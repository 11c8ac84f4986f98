"""Technical Support and Sales: what each hands back, and what a case makes of it."""

import pytest

from activities.models.diagnose import DiagnoseResult
from activities.models.draft import DraftResult
from domain.case import CaseState
from domain.errors import TransientError
from domain.letters import Draft
from domain.reading.knowledge import Diagnosis
from domain.routing import SALES, TECHNICAL_SUPPORT
from tests.workflows.fake_world import ONE_CALL, FakeWorld, routed
from tests.workflows.running import Mill

pytestmark = pytest.mark.usefixtures("both_ways")


@pytest.mark.parametrize("category", [TECHNICAL_SUPPORT, SALES])
async def test_money_is_out_of_reach(mill: Mill, world: FakeWorld, category: str) -> None:
    """Only Billing asks for claims, records and refunds."""
    world.always("route_case", routed(category))
    await mill.run()
    assert not {"extract_claim", "find_account", "refund", "announce_approval"} & set(world.names)


async def test_diagnosis_without_confidence_is_a_finding_for_a_person(mill: Mill, world: FakeWorld) -> None:
    world.always("route_case", routed(TECHNICAL_SUPPORT))
    unsure = DiagnoseResult(
        article=None, diagnosis=Diagnosis(confidence=0.2), candidates=["KB-1 (40%)", "KB-2 (30%)"], usage=ONE_CALL
    )
    world.always("diagnose", unsure)
    handle = await mill.start()
    status = await mill.until(handle, CaseState.WAITING_HUMAN)
    assert "KB-1 (40%), KB-2 (30%)" in status.finding
    assert status.usage.calls == 2
    await mill.close_by_hand(handle)


async def test_diagnosis_is_answered_with_its_source(mill: Mill, world: FakeWorld) -> None:
    world.always("route_case", routed(TECHNICAL_SUPPORT))
    outcome = await mill.run()
    assert (outcome.state, outcome.category) == (CaseState.DONE, TECHNICAL_SUPPORT)
    assert outcome.finding == "KB-7 v3: The tap drips (0.80)"
    assert "1. Close the valve.\n2. Change the washer." in world.reply()
    assert world.names == ["route_case", "diagnose", "close_case"]


async def test_lead_is_recorded_once_and_answered(mill: Mill, world: FakeWorld) -> None:
    world.always("route_case", routed(SALES))
    outcome = await mill.run()
    assert (outcome.state, outcome.category) == (CaseState.DONE, SALES)
    assert outcome.finding == "lead 61/100 for ines (south), quote"
    assert [e.key for e in outcome.effects] == [f"{outcome.case_id}/lead"]
    assert outcome.usage.calls == 3
    [draft] = world.requests("draft_reply")
    assert (draft.owner, draft.team) == ("ines", "south")
    assert world.names == ["route_case", "qualify_lead", "record_lead", "draft_reply", "close_case"]


async def test_one_answer_of_the_stand_in_is_told_of_the_whole_case(mill: Mill, world: FakeWorld) -> None:
    """Status, outcome and journal tell it of a specialist's answer as of the router's."""
    by_stand_in = ONE_CALL.model_copy(update={"degraded": True})
    world.always("route_case", routed(SALES))
    world.always("draft_reply", DraftResult(draft=Draft(subject="Your quote", text="Soon."), usage=by_stand_in))
    handle = await mill.start()
    outcome = await handle.result()
    assert (outcome.usage.calls, outcome.usage.degraded) == (3, True)
    assert world.closed() == outcome
    assert (await mill.until(handle, CaseState.DONE)).usage == outcome.usage


async def test_lead_stays_on_record_where_the_draft_fails(mill: Mill, world: FakeWorld) -> None:
    """The ladder repeats the draft alone."""
    world.always("route_case", routed(SALES))
    world.will("draft_reply", TransientError("503"), TransientError("503"))
    assert (await mill.run()).state is CaseState.DONE
    assert len(world.of("record_lead")) == 1
    assert len(world.of("draft_reply")) == 3
