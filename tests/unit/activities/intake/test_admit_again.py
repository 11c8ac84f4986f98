"""An event that comes again after its case has ended, and after whoever knew its id forgot it."""

from domain.case import CaseOutcome, CaseState
from tests.fakes.inbox import FakeInbox
from tests.unit.activities.intake.test_admit import NOW, Intake


async def test_a_request_that_comes_again_when_pen_and_temporal_forgot_it_starts_nothing() -> None:
    intake = Intake()
    body = b'{"text": "I was charged twice"}'
    old = await intake.put("old", body)
    await intake.run()
    intake.store.outcomes[old] = CaseOutcome(
        case_id=old,
        source="shop",
        tenant="default",
        state=CaseState.DONE,
        blueprint_version="demo@1",
        received_at=NOW,
        closed_at=NOW,
    )
    intake.inbox = intake.activities._inbox = FakeInbox(clock=intake.clock)
    intake.store.started.clear()
    again, new = await intake.put("old", body), await intake.put("new", body)
    assert again == old
    await intake.run()
    assert set(intake.store.started) == {new}
    assert (await intake.inbox.depth()).ready == 0
