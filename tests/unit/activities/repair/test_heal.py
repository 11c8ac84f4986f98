"""Completing a document from the real store's records, and what a model is asked and believed."""

import json
from typing import Any

import pytest

from activities.actions.heal import HealActivities, HealRequest, HealResult
from activities.models.repair import FieldsRequest, FieldsResult, RepairActivities
from adapters.cleaning.cleaner import DocumentCleaner
from adapters.repair.mending import JsonMender
from adapters.store import Store
from domain.case import ASKED_BY_FIELDS, FIELD_DERIVED, REPAIRED, WORDLESS, CaseInput
from domain.errors import RefusedError, UnsupportedTaskError
from domain.model_call import Message, ModelReply, ModelRequest, Tier, Usage
from domain.money.claim import Reason
from domain.repair.kinds import ClaimField, DocumentKind
from domain.repair.patching import FieldPatch
from tests.contracts.store_samples import case_input, stored_case
from tests.fakes.blueprint import BLUEPRINT, WORDS
from tests.unit.activities.store_parts import Clock

KIND = DocumentKind.model_validate(
    {
        "sources": ["shop"],
        "root": "form",
        "case": {"order_id": "order", "amount": "amount", "currency": "currency"},
        "labels": {"en": {"vat_id": "VAT id"}},
        "records": {"order": {"anchors": {"order": "order_id"}}},
        "fields": {
            "order": {},
            "amount": {"kind": "amount", "sources": ["order.total"]},
            "currency": {"kind": "currency", "sources": ["order.currency"]},
            "items": {"kind": "texts", "sources": ["order.lines[].name"]},
            "vat_id": {},
        },
    }
)
CLEANER = DocumentCleaner(WORDS.mail)
KNOWING = BLUEPRINT.model_copy(update={"documents": {"form": KIND}})


def admitted(store: Store, body: object, *, email: str = "ann@example.com", **fields: Any) -> CaseInput:
    case = case_input("document").model_copy(update={"document": "form", **fields})
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    store.cases.admit([stored_case("document", case=case, body=raw, sender_email=email)])
    return case


def heal(store: Store, clock: Clock, case: CaseInput, *patches: FieldPatch) -> HealResult:
    healing = HealActivities(store.records, store.cases, KNOWING, JsonMender(), CLEANER, clock)
    return healing.heal_document(HealRequest(case=case, patches=patches))


def lacks(result: HealResult) -> list[str]:
    return result.missing


def test_it_is_filled_from_the_customers_own_order(store: Store, clock: Clock) -> None:
    case = admitted(store, {"form": {"order": "ORD-1", "vat_id": "DE1"}})
    result = heal(store, clock, case)
    assert (result.order_id, result.amount, result.currency) == ("ORD-1", "20.00", "USD")
    assert (lacks(result), result.tainted, result.facts) == ([], True, {})
    assert "amount: derived from order.total" in result.notes
    assert not any("DE1" in note for note in result.notes), "values stay out of histories"


@pytest.mark.parametrize(
    ("email", "order"), [("bob@example.com", "ORD-1"), ("nobody@example.com", "ORD-1"), ("ann@example.com", "ORD-3")]
)
def test_nothing_is_told_of_an_order_of_somebody_else(store: Store, clock: Clock, email: str, order: str) -> None:
    case = admitted(store, {"form": {"order": order, "vat_id": "DE1"}}, email=email)
    result = heal(store, clock, case)
    assert (result.amount, result.currency, result.facts) == (None, None, {})
    assert set(lacks(result)) == {"order", "amount", "currency", "items"}
    assert [field.name for field in result.ask] == ["order"], "its record would say the rest"
    assert "order: missing (the order that it names is none of this sender's)" in result.notes
    assert not any("cannot be read" in note for note in result.notes)


def test_an_order_that_only_the_words_name_has_its_record_say_the_rest(store: Store, clock: Clock) -> None:
    case = admitted(store, {"form": {"vat_id": "DE1"}}, text="It is order ORD-1.")
    before = heal(store, clock, case)
    assert [field.name for field in before.ask] == ["order"]
    result = heal(store, clock, case, FieldPatch(name="order", value="ORD-1", quote="ORD-1"))
    assert (result.order_id, result.amount, result.currency, lacks(result)) == ("ORD-1", "20.00", "USD", [])


def test_the_right_order_in_the_answer_takes_the_place_of_a_wrong_one(store: Store, clock: Clock) -> None:
    case = admitted(store, {"form": {"order": "ORD-999", "vat_id": "DE1"}}, answers=["Sorry, ORD-1"])
    result = heal(store, clock, case, FieldPatch(name="order", value="ORD-1", quote="ORD-1"))
    assert (result.order_id, result.amount, lacks(result)) == ("ORD-1", "20.00", [])
    assert "document: the order that it names is none of this sender's" in result.notes


def test_who_asks_for_the_activity_cannot_name_another_customer(store: Store, clock: Clock) -> None:
    case = admitted(store, {"form": {"order": "ORD-1", "vat_id": "DE1"}}, email="nobody@example.com")
    forged = case.model_copy(update={"customer_id": "C-1"})
    assert heal(store, clock, forged).amount is None


def test_a_doubted_order_anchors_nothing_and_is_missing(store: Store, clock: Clock) -> None:
    case = admitted(store, b'{"form": {"vat_id": "DE1", "order": "ORD-1')
    result = heal(store, clock, case)
    assert (result.order_id, result.amount) == (None, None)
    assert "order" in lacks(result)


def test_a_patch_counts_by_its_quote_in_what_the_customer_wrote(store: Store, clock: Clock) -> None:
    case = admitted(store, {"form": {"order": "ORD-1"}}, text="My VAT id is DE99.")
    assert lacks(heal(store, clock, case)) == ["vat_id"]
    proven = heal(store, clock, case, FieldPatch(name="vat_id", value="DE99", quote="DE99"))
    assert lacks(proven) == []
    assert "vat_id: derived from quote" in proven.notes
    invented = heal(store, clock, case, FieldPatch(name="vat_id", value="DE00", quote=""))
    assert "vat_id" in lacks(invented), "it names whose tax it is: nothing but a quote or a record counts"


def test_a_critical_field_is_never_guessed(store: Store, clock: Clock) -> None:
    case = admitted(store, {"form": {"vat_id": "DE1"}}, text="refund me everything")
    result = heal(store, clock, case, FieldPatch(name="amount", value="5000", quote=""))
    assert result.amount is None
    assert "amount" in lacks(result)


@pytest.mark.parametrize("body", [b"", b"not json", b"[1]", {"other": {}}, {"form": "text"}])
def test_a_body_without_the_document_asks_for_nothing(store: Store, clock: Clock, body: object) -> None:
    result = heal(store, clock, admitted(store, body))
    assert (result.missing, result.tainted, result.order_id) == ([], False, None)
    assert result.notes == []


def test_a_kind_that_is_gone_and_an_edited_case_are_said_to_be_so(store: Store, clock: Clock) -> None:
    case = admitted(store, {"form": {}})
    gone = heal(store, clock, case.model_copy(update={"document": "old"}))
    assert (gone.missing, len(gone.notes)) == ([], 1)
    edited = heal(store, clock, case.model_copy(update={"edited_by": ["dana"]}))
    assert (edited.order_id, edited.missing) == (None, [])


def test_money_of_another_order_than_the_cases_is_not_taken(store: Store, clock: Clock) -> None:
    case = admitted(store, {"form": {"order": "ORD-1", "vat_id": "DE1"}}, order_id="ORD-2")
    result = heal(store, clock, case)
    assert (result.amount, result.currency, result.tainted) == (None, None, True)
    assert any("another order" in note for note in result.notes)


def test_what_stands_as_a_name_in_a_broken_document_is_told_to_nobody(store: Store, clock: Clock) -> None:
    body = b'{"order": "ORD-1", "vat_id": "DE1", DE89370400440532013000: 5, DE89370400440532013000: 6, "Ann_Smith": "x'
    kind = KIND.model_copy(update={"root": ""})
    healing = HealActivities(
        store.records,
        store.cases,
        BLUEPRINT.model_copy(update={"documents": {"form": kind}}),
        JsonMender(),
        CLEANER,
        clock,
    )
    result = healing.heal_document(HealRequest(case=admitted(store, body)))
    assert result.notes
    assert not any("DE89" in note or "Ann_Smith" in note for note in result.notes)


def test_a_case_that_was_never_admitted_is_refused(store: Store, clock: Clock) -> None:
    with pytest.raises(RefusedError, match="never admitted"):
        heal(store, clock, case_input("unknown").model_copy(update={"document": "form"}))


# --- a claim by its fields, and documents that answer ----------------------------------------------------------------

CLAIMING = KIND.model_copy(update={"claim": ClaimField(field="why", reasons={"Defect": "damaged"})})
CLAIMING = DocumentKind.model_validate(
    CLAIMING.model_dump(mode="json") | {"fields": {**KIND.model_dump(mode="json")["fields"], "why": {}}}
)
WHOLE = {"order": "ORD-1", "amount": "20.00", "currency": "USD", "items": ["Cup"], "vat_id": "DE1", "why": "defect"}


ATTACHED = (
    b'From: a@b.example\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nhere it is\r\n--b\r\n'
    b'Content-Type: application/json\r\nContent-Disposition: attachment; filename="f.json"\r\n\r\n'
    b'{"form": {"vat_id": "DE7"}}\r\n--b--\r\n'
)


def heal_claim(store: Store, clock: Clock, case: CaseInput, *patches: FieldPatch) -> HealResult:
    knowing = BLUEPRINT.model_copy(update={"documents": {"form": CLAIMING}})
    healing = HealActivities(store.records, store.cases, knowing, JsonMender(), CLEANER, clock)
    return healing.heal_document(HealRequest(case=case, patches=patches))


def answers_with(store: Store, case: CaseInput, body: object, *, kind: str = "application/json") -> CaseInput:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    store.cases.admit([stored_case("answer", body=raw, content_type=kind)])
    return case.model_copy(
        update={"answered_by": ["case/shop/answer"], "answers": [json.dumps(body) if isinstance(body, dict) else ""]}
    )


def without(*names: str) -> dict[str, object]:
    return {name: value for name, value in WHOLE.items() if name not in names}


def test_a_field_says_why_money_is_to_go_back_and_taints_even_a_whole_document(store: Store, clock: Clock) -> None:
    result = heal_claim(store, clock, admitted(store, {"form": WHOLE}))
    assert (result.claimed, result.taints, result.missing) == (Reason.DAMAGED, [ASKED_BY_FIELDS], [])


@pytest.mark.parametrize("why", ["because", "", 7, None, ["defect"]])
def test_a_reason_that_the_kind_does_not_know_is_no_reason(store: Store, clock: Clock, why: object) -> None:
    assert heal_claim(store, clock, admitted(store, {"form": {**WHOLE, "why": why}})).claimed is None


def test_a_reason_that_was_given_twice_is_none(store: Store, clock: Clock) -> None:
    raw = json.dumps({"form": without("why")}).encode()[:-2] + b', "why": "defect", "why": "no"}}'
    result = heal_claim(store, clock, admitted(store, raw))
    assert result.claimed is None
    assert "why" in result.missing
    assert REPAIRED in result.taints


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"form": {"vat_id": "DE7"}, "text": "see the form"}, "application/json"),
        (
            ATTACHED,
            "message/rfc822",
        ),
        (b'From: a@b.example\r\n\r\n{"form": {"vat_id": "DE7"}}\r\n', "message/rfc822"),
    ],
)
def test_a_document_that_the_customer_answers_with_fills_what_is_missing(
    store: Store, clock: Clock, body: object, kind: str
) -> None:
    case = answers_with(store, admitted(store, {"form": without("vat_id")}), body, kind=kind)
    result = heal_claim(store, clock, case)
    assert (result.missing, result.contradicted) == ([], [])
    assert "vat_id: derived from the answer's document" in result.notes
    assert FIELD_DERIVED in result.taints
    assert result.in_fields == ([case.answers[0]] if case.answers[0] else []), "its words are not read once more"


@pytest.mark.parametrize("told", [{"amount": "2000.00"}, {"order": "ORD-2"}, {"why": "other"}, {"vat_id": "DE9"}])
def test_an_answer_that_says_something_else_is_a_doubt_and_changes_nothing(
    store: Store, clock: Clock, told: dict[str, str]
) -> None:
    case = answers_with(store, admitted(store, {"form": WHOLE}), {"form": told})
    result = heal_claim(store, clock, case)
    assert result.contradicted == list(told)
    assert (result.order_id, result.amount) == ("ORD-1", "20.00")


@pytest.mark.parametrize(
    "body",
    [
        {"form": {"vat_id": ["DE7"]}},  # of another kind
        {"other": {"vat_id": "DE7"}},
        b'{"form": {"vat_id": "DE7", "vat_id": "DE8"}}',
        b'{"form": {"vat_id": "DE7"}}{"form": {"vat_id": "DE7"}}',
        b'{"form": {"vat_id": "DE',
        b"no document",
    ],
)
def test_what_an_answer_does_not_say_for_sure_stays_missing(store: Store, clock: Clock, body: object) -> None:
    case = answers_with(store, admitted(store, {"form": without("vat_id")}), body)
    assert lacks(heal_claim(store, clock, case)) == ["vat_id"]


def test_the_own_order_in_an_answers_document_takes_the_place_of_a_strangers(store: Store, clock: Clock) -> None:
    first = admitted(store, {"form": {"order": "ORD-3", "vat_id": "DE1", "why": "defect"}})
    assert "order" in lacks(heal_claim(store, clock, first))
    result = heal_claim(store, clock, answers_with(store, first, {"form": {"order": "ORD-1"}}))
    assert (result.order_id, result.amount, lacks(result), result.contradicted) == ("ORD-1", "20.00", [], [])


def test_an_answer_of_another_tenant_is_not_looked_at(store: Store, clock: Clock) -> None:
    first = admitted(store, {"form": without("vat_id")})
    store.cases.admit(
        [stored_case("theirs", case=case_input("theirs", tenant="other"), body=b'{"form": {"vat_id": "DE7"}}')]
    )
    named = first.model_copy(update={"answered_by": ["case/shop/theirs", "case/shop/never"]})
    assert lacks(heal_claim(store, clock, named)) == ["vat_id"]


def test_words_of_the_document_itself_are_no_words_of_a_customer(store: Store, clock: Clock) -> None:
    text = json.dumps({"other": "DE7"})
    case = admitted(store, {"form": without("vat_id")}, text=text, flags=[WORDLESS])
    patch = FieldPatch(name="vat_id", value="DE7", quote="DE7")
    assert lacks(heal_claim(store, clock, case, patch)) == ["vat_id"]
    answered = case.model_copy(update={"answers": ["VAT id: DE7"]})
    result = heal_claim(store, clock, answered, patch)
    assert (lacks(result), result.in_fields) == ([], ["DE7"])


# --- the model --------------------------------------------------------------------------------------------------------


class OneModel:
    """Answers in turn."""

    def __init__(self, *answers: str | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[ModelRequest] = []

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.asked.append(request)
        given = self._answers.pop(0)
        if isinstance(given, Exception):
            raise given
        return ModelReply(text=given, model="fake-1", usage=Usage(calls=1))


async def find(model: OneModel, *missing: str, facts: dict[str, object] | None = None, **of: Any) -> FieldsResult:
    case = case_input().model_copy(update={"document": "form", "lang": "en", "text": "VAT id: DE99", **of})
    finding = RepairActivities(dict.fromkeys(Tier, model), KNOWING)
    return await finding.find_fields(FieldsRequest(case=case, missing=missing, facts=facts or {}))


def answered(*fields: dict[str, object]) -> str:
    return json.dumps({"fields": [{"quote": "", "offset": None, **field} for field in fields]})


async def test_a_model_is_asked_for_the_named_fields_only() -> None:
    model = OneModel(answered({"name": "vat_id", "value": "DE99"}, {"name": "payee", "value": "me"}))
    result = await find(model, "vat_id", "unknown", facts={"order": {"total": "20.00"}})
    assert [patch.name for patch in result.patches] == ["vat_id"]
    assert result.usage.calls == 1
    [request] = model.asked
    assert isinstance(request.messages[-1], Message)
    said = request.messages[-1].content
    assert '"called": "VAT id"' in said
    assert "unknown" not in said
    assert '"total": "20.00"' in said


@pytest.mark.parametrize("bad", ["no", "{}", answered({"name": "vat_id", "value": "x" * 2_000})])
async def test_answers_that_do_not_fit_propose_nothing_and_are_paid_for(bad: str) -> None:
    result = await find(OneModel(bad, bad), "vat_id")
    assert (result.patches, result.usage.calls) == ([], 2)


async def test_a_model_that_cannot_do_it_proposes_nothing() -> None:
    assert (await find(OneModel(UnsupportedTaskError("no such task")), "vat_id")).patches == []


@pytest.mark.parametrize("of", [{"document": "old"}, {"document": ""}])
async def test_of_an_unknown_kind_no_model_is_asked(of: dict[str, Any]) -> None:
    model = OneModel()
    assert (await find(model, "vat_id", **of)).patches == []
    assert model.asked == []


@pytest.mark.parametrize(("said", "amount"), [("50 USD", "50"), ("50 EUR", None)])
def test_a_currency_in_words_is_held_against_the_order_that_they_name(
    store: Store, clock: Clock, said: str, amount: str | None
) -> None:
    fields = {**KIND.fields, "amount": KIND.fields["amount"].model_copy(update={"sources": ()})}
    blueprint = BLUEPRINT.model_copy(update={"documents": {"form": KIND.model_copy(update={"fields": fields})}})
    case = admitted(store, {"form": {"vat_id": "DE1"}}, text=f"Order ORD-1, {said} back please")
    patches = [
        FieldPatch(name="order", value="ORD-1", quote="ORD-1"),
        FieldPatch(name="amount", value="50", quote="50"),
    ]
    healing = HealActivities(store.records, store.cases, blueprint, JsonMender(), CLEANER, clock)
    result = healing.heal_document(HealRequest(case=case, patches=patches))
    assert (result.order_id, result.currency, result.amount) == ("ORD-1", "USD", amount)
