"""A payment whose answer was lost: nothing is decided, by code or by a person, before the provider was asked."""

from datetime import timedelta

import pytest

from domain.case import CaseState
from domain.errors import EffectsStoppedError, TransientError
from tests.workflows.fake_world import FakeWorld, paid_unheard
from tests.workflows.running import Mill, new_case, policy
from workflows.case import CaseWorkflow
from workflows.options import LAST_LOOK

pytestmark = pytest.mark.usefixtures("both_ways")


async def test_replay_asks_what_became_of_earlier_payments_before_it_decides(mill: Mill, world: FakeWorld) -> None:
    outcome = await mill.run(new_case(replay=1))
    assert outcome.state is CaseState.DONE
    assert world.names[0] == "settle_effects"
    [settle] = world.requests("settle_effects")
    assert settle.take_back, "this run may decide otherwise, nothing of the earlier one may stay open"


async def test_replay_that_cannot_ask_decides_nothing(mill: Mill, world: FakeWorld) -> None:
    world.always("settle_effects", TransientError("the provider is down"))
    outcome = await mill.run(new_case(replay=1))
    assert outcome.state is CaseState.DEAD_LETTERED
    assert outcome.dead_letter_id is not None
    assert outcome.dead_letter_id.endswith("/dead/2")
    assert set(world.names) == {"settle_effects", "find_ending", "bury", "close_case"}


async def test_first_run_has_nothing_to_settle(mill: Mill, world: FakeWorld) -> None:
    await mill.run()
    assert "settle_effects" not in world.names


async def test_dead_letter_tells_whether_the_last_try_was_paid(mill: Mill, world: FakeWorld) -> None:
    """Its answer was lost: the money moved, so the books and the case say so although the case is given up."""
    world.always("refund", TransientError("the answer was lost"))
    world.always("settle_effects", paid_unheard)
    outcome = await mill.run(new_case(policy=policy(ladder_s=[])))
    assert outcome.state is CaseState.DEAD_LETTERED
    assert [effect.provider_ref for effect in outcome.effects] == ["re_7"]
    assert outcome.finding == "gave up at pay the refund: transient; it was paid all the same"
    [settle] = world.requests("settle_effects")
    assert not settle.take_back, "what was not paid stays open for the replay, under the same key"


async def test_dead_letter_does_not_wait_for_a_provider_that_is_down(mill: Mill, world: FakeWorld) -> None:
    world.always("refund", TransientError("503"))
    world.always("settle_effects", TransientError("503"))
    handle = await mill.start(new_case(policy=policy(ladder_s=[])))
    outcome = await handle.result()
    assert outcome.state is CaseState.DEAD_LETTERED
    assert outcome.effects == []
    assert outcome.closed_at - world.of("settle_effects")[0].at <= LAST_LOOK + timedelta(seconds=30)
    assert any("in doubt" in notice for notice in (await handle.query(CaseWorkflow.status)).notices)


async def test_refused_retry_of_a_payment_that_was_made_is_no_refusal(mill: Mill, world: FakeWorld) -> None:
    """The kill switch was thrown between the payment and the next try: what was paid counts, no person is asked."""
    world.will("refund", TransientError("the answer was lost"), EffectsStoppedError("effects are stopped"))
    world.always("settle_effects", paid_unheard)
    outcome = await mill.run()
    assert outcome.state is CaseState.DONE
    assert [effect.provider_ref for effect in outcome.effects] == ["re_7"]


async def test_no_payment_is_open_when_a_person_decides(mill: Mill, world: FakeWorld) -> None:
    world.will("refund", TransientError("the answer was lost"), EffectsStoppedError("effects are stopped"))
    handle = await mill.start(new_case(policy=policy(ladder_s=[0.1])))
    status = await mill.until(handle, CaseState.WAITING_HUMAN)
    assert status.finding == "pay the refund: effects are stopped"
    [settle] = world.requests("settle_effects")
    assert settle.take_back, "the person may end the case without paying"
    await mill.close_by_hand(handle)
