"""Heal: the document that a message came as, filled from our records and from what proves itself."""

from collections.abc import Sequence
from dataclasses import replace

from pydantic import BaseModel, Field
from temporalio import activity

from activities.clock import Clock, utc_now
from activities.hidden_values import HiddenValues
from activities.models.prompting import spoken_text
from domain.blueprint import Blueprint
from domain.case import ASKED_BY_FIELDS, FIELD_DERIVED, FIELD_GUESSED, OTHER_ORDER, REPAIRED, WORDLESS, CaseInput
from domain.errors import RefusedError
from domain.inbound.formats.charsets import decode_document
from domain.inbound.original import documents_in
from domain.money.claim import Reason
from domain.repair.answered import fields_answered, is_json_object
from domain.repair.document import MendedDocument
from domain.repair.healing import FieldMark, HealedDocument, MarkedField, currency_in, healed
from domain.repair.in_case import (
    CaseValues,
    case_values,
    claimed_reason,
    facts_for_model,
    notes_of,
    quotes_in,
    records_for,
    to_ask_for,
    under_root,
)
from domain.repair.kinds import DocumentKind
from domain.repair.patching import FieldPatch, patched_document
from domain.repair.told import FieldTold, fields_told
from ports.cleaner import Cleaner
from ports.repair import DocumentMender
from ports.store import CaseStore, CustomerRecords, StoredCase

NOT_THEIRS = "the order that it names is none of this sender's"
"""Why the order of a document is missing."""


class HealRequest(BaseModel):
    """Whose document, and what a model proposed for fields that it lacks; the document is read from the store."""

    case: CaseInput
    patches: Sequence[FieldPatch] = ()


class MissingField(BaseModel):
    """A field to ask for: its name, and what its customer calls it."""

    name: str
    label: str


class HealResult(BaseModel):
    """What became of a document: the values that the case goes by, names of fields, for a model the order on record.

    `missing` are the required fields without a value, `ask` those that the customer is to be asked for. `facts` are
    what a model may know of our records while it looks for what is missing. `amount` is in major units. `claimed` is
    why money is to go back, as a field says; `in_fields` are words of the customer that are values of fields, and
    `contradicted` the fields of which a document of an answer says something else than the first one.
    """

    order_id: str | None = None
    amount: str | None = None
    currency: str | None = None
    missing: list[str] = Field(default_factory=list)
    ask: list[MissingField] = Field(default_factory=list)
    tainted: bool = False
    taints: list[str] = Field(default_factory=list)  # of `domain.case.TAINTS`
    notes: list[str] = Field(default_factory=list)
    facts: dict[str, object] = Field(default_factory=dict)
    claimed: Reason | None = None
    in_fields: list[str] = Field(default_factory=list)
    contradicted: list[str] = Field(default_factory=list)
    fields: list[FieldTold] = Field(default_factory=list)  # for people

    def noting(self, note: str) -> "HealResult":
        """Return it with one note more."""
        return self.model_copy(update={"notes": [*self.notes, note]})


class HealActivities:
    """Completes documents from the system of record."""

    def __init__(
        self,
        records: CustomerRecords,
        cases: CaseStore,
        blueprint: Blueprint,
        mender: DocumentMender,
        cleaner: Cleaner,
        clock: Clock = utc_now,
    ) -> None:
        self._records = records
        self._cases = cases
        self._kinds = blueprint.documents
        self._mender = mender
        self._cleaner = cleaner
        self._clock = clock

    @activity.defn
    def heal_document(self, request: HealRequest) -> HealResult:
        """Read the document, fill it from records, then take what a model found and the message proves.

        Of a kind that the blueprint does not know any more, and of a body that holds no such document, nothing is said
        but that.

        Raises:
            RefusedError: the case was never admitted.
            TransientError: the store or the records cannot be reached.
        """
        case, kind = request.case, self._kinds.get(request.case.document)
        if kind is None:
            return HealResult(notes=[f"document: its kind {case.document!r} is not in the blueprint any more"])
        if case.edited_by:
            return HealResult(notes=["document: a person edited it, and it is taken as they left it"])
        try:
            stored = self._cases.load(case.case_id)
        except KeyError as error:
            raise RefusedError(f"nothing is healed for {case.case_id!r}: it was never admitted") from error
        document = under_root(self._mender.mend(decode_document(stored.body)), kind.root)
        if not document.found or not kind.is_marked(document.value):
            return HealResult()  # a message like others
        first = healed(document, kind, {}, lang=case.lang)
        order = case_values(first, kind).order_id
        records = self._look_up(stored, case, order or case.order_id)
        stranger = order is not None and "order" in kind.records and "order" not in records
        because = {str(kind.case.order_id): NOT_THEIRS} if stranger else {}
        if stranger:  # then what it says of its order counts for nothing
            document = replace(document, doubted=document.doubted | because.keys())
            first = healed(document, kind, {}, lang=case.lang, because=because)
        answers, text = self._answers(case, kind), _own_words(case)
        said = fields_answered(first, list(answers.values()), kind, lang=case.lang)
        alone = healed(document, kind, {}, lang=case.lang, proven=said.proven, because=because)
        found = patched_document(alone, request.patches, kind, text=text, lang=case.lang)
        if "order" not in records and (order := case_values(found, kind).order_id) is not None:
            records = self._look_up(stored, case, order)
        known = healed(document, kind, records, lang=case.lang, proven=_derived(found), because=because)
        found = patched_document(  # once more, now that the currency of its order is known
            alone, request.patches, kind, text=text, lang=case.lang, currency=currency_in(known.fields, kind)
        )
        found = healed(document, kind, records, lang=case.lang, proven=_derived(found), because=because)
        found = patched_document(found, request.patches, kind, text=text, lang=case.lang)
        result = _told(found, kind, case, records, text)
        values = HiddenValues(self._cleaner, stored)
        result.fields = values.named(fields_told(found, kind, text, values.hide), self._cases)
        result.contradicted = list(said.contradicted)
        result.in_fields += [case.answers[number] for number in answers if is_json_object(case.answers[number])]
        replaced = stranger and result.order_id is not None  # by the customer's answer
        return result.noting(f"document: {NOT_THEIRS}") if replaced else result

    def _answers(self, case: CaseInput, kind: DocumentKind) -> dict[int, MendedDocument]:
        """Return the documents of this kind that the customer answered with, by the number of the answer."""
        found = {
            number: self._answer(case_id, case.tenant, kind)
            for number, case_id in enumerate(case.answered_by[: len(case.answers)])
        }
        return {number: document for number, document in found.items() if document is not None}

    def _answer(self, case_id: str, tenant: str, kind: DocumentKind) -> MendedDocument | None:
        try:
            stored = self._cases.load(case_id)
        except KeyError:
            return None
        if stored.case.tenant != tenant or stored.case.edited_by:  # what a person made of it counts: its words
            return None
        for text in documents_in(stored.content_type, stored.body):
            document = under_root(self._mender.mend(text), kind.root)
            if document.found and kind.is_marked(document.value):
                return document
        return None

    def _look_up(self, stored: StoredCase, case: CaseInput, order_id: str | None) -> dict[str, object]:
        """Return the records of whom the store knows as the sender, whatever the request says."""
        account = self._records.find_account(
            tenant=stored.case.tenant,
            customer_id=stored.case.customer_id,
            sender_email=stored.sender_email,
            order_id=order_id,
            now=self._clock(),
            case_id=case.case_id,
        )
        return records_for(account)


def _derived(found: HealedDocument) -> dict[str, MarkedField]:
    return {field.name: field for field in found.all_fields if field.standing is FieldMark.DERIVED}


def _own_words(case: CaseInput) -> str:
    """Return what the customer wrote: the text of a document that came alone is none of their words."""
    return spoken_text(case.model_copy(update={"text": ""}) if WORDLESS in case.flags else case)


def _taints(found: HealedDocument) -> list[str]:
    """Return what of a document is not as its sender wrote it; a document that nobody need doubt has nothing."""
    marks = {FIELD_DERIVED: FieldMark.DERIVED, FIELD_GUESSED: FieldMark.GUESSED}
    return [REPAIRED] * bool(found.damage) + [flag for flag, mark in marks.items() if found.has(mark)]


def _told(
    found: HealedDocument, kind: DocumentKind, case: CaseInput, records: dict[str, object], text: str
) -> HealResult:
    values, missing, notes = case_values(found, kind), found.missing, notes_of(found, kind)
    asked, claimed = to_ask_for(found, kind, records), claimed_reason(found, kind)
    other_order = values.order_id is not None and case.order_id not in (None, values.order_id)
    if other_order:  # its money would be that of an order which the case is not about
        values = CaseValues(order_id=values.order_id)
        notes = ["document: it names another order than the case does: its amount is not the case's", *notes]
    taints = [*_taints(found), *[OTHER_ORDER] * other_order, *[ASKED_BY_FIELDS] * (claimed is not None)]
    return HealResult(
        order_id=values.order_id,
        amount=values.amount,
        currency=values.currency,
        missing=missing,
        ask=[MissingField(name=name, label=kind.label(name, case.lang)) for name in asked],
        tainted=bool(taints),
        taints=taints,
        claimed=claimed,
        in_fields=quotes_in(found, text),
        notes=notes,
        facts=facts_for_model(records) if missing else {},
    )
