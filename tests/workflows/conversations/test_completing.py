"""The document that a message came as: completed from records and words, asked for once, tainted up to the gate."""

from typing import Any

import pytest

from activities.actions.heal import HealRequest, HealResult, MissingField
from activities.models.repair import FieldsRequest, FieldsResult
from domain.case import ASKED_BY_FIELDS, FIELD_DERIVED, MENDED, WORDLESS, CaseState, HumanDecision, Lane
from domain.letters import FieldsAsked
from domain.money.claim import Reason
from domain.repair.healing import QUOTE, FieldMark
from domain.repair.patching import FieldPatch
from domain.repair.told import FieldTold
from tests.workflows.conversations.talking import answer, approve, first, talking
from tests.workflows.fake_world import ONE_CALL, FakeWorld
from tests.workflows.running import Mill, eventually, new_case, policy
from workflows.case import CaseWorkflow

FORM = "return_request"
PATCH = FieldPatch(name="vat_id", value="DE123", quote="DE123")
LACKS: dict[str, Any] = {"missing": ["vat_id"], "ask": [MissingField(name="vat_id", label="VAT id")]}


def form(**fields: Any) -> HealResult:
    return HealResult(notes=["document: 2 given"], **fields)


def asked_fields(world: FakeWorld, case_id: str) -> list[list[str]]:
    letters = [c.request.letter for c in world.of("ask_customer", case_id)]
    return [letter.fields for letter in letters if isinstance(letter, FieldsAsked)]


def proves(request: HealRequest) -> HealResult:
    """The document lacks its VAT id until a patch or the customer's answer has it."""
    said = " ".join(request.case.answers)
    if request.patches or "DE123" in said:
        found = FieldTold(name="vat_id", origin=FieldMark.DERIVED, value="DE123", source=QUOTE, quote="DE123")
        return form(order_id="ORD-1", tainted=True, fields=[found])
    return form(**LACKS, fields=[FieldTold(name="vat_id", origin=FieldMark.MISSING)])


async def test_a_message_that_is_no_document_is_not_looked_at(mill: Mill, world: FakeWorld) -> None:
    assert (await mill.run(new_case())).state is CaseState.DONE
    assert not {"heal_document", "find_fields"} & set(world.names)


async def test_a_whole_document_is_routed_as_it_is_and_no_model_is_asked(mill: Mill, world: FakeWorld) -> None:
    world.always("heal_document", form())
    outcome = await mill.run(new_case(document=FORM))
    assert outcome.state is CaseState.DONE
    assert world.names.index("heal_document") < world.names.index("route_case")
    assert not {"find_fields", "keep_conversation"} & set(world.names)


async def test_what_records_say_is_kept_before_anything_is_decided_and_taints_the_case(
    mill: Mill, world: FakeWorld
) -> None:
    world.always("heal_document", form(order_id="ORD-7", amount="20.00", currency="USD", tainted=True))
    handle = await mill.start(new_case(document=FORM, order_id=None, policy=talking()))
    await mill.until(handle, CaseState.WAITING_APPROVAL)
    [kept] = world.requests("keep_conversation")
    assert (kept.case.order_id, kept.case.amount, kept.case.currency) == ("ORD-7", "20.00", "USD")
    assert MENDED in kept.case.flags
    assert world.names.index("keep_conversation") < world.names.index("route_case")
    assert world.of("refund") == [], "a document that was filled in pays nothing by itself"
    [routed] = world.requests("route_case")
    assert routed.case.order_id == "ORD-7"


async def test_what_the_message_says_itself_is_never_overruled_by_its_document(mill: Mill, world: FakeWorld) -> None:
    world.always("heal_document", form(order_id="ORD-7", amount="20.00", currency="USD"))
    await mill.run(new_case(document=FORM, order_id="ORD-1", amount="5.00", currency="EUR"))
    [routed] = world.requests("route_case")
    assert (routed.case.order_id, routed.case.amount, routed.case.currency) == ("ORD-1", "5.00", "EUR")


async def test_an_amount_without_a_currency_takes_that_of_the_order_on_record(mill: Mill, world: FakeWorld) -> None:
    world.always("heal_document", form(amount="20.00", currency="USD", tainted=True))
    handle = await mill.start(new_case(document=FORM, amount="5.00", currency=None, policy=talking()))
    await mill.until(handle, CaseState.WAITING_APPROVAL)
    [routed] = world.requests("route_case")
    assert (routed.case.amount, routed.case.currency) == ("5.00", "USD")


async def test_what_is_missing_is_looked_for_in_the_words_first(mill: Mill, world: FakeWorld) -> None:
    world.always("heal_document", proves)
    world.always("find_fields", FieldsResult(patches=[PATCH], usage=ONE_CALL))
    handle = await mill.start(new_case(document=FORM, policy=talking()))
    await mill.until(handle, CaseState.WAITING_APPROVAL)
    [asked] = world.requests("find_fields")
    assert isinstance(asked, FieldsRequest)
    assert list(asked.missing) == ["vat_id"]
    assert [list(r.patches) for r in world.requests("heal_document")] == [[], [PATCH]]
    assert asked_fields(world, handle.id) == []
    assert (await handle.query(CaseWorkflow.status)).usage.calls >= ONE_CALL.calls


async def test_what_nobody_knows_is_asked_for_in_one_letter_and_the_answer_completes_the_case(
    mill: Mill, world: FakeWorld
) -> None:
    world.always("heal_document", proves)
    world.always("find_fields", FieldsResult(usage=ONE_CALL))
    handle = await mill.start(first(document=FORM))
    status = await mill.until(handle, CaseState.WAITING_CUSTOMER)
    assert status.finding == "the document lacks VAT id"
    assert [(field.name, field.origin) for field in status.fields] == [("vat_id", FieldMark.MISSING)]
    assert "route_case" not in world.names, "nothing is decided on half a document"
    await mill.start(answer(handle.id, "it is DE123"))
    status = await mill.until(handle, CaseState.WAITING_APPROVAL)
    assert [(field.name, field.value) for field in status.fields] == [("vat_id", "DE123")]
    assert asked_fields(world, handle.id) == [["VAT id"]]
    assert "route_case" in world.names


async def test_it_is_asked_for_once_then_a_person_has_it(mill: Mill, world: FakeWorld) -> None:
    world.always("heal_document", form(**LACKS))
    world.always("find_fields", FieldsResult(usage=ONE_CALL))
    handle = await mill.start(first(document=FORM))
    await mill.until(handle, CaseState.WAITING_CUSTOMER)
    await mill.start(answer(handle.id, "what is that?"))
    status = await mill.until(handle, CaseState.WAITING_HUMAN)
    assert "the document lacks VAT id" in status.finding
    assert asked_fields(world, handle.id) == [["VAT id"]]
    assert "route_case" not in world.names
    await handle.signal(CaseWorkflow.decide_human, HumanDecision(verdict=Lane.ROUTE, by="ana", category="Billing"))
    await mill.until(handle, CaseState.DONE, CaseState.WAITING_APPROVAL)
    assert "extract_claim" in world.names


async def test_who_never_answers_is_waited_for_and_the_case_ends(mill: Mill, world: FakeWorld) -> None:
    world.always("heal_document", form(**LACKS))
    world.always("find_fields", FieldsResult(usage=ONE_CALL))
    outcome = await mill.run(first(document=FORM))
    assert (outcome.state, outcome.effects) == (CaseState.DONE, [])
    assert outcome.finding.startswith("asked, no answer within")


async def test_where_customers_are_not_waited_for_a_person_has_it_at_once(mill: Mill, world: FakeWorld) -> None:
    world.always("heal_document", form(**LACKS))
    world.always("find_fields", FieldsResult(usage=ONE_CALL))
    handle = await mill.start(new_case(document=FORM, policy=policy()))
    await mill.until(handle, CaseState.WAITING_HUMAN)
    assert asked_fields(world, handle.id) == []
    await mill.close_by_hand(handle)


@pytest.mark.parametrize("why", ["skip_to_human", "no_kind"])
async def test_what_cannot_be_completed_holds_nothing_up(mill: Mill, world: FakeWorld, why: str) -> None:
    world.always("heal_document", HealResult())
    if why == "no_kind":
        assert (await mill.run(new_case(document=FORM))).state is CaseState.DONE
        return
    handle = await mill.start(new_case(document=FORM, skip_to_human="it is in a picture"))
    await mill.until(handle, CaseState.WAITING_HUMAN)
    assert "heal_document" not in world.names
    await mill.close_by_hand(handle)


BY_FIELDS: dict[str, Any] = {"claimed": Reason.DAMAGED, "tainted": True, "taints": [FIELD_DERIVED, ASKED_BY_FIELDS]}


async def test_a_document_without_words_goes_where_money_is_paid_and_a_person_is_told_each_reason(
    mill: Mill, world: FakeWorld
) -> None:
    world.always("heal_document", form(order_id="ORD-1", **BY_FIELDS))
    handle = await mill.start(first(document=FORM, flags=[MENDED, WORDLESS]))
    await mill.until(handle, CaseState.WAITING_APPROVAL)
    assert "route_case" not in world.names, "there are no words to route it by"
    [read] = world.requests("extract_claim")
    assert read.case.claimed is Reason.DAMAGED

    async def announced() -> list[Any]:
        return world.requests("announce_approval")

    [request] = await eventually(announced)
    assert "filled in from our records" in request.brief.why
    assert "asked for by a field of its document" in request.brief.why
    assert "no model was to read it" not in request.brief.why
    await approve(mill, handle, 1)
    await mill.until(handle, CaseState.DONE)
    assert len(world.of("refund")) == 1


async def test_with_words_the_router_has_it_all_the_same(mill: Mill, world: FakeWorld) -> None:
    world.always("heal_document", form(order_id="ORD-1", **BY_FIELDS))
    handle = await mill.start(first(document=FORM))
    await mill.until(handle, CaseState.WAITING_APPROVAL)
    assert "route_case" in world.names


async def test_a_document_without_words_that_asks_for_nothing_is_for_a_person(mill: Mill, world: FakeWorld) -> None:
    world.always("heal_document", form(order_id="ORD-1"))
    handle = await mill.start(first(document=FORM, flags=[MENDED, WORDLESS]))
    status = await mill.until(handle, CaseState.WAITING_HUMAN)
    assert status.finding.startswith("no words came with the document")
    assert not {"route_case", "extract_claim"} & set(world.names)
    await mill.close_by_hand(handle)


async def test_an_answer_that_contradicts_the_document_is_for_a_person(mill: Mill, world: FakeWorld) -> None:
    def contradicted(request: HealRequest) -> HealResult:
        return form(contradicted=["amount"]) if request.case.answers else form(**LACKS)

    world.always("heal_document", contradicted)
    world.always("find_fields", FieldsResult(usage=ONE_CALL))
    handle = await mill.start(first(document=FORM))
    await mill.until(handle, CaseState.WAITING_CUSTOMER)
    await mill.start(answer(handle.id, "see the form"))
    status = await mill.until(handle, CaseState.WAITING_HUMAN)
    assert status.finding == "the answer says something else than the document: amount"
    assert "route_case" not in world.names
    await mill.close_by_hand(handle)
