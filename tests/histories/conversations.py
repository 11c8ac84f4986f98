"""Cases whose customer writes again, each played once for its history."""

from typing import Any

from activities.actions.lead import RecordLeadResult
from domain.blueprint import ConversationRules
from domain.case import CaseInput, CaseState
from domain.money.amount import Money
from domain.money.claim import Doubt, Doubted, Origin
from domain.money.records import Account, OpenRequest
from domain.routing import SALES
from tests.histories.scenarios import BIG, Recorded, at_the_gate, case, ended
from tests.workflows.fake_world import FakeWorld, account, claimed, routed
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


async def another_wish_while_the_first_waits(mill: Mill, world: FakeWorld) -> Recorded:
    """It takes back what waits, and is about another order too: passed on, and a person looks at it."""
    older, _ = await at_the_gate(mill, world, talking())

    def open_elsewhere(request: Any) -> Account:
        known: Account = account(BIG)(request)
        money = Money(minor=BIG, currency="USD")
        waits = OpenRequest(case_id=older.id, order_id="ORD-1", charge_id="CH-1", money=money)
        return known.model_copy(update={"open_elsewhere": older.id, "open_requests": [waits]})

    world.will("find_account", open_elsewhere)
    world.will("extract_claim", claimed(orders=["ORD-1", "ORD-2"], doubts=[Doubted(doubt=Doubt.WITHDRAWN)]))
    again = await mill.start(talking())
    await mill.until(again, CaseState.WAITING_HUMAN)
    await mill.close_by_hand(again)
    return {"case_other_wish": again.id, "billing_other_wish": f"{again.id}/billing"}


async def thanks_for_the_letter_of_a_lead(mill: Mill, world: FakeWorld) -> Recorded:
    older = await mill.run(talking())
    world.will("route_case", routed(SALES))
    noted = RecordLeadResult(account_name_known=False, owner="i", team="s", score=1, noted_on=older.case_id)
    world.will("record_lead", noted)
    answered = await mill.start(talking(continues=older.case_id, text="Thank you, I shall wait for your call."))
    await ended(answered)
    return {"case_lead_noted": answered.id, "sales_lead_noted": f"{answered.id}/sales"}
