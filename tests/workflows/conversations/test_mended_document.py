"""A message that came as a broken document: what is missing is asked for once, and nothing is paid without a person."""

from typing import Any

from domain.case import MENDED, CaseState
from tests.workflows.conversations.talking import answer, approve, asked, first, missing, reads_the_answers
from tests.workflows.fake_world import FakeWorld
from tests.workflows.running import Mill, eventually


async def test_what_was_lost_is_asked_for_once_and_the_answer_is_paid_by_a_person_alone(
    mill: Mill, world: FakeWorld
) -> None:
    reads_the_answers(world)
    handle = await asked(mill, first(flags=[MENDED]))
    assert missing(world, handle.id) == [["order_id"]]
    await mill.start(answer(handle.id))
    await mill.until(handle, CaseState.WAITING_APPROVAL)
    assert world.of("refund") == []

    async def announced() -> list[Any]:
        return world.requests("announce_approval")

    [request] = await eventually(announced)
    assert "its document was mended" in request.brief.why
    await approve(mill, handle, 2)  # the second round of the specialist
    await mill.until(handle, CaseState.DONE)
    assert len(world.of("refund")) == 1
    assert missing(world, handle.id) == [["order_id"]]


async def test_a_broken_answer_taints_the_case_that_it_completes(mill: Mill, world: FakeWorld) -> None:
    reads_the_answers(world)
    handle = await asked(mill)
    await mill.start(answer(handle.id, flags=[MENDED]))
    await mill.until(handle, CaseState.WAITING_APPROVAL)
    assert world.of("refund") == []
