"""Billing: the model reads, the policy decides, the ledger pays, and what cannot be decided goes to a person."""

from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from activities.models.diagnose import QuestionResult
from domain.case import (
    CaseInput,
    CaseOutcome,
    CaseState,
    EffectRecord,
    HumanDecision,
    Lane,
    SpecialistRequest,
)
from domain.errors import EffectsStoppedError, RefusedError
from domain.money.amount import Money
from domain.money.claim import Origin, Reason, Wants
from domain.money.records import Account, Customer, OrderStatus, OwnEffect
from domain.routing import BILLING
from tests.workflows.fake_world import FakeWorld, account, claimed
from tests.workflows.running import MARIA, Mill, eventually, new_case, policy
from workflows import options
from workflows.case import CaseWorkflow
from workflows.specialists.billing import BillingWorkflow

pytestmark = pytest.mark.usefixtures("both_ways")


async def paid_nothing(mill: Mill, world: FakeWorld, case: CaseInput | None = None) -> CaseOutcome:
    outcome = await mill.run(case)
    assert "refund" not in world.names
    assert outcome.effects == []
    return outcome


async def for_a_person(mill: Mill, case: CaseInput | None = None) -> str:
    """Run a case to the human lane; return the finding."""
    handle = await mill.start(case)
    finding = (await mill.until(handle, CaseState.WAITING_HUMAN)).finding
    assert "close_case" not in mill.world.names
    await mill.close_by_hand(handle)
    return finding


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({"status": OrderStatus.SHIPPED}, "has not been delivered yet"),
        ({"charges": []}, "No payment was taken"),
    ],
)
async def test_denied_claim_ends_as_rejected_with_the_reason(
    mill: Mill, world: FakeWorld, order: dict[str, object], said: str
) -> None:
    world.always("extract_claim", claimed(reason=Reason.DAMAGED))
    world.always("find_account", account(**order))
    outcome = await paid_nothing(mill, world)
    assert outcome.state is CaseState.REJECTED
    assert said in world.reply()


async def test_order_of_somebody_else_is_asked_about_as_if_it_did_not_exist(mill: Mill, world: FakeWorld) -> None:
    """The answer must not tell strangers which orders exist."""
    known = Account(customer=Customer(customer_id="CUS-2"), candidate_orders=["ORD-9"])
    world.will("find_account", known.model_copy(update={"order_of_somebody_else": True}))
    assert (await paid_nothing(mill, world)).state is CaseState.DONE
    theirs = world.reply()
    world.will("find_account", known)
    world.calls.clear()
    assert (await paid_nothing(mill, world)).state is CaseState.DONE
    assert world.reply() == theirs
    assert "could not find the order number" in theirs
    assert "ORD-9" in theirs


async def test_order_that_was_recognised_is_named_as_the_records_have_it(mill: Mill, world: FakeWorld) -> None:
    world.always("extract_claim", claimed(order_id="1"))
    world.always("find_account", lambda request: account()(request).model_copy(update={"order_matched": True}))
    outcome = await mill.run()
    assert outcome.finding == "refund of 20.00 USD on ORD-1: undelivered, its number was written another way"
    assert "for order ORD-1." in world.reply()


async def test_missing_order_is_asked_for(mill: Mill, world: FakeWorld) -> None:
    world.always("extract_claim", claimed(order_id=None))
    world.always("find_account", Account(customer=Customer(customer_id="CUS-1"), candidate_orders=["ORD-9", "ORD-8"]))
    outcome = await paid_nothing(mill, world)
    assert (outcome.state, outcome.finding) == (CaseState.DONE, "ask: no order named")
    assert "ORD-9, ORD-8" in world.reply()


async def test_unknown_sender_is_asked_who_they_are(mill: Mill, world: FakeWorld) -> None:
    world.always("find_account", Account())
    outcome = await paid_nothing(mill, world)
    assert outcome.finding == "ask: no customer"
    assert "could not find your account" in world.reply()


@pytest.mark.parametrize(
    ("claim", "finding"),
    [
        ({"reason": Reason.OTHER}, "human: no rule"),
        ({"reason": Reason.UNKNOWN_CHARGE}, "human: unknown charge"),
        ({"unreadable": ["amount"]}, "human: unreadable field"),
        ({"amount": Money(minor=1000, currency="EUR")}, "human: currency differs"),
        ({"amount": Money(minor=200_000, currency="USD")}, "human: above the charge"),
    ],
)
async def test_what_policy_cannot_decide_goes_to_a_person(
    mill: Mill, world: FakeWorld, claim: dict[str, object], finding: str
) -> None:
    world.always("extract_claim", claimed(**claim))
    assert await for_a_person(mill) == finding
    assert "refund" not in world.names


async def test_suspicious_text_never_pays_by_itself(mill: Mill, world: FakeWorld) -> None:
    """A message that hid text from its reader is looked at by a person, however small the claim."""
    assert await for_a_person(mill, new_case(suspicious=True)) == "human: suspicious text"
    assert "refund" not in world.names


@pytest.mark.parametrize(
    "error", [RefusedError("the charge was paid back before"), EffectsStoppedError("the kill switch is on")]
)
async def test_refusal_of_the_ledger_goes_to_a_person(mill: Mill, world: FakeWorld, error: Exception) -> None:
    """It is not tried again, and nobody is told that money is on its way."""
    world.always("refund", error)
    assert await for_a_person(mill) == f"pay the refund: {error}"
    assert len(world.of("refund")) == 1
    assert world.reply() == ""


async def test_small_refund_is_paid_at_once(mill: Mill, world: FakeWorld) -> None:
    """The key is the case and the step; limit and cap of the blueprint go to the ledger, which checks them again."""
    handle = await mill.start()
    outcome = await handle.result()
    assert (outcome.state, outcome.category, outcome.human) == (CaseState.DONE, BILLING, False)
    [request] = world.requests("refund")
    action = request.action
    assert (action.key, action.case_id, action.order_id, action.charge_id, action.payee) == (
        f"{handle.id}/refund",
        handle.id,
        "ORD-1",
        "CH-1",
        "card_1",
    )
    assert action.money == Money(minor=2000, currency="USD")
    assert request.approval_id is None
    assert (request.terms.limit_minor, request.terms.daily_cap_minor) == (500_000, 1_000_000)
    assert [(e.key, e.amount_minor) for e in outcome.effects] == [(action.key, 2000)]
    assert "20.00 USD" in world.reply()
    assert "approved" not in world.reply()
    assert outcome.usage.calls == 2
    assert world.names == ["route_case", "extract_claim", "find_account", "refund", "close_case"]


async def test_refund_that_is_pending_is_said_to_be_on_its_way(mill: Mill, world: FakeWorld) -> None:
    """It may fail yet: nobody is told that it was done."""
    pending = EffectRecord(key="k", kind="refund", amount_minor=2000, currency="USD", provider_ref="re_1", pending=True)
    world.always("refund", pending)
    outcome = await mill.run()
    assert (outcome.state, outcome.effects[0].pending) == (CaseState.DONE, True)
    assert "we have sent a refund of 20.00 USD" in world.reply()
    assert "on its way" in world.reply()
    assert "we have refunded" not in world.reply()


async def test_partial_refund_says_so(mill: Mill, world: FakeWorld) -> None:
    world.always("extract_claim", claimed(reason=Reason.SERVICE_OUTAGE))
    outcome = await mill.run()
    [request] = world.requests("refund")
    assert request.action.money.minor == 500, "a quarter of 20.00 USD"
    assert outcome.finding == "partial refund of 5.00 USD on ORD-1: outage"
    assert "the part of the payment that our policy provides for" in world.reply()


@pytest.mark.parametrize(
    "asked",
    [{"amount": Money(minor=300, currency="USD"), "amount_origin": Origin.QUOTED}, {"share_bp": 1_500}],
    ids=["amount", "share"],
)
async def test_a_part_that_the_customer_asked_for_is_called_theirs(
    mill: Mill, world: FakeWorld, asked: dict[str, object]
) -> None:
    world.always("extract_claim", claimed(**asked))
    outcome = await mill.run()
    assert outcome.finding == "partial refund of 3.00 USD on ORD-1: undelivered"
    assert "This is the part that you asked for." in world.reply()
    assert "policy" not in world.reply()


@pytest.mark.parametrize(
    ("claim", "records"),
    [
        ({}, account(500_000)),  # at the limit, not only above it
        ({"order_origin": Origin.GUESSED}, account()),
        ({}, account(2000, currency="SEK")),
    ],
)
async def test_refund_that_needs_a_person_stops_at_the_gate(
    mill: Mill, world: FakeWorld, claim: dict[str, object], records: object
) -> None:
    world.always("extract_claim", claimed(**claim))
    world.always("find_account", records)
    handle = await mill.start()
    status = await mill.until(handle, CaseState.WAITING_APPROVAL)
    assert status.waits_for == f"approval {handle.id}/approval/1"
    assert "refund" not in world.names


async def test_what_no_model_was_to_read_is_paid_only_by_an_approval(mill: Mill, world: FakeWorld) -> None:
    """Also where a person sends it here: the ledger would pay it to nobody otherwise."""
    handle = await mill.start(new_case(skip_to_human="it is in a picture"))
    await mill.until(handle, CaseState.WAITING_HUMAN)
    route = HumanDecision(verdict=Lane.ROUTE, by="ana", category=BILLING)
    await handle.execute_update(CaseWorkflow.decide, route)
    status = await mill.until(handle, CaseState.WAITING_APPROVAL)
    assert status.waits_for == f"approval {handle.id}/approval/1"
    assert "refund" not in world.names


async def test_what_an_operator_edited_is_paid_only_by_the_approval_of_somebody_else(
    mill: Mill, world: FakeWorld
) -> None:
    handle = await mill.start(new_case(edited_by=["Maria"], replay=1))
    status = await mill.until(handle, CaseState.WAITING_APPROVAL)
    assert status.waits_for == f"approval {handle.id}/approval/1001"
    assert "refund" not in world.names

    async def announced() -> list[Any]:
        return world.requests("announce_approval")

    [request] = await eventually(announced)
    assert [approver.name for approver in request.approvers] == ["omar", "jo"]
    assert "an operator edited the message" in request.brief.why


async def test_what_only_its_editor_may_approve_is_for_a_person(mill: Mill, world: FakeWorld) -> None:
    """The approval would expire, and its customer be told no for nothing of theirs."""
    rules = policy()
    approval = rules.approval.model_copy(update={"approvers": [MARIA]})
    case = new_case(edited_by=["maria"], policy=rules.model_copy(update={"approval": approval}))
    finding = await for_a_person(mill, case)
    assert finding.startswith("nobody but its editor may approve it: refund of ")
    assert {"announce_approval", "refund"} & set(world.names) == set()


async def test_currency_without_a_limit_has_the_limit_zero(mill: Mill, world: FakeWorld) -> None:
    """Even if the gate were passed by mistake, the ledger would refuse."""
    world.always("find_account", account(2000, currency="SEK"))
    handle = await mill.start()
    status = await mill.until(handle, CaseState.WAITING_APPROVAL)
    assert status.finding.startswith("refund of 20.00 SEK")


async def test_question_is_answered_from_an_article_without_customer_data(mill: Mill, world: FakeWorld) -> None:
    world.always("extract_claim", claimed(wants=Wants.INFORMATION))
    outcome = await paid_nothing(mill, world)
    assert (outcome.state, outcome.finding) == (CaseState.DONE, "answered from KB-7 v3: The tap drips")
    assert "find_account" not in world.names
    [close] = world.requests("close_case")
    assert (close.letter.article.article_id, close.letter.article.version) == ("KB-7", 3)


async def test_question_that_no_article_answers_goes_to_a_person(mill: Mill, world: FakeWorld) -> None:
    world.always("extract_claim", claimed(wants=Wants.INFORMATION))
    world.always("search_billing_knowledge", QuestionResult(article=None, coverage=0.1))
    assert await for_a_person(mill) == "a billing question that no article answers"


async def test_replayed_case_that_paid_before_says_so_and_pays_nothing(mill: Mill, world: FakeWorld) -> None:
    """The dead letter came after the payment: its replay finds its own effect and only answers."""
    own = OwnEffect(key="k", order_id="ORD-1", charge_id="CH-1", money=Money(minor=2000, currency="USD"))
    world.always("find_account", Account(customer=Customer(customer_id="CUS-1"), own_effect=own))
    outcome = await paid_nothing(mill, world, new_case(replay=1))
    assert outcome.state is CaseState.DONE
    assert outcome.replay == 1
    assert outcome.finding == "refunded 20.00 USD before, under k"
    assert "20.00 USD" in world.reply()


async def test_replayed_case_whose_payment_is_pending_does_not_say_that_it_was_done(
    mill: Mill, world: FakeWorld
) -> None:
    own = OwnEffect(key="k", order_id="ORD-1", charge_id="CH-1", money=Money(minor=2000, currency="USD"), pending=True)
    world.always("find_account", Account(customer=Customer(customer_id="CUS-1"), own_effect=own))
    await paid_nothing(mill, world, new_case(replay=1))
    assert "on its way" in world.reply()


async def test_billing_that_no_case_started_does_nothing(mill: Mill, world: FakeWorld) -> None:
    """Not even under the id that its case would give it: what is paid is paid for a case that runs."""
    case = new_case()
    handle = await mill.client.start_workflow(
        BillingWorkflow.run,
        SpecialistRequest(case=case, category=BILLING),
        id=f"{case.case_id}/billing",
        task_queue=options.CASES_QUEUE,
    )
    with pytest.raises(WorkflowFailureError) as refused:
        await handle.result()
    assert "was started by hand" in str(refused.value.cause)
    assert world.names == []


async def test_notes_of_the_reading_reach_the_case(mill: Mill, world: FakeWorld) -> None:
    """What was dropped or guessed while reading stands in the status for whoever looks at the case."""
    read = claimed(reason=Reason.OTHER)
    world.always("extract_claim", read.model_copy(update={"notes": ["order_id: guessed"]}))
    handle = await mill.start()
    assert "order_id: guessed" in (await mill.until(handle, CaseState.WAITING_HUMAN)).notices
    await mill.close_by_hand(handle)
