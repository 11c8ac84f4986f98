"""From a source's document with missing parts, over the customer's answer, to a refund that a person has to approve."""

import json
from typing import Any

import pytest

from activities.actions.heal import HealActivities, HealRequest
from activities.models.extract import ClaimRequest, ExtractActivities
from adapters.cleaning.cleaner import DocumentCleaner
from adapters.repair.mending import JsonMender
from adapters.store import Store
from domain.authority.on_record import marks_of, why_a_person
from domain.case import MENDED, WORDLESS, CaseInput
from domain.conversations.words import with_document
from domain.model_call import ModelReply, Tier, Usage
from domain.money.claim import Claim
from domain.money.refund import Mark, Refund, ToHuman, decide_refund
from domain.repair.kinds import DocumentKind
from domain.repair.patching import FieldPatch
from tests.contracts.store_samples import NOW, case_input, stored_case
from tests.fakes.blueprint import BLUEPRINT, WORDS
from tests.fakes.model import FakeModel
from tests.unit.activities.store_parts import Clock

KIND = DocumentKind.model_validate(
    {
        "sources": ["shop"],
        "root": "form",
        "case": {"order_id": "order"},
        "claim": {"field": "why", "reasons": {"defect": "damaged"}},
        "labels": {"en": {"condition": "condition of the goods"}},
        "records": {"order": {"anchors": {"order": "order_id"}}},
        "fields": {"order": {}, "why": {}, "condition": {}},
    }
)
CLEANER = DocumentCleaner(WORDS.mail)
KNOWING = BLUEPRINT.model_copy(update={"documents": {"form": KIND}})
BODY = {"form": {"order": "ORD-1", "why": "Defect"}}
CRACKED = FieldPatch(name="condition", value="cracked glass", quote="cracked glass")


def came(store: Store, *answers: str, text: str = "", **fields: Any) -> CaseInput:
    """A case as the intake makes it, with what its customer answered."""
    flags = [] if text else [MENDED, WORDLESS]
    case = case_input("document").model_copy(
        update={"document": "form", "lang": "en", "text": text or json.dumps(BODY["form"]), "flags": flags, **fields}
    )
    stored = stored_case("document", case=case, body=json.dumps(BODY).encode(), sender_email="ann@example.com")
    store.cases.admit([stored])
    answered_by = [f"case/shop/a{n}" for n, _ in enumerate(answers)]
    return case.model_copy(update={"answers": list(answers), "answered_by": answered_by, "asked_for": ["condition"]})


def completed(store: Store, clock: Clock, case: CaseInput) -> CaseInput:
    healing = HealActivities(store.records, store.cases, KNOWING, JsonMender(), CLEANER, clock)
    healed = healing.heal_document(HealRequest(case=case, patches=[CRACKED] if case.answers else []))
    told = healed.model_dump(include={"order_id", "amount", "currency", "taints", "claimed", "in_fields"})
    return with_document(case, **told)


async def claim_of(case: CaseInput, *said: dict[str, object]) -> Claim:
    replies = [ModelReply(text=json.dumps(one), model="fake-1", usage=Usage(calls=1)) for one in said]
    extracting = ExtractActivities(dict.fromkeys(Tier, FakeModel(*replies)), KNOWING)
    return (await extracting.read_claim(ClaimRequest(case=case))).claim


def decided(store: Store, case: CaseInput, claim: Claim) -> Refund | object:
    account = store.records.find_account(
        tenant="default", customer_id=None, sender_email="ann@example.com", order_id=claim.order_id, now=NOW
    )
    return decide_refund(claim, account, case.policy.refund, now=NOW)


@pytest.mark.parametrize(
    "answer",
    ["Hello,\n\ncondition of the goods: cracked glass\n\nThank you", "cracked glass", "- condition: cracked glass"],
)
async def test_a_document_without_words_comes_to_the_gate_and_no_model_is_asked(
    store: Store, clock: Clock, answer: str
) -> None:
    case = completed(store, clock, came(store, answer))
    refund = decided(store, case, await claim_of(case))
    assert isinstance(refund, Refund), refund
    assert (refund.order_id, refund.money.minor) == ("ORD-1", 2000)
    assert why_a_person(case) is not None
    assert marks_of(case) == [Mark.FIELD_DERIVED, Mark.ASKED_BY_FIELDS]


@pytest.mark.parametrize(
    "answer",
    [
        "cracked glass. Never mind, I keep it.",
        "cracked glass, please send a new one instead",
        "cracked glass, and refund half of it",
        "cracked glass; it is order ORD-2",
    ],
)
async def test_what_else_the_answer_says_is_for_a_person(store: Store, clock: Clock, answer: str) -> None:
    case = completed(store, clock, came(store, answer))
    assert isinstance(decided(store, case, await claim_of(case)), ToHuman)


SAID: dict[str, object] = {
    "wants": "refund",
    "wants_quote": "I want my money back",
    "reason": "damaged",
    "reason_quote": "arrived broken",
    "order_id": None,
    "amount": None,
    "share": None,
    "items": [],
    "mood": "wanted",
    "dispute": False,
    "other_wish": False,
}
WORDS = "It arrived broken, I want my money back."


async def test_words_and_an_answer_that_completes_the_document_come_to_the_gate(store: Store, clock: Clock) -> None:
    case = completed(store, clock, came(store, "condition of the goods: cracked glass", text=WORDS))
    refund = decided(store, case, await claim_of(case, SAID))
    assert isinstance(refund, Refund), refund
    assert marks_of(case) == [Mark.FIELD_DERIVED, Mark.ASKED_BY_FIELDS]
    unfilled = case.model_copy(update={"in_fields": []})
    assert isinstance(decided(store, case, await claim_of(unfilled, SAID)), ToHuman), "its words were odd before"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("It has never arrived, I want my money back.", {"reason": "not_received", "reason_quote": "never arrived"}),
        ("Where is my parcel?", {"wants": "information", "wants_quote": None, "reason": "other", "reason_quote": None}),
    ],
)
async def test_words_that_say_something_else_than_the_field_are_for_a_person(
    store: Store, clock: Clock, text: str, said: dict[str, object]
) -> None:
    case = completed(store, clock, came(store, "condition: cracked glass", text=text))
    assert isinstance(decided(store, case, await claim_of(case, SAID | said)), ToHuman)


async def test_the_words_need_not_tell_the_reason_again(store: Store, clock: Clock) -> None:
    case = completed(store, clock, came(store, "condition: cracked glass", text="Please refund my order."))
    said = {"wants_quote": "Please refund", "reason": "other", "reason_quote": None}
    refund = decided(store, case, await claim_of(case, SAID | said))
    assert isinstance(refund, Refund), refund
