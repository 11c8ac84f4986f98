"""What the pen says of a payload counts: what was not its fault, what is wrong with it, how soon it wants in."""

import pytest
from temporalio.exceptions import ApplicationError

from activities.intake.admit import BURIED_AFTER
from domain.turns import Priority
from tests.unit.activities.intake.test_admit import Intake, intake

__all__ = ["intake"]  # a fixture


async def test_an_outage_of_the_store_costs_no_payload_however_often_it_is_taken(intake: Intake) -> None:
    ids = {await intake.put(f"evt_{n}", b'{"text": "charged twice"}') for n in range(3)}
    for _ in range(BURIED_AFTER + 3):
        intake.store.fails.append("admit")
        with pytest.raises(ApplicationError):
            await intake.run()
    assert (await intake.run()).poison == 0
    assert set(intake.store.started) == ids


async def test_what_the_pen_found_wrong_is_a_dead_letter_with_its_bytes(intake: Intake) -> None:
    body = b"\x00 somebody else's"
    case_id = await intake.put("raw-1", body, "application/octet-stream", fault="somebody else put it there")
    assert (await intake.run()).poison == 1
    letter = intake.store.letters[f"{case_id}/dead/1"]
    assert letter.last_error == "somebody else put it there"
    assert intake.store.cases[case_id].body == body


async def test_a_case_keeps_the_priority_by_which_it_was_let_in(intake: Intake) -> None:
    case_id = await intake.put("evt_1", b'{"text": "charged twice"}', priority=Priority.URGENT)
    await intake.run()
    assert intake.store.started[case_id].priority is Priority.URGENT
