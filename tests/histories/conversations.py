"""Cases whose customer writes again, each played once for its history."""

from typing import Any

from domain.blueprint import ConversationRules
from domain.case import CaseInput, CaseState
from domain.money.claim import Origin
from domain.money.records import Account
from tests.histories.scenarios import BIG, Recorded, at_the_gate, case, ended
from tests.workflows.fake_world import FakeWorld, account, claimed
from tests.workflows.running import Mill

WAIT_S = 3 * 86_400.0


def talking(**fields: Any) -> CaseInput:
    """A case of the scenarios, under rules with conversations."""
    made = case(**fields)
    rules = made.policy.model_copy(update={"conversation": ConversationRules(wait_s=WAIT_S)})
    return made.model_copy(update={"policy": rules})


def _asks_first(world: FakeWorld) -> None:
    world.will("extract_claim", claimed(order_id=None))
    world.always("extract_claim", claimed(order_origin=Origin.QUOTED))


async def asked_and_answered(mill: Mill, world: FakeWorld) -> Recorded:
    """Asked, answered by a case of its own, worked again, paid."""
    _asks_first(world)
    handle = await mill.start(talking())
    await mill.until(handle, CaseState.WAITING_CUSTOMER)
    answer = await mill.start(talking(continues=handle.id, text="ORD-1"))
    await mill.until(answer, CaseState.DONE)
    await ended(handle)
    return {
        "case_asked_answered": handle.id,
        "case_passed_on": answer.id,
        "billing_asked": f"{handle.id}/billing",
        "billing_answered": f"{handle.id}/billing-2",
    }


async def asked_in_vain(mill: Mill, world: FakeWorld) -> Recorded:
    world.always("extract_claim", claimed(order_id=None))
    handle = await mill.start(talking())
    await mill.until(handle, CaseState.WAITING_CUSTOMER)
    await ended(handle)
    return {"case_asked_in_vain": handle.id, "billing_asked_in_vain": f"{handle.id}/billing"}


async def answered_too_late(mill: Mill, world: FakeWorld) -> Recorded:
    """What comes after the end is a case of its own; what says too little by itself goes to a person."""
    older = await mill.run(talking())
    own = await mill.start(talking(continues=older.case_id))
    await ended(own)
    little = await mill.start(talking(continues=older.case_id, text="Thanks!"))
    await mill.until(little, CaseState.WAITING_HUMAN)
    await mill.close_by_hand(little)
    return {
        "case_answered_too_late": own.id,
        "billing_answered_too_late": f"{own.id}/billing",
        "case_thanks": little.id,
    }


async def wrote_again_before_it_was_paid(mill: Mill, world: FakeWorld) -> Recorded:
    held = world.hold("find_account")
    handle = await mill.start(talking())
    await held.reached.wait()
    again = await mill.start(talking(continues=handle.id, text="Forget it."))
    await mill.until(again, CaseState.DONE)
    held.let_go()
    await mill.until(handle, CaseState.WAITING_HUMAN)
    await mill.close_by_hand(handle)
    return {"case_wrote_again": handle.id, "billing_wrote_again": f"{handle.id}/billing"}


async def the_same_request_twice(mill: Mill, world: FakeWorld) -> Recorded:
    older, _ = await at_the_gate(mill, world, talking())

    def open_elsewhere(request: Any) -> Account:
        known: Account = account(BIG)(request)
        return known.model_copy(update={"open_elsewhere": older.id})

    world.will("find_account", open_elsewhere)
    again = await mill.start(talking())
    await mill.until(again, CaseState.DONE)
    return {"case_same_request": again.id, "billing_same_request": f"{again.id}/billing"}
