"""What reading a message met is among the notes of its case, from the start."""

import pytest

from domain.case import CaseState
from tests.workflows.fake_world import FakeWorld
from tests.workflows.running import Mill, new_case
from tests.workflows.test_human_lane import UNROUTED
from workflows.case import NOTES_SHOWN, CaseWorkflow

pytestmark = pytest.mark.usefixtures("both_ways")


async def test_notes_of_reading_are_shown(mill: Mill, world: FakeWorld) -> None:
    world.always("route_case", UNROUTED)
    handle = await mill.start(new_case(notes=[f"field {n}: cut" for n in range(9)]))
    await mill.until(handle, CaseState.WAITING_HUMAN)
    status = await handle.query(CaseWorkflow.status)
    assert status.notices == [f"field {n}: cut" for n in range(NOTES_SHOWN)]
