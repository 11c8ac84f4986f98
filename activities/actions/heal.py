"""Heal: the document that a message came as, filled from our records and from what proves itself."""

from collections.abc import Sequence
from dataclasses import replace

from pydantic import BaseModel, Field
from temporalio import activity

from activities.clock import Clock, utc_now
from activities.models.prompting import spoken_text
from domain.blueprint import Blueprint
from domain.case import CaseInput
from domain.errors import RefusedError
from domain.inbound.formats.charsets import decode_document
from domain.repair.healing import FieldMark, HealedDocument, healed
from domain.repair.in_case import (
    CaseValues,
    case_values,
    facts_for_model,
    notes_of,
    records_for,
    to_ask_for,
    under_root,
)
from domain.repair.kinds import DocumentKind
from domain.repair.patching import FieldPatch, patched_document
from ports.repair import DocumentMender
from ports.store import CaseStore, CustomerRecords, StoredCase


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
    what a model may know of our records while it looks for what is missing. `amount` is in major units.
    """

    order_id: str | None = None
    amount: str | None = None
    currency: str | None = None
    missing: list[str] = Field(default_factory=list)
    ask: list[MissingField] = Field(default_factory=list)
    tainted: bool = False
    notes: list[str] = Field(default_factory=list)
    facts: dict[str, object] = Field(default_factory=dict)

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
        clock: Clock = utc_now,
    ) -> None:
        self._records = records
        self._cases = cases
        self._kinds = blueprint.documents
        self._mender = mender
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
        order = case_values(healed(document, kind, {}, lang=case.lang), kind).order_id
        records = self._look_up(stored, case, order or case.order_id)
        stranger = order is not None and "order" in kind.records and "order" not in records
        if stranger:  # then what it says of its order counts for nothing
            document = replace(document, doubted=document.doubted | {str(kind.case.order_id)})
        text = spoken_text(case)
        found = healed(document, kind, {}, lang=case.lang)
        found = patched_document(found, request.patches, kind, text=text, lang=case.lang)
        proven = {field.name: field for field in found.all_fields if field.standing is FieldMark.DERIVED}
        if "order" not in records and (order := case_values(found, kind).order_id) is not None:
            records = self._look_up(stored, case, order)
        found = healed(document, kind, records, lang=case.lang, proven=proven)
        found = patched_document(found, request.patches, kind, text=text, lang=case.lang)
        result = _told(found, kind, case, records)
        return result.noting("document: the order that it names is none of this sender's") if stranger else result

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


def _told(found: HealedDocument, kind: DocumentKind, case: CaseInput, records: dict[str, object]) -> HealResult:
    values, missing, notes = case_values(found, kind), found.missing, notes_of(found, kind)
    asked = to_ask_for(found, kind, records)
    other_order = values.order_id is not None and case.order_id not in (None, values.order_id)
    if other_order:  # its money would be that of an order which the case is not about
        values = CaseValues(order_id=values.order_id)
        notes = ["document: it names another order than the case does: its amount is not the case's", *notes]
    return HealResult(
        order_id=values.order_id,
        amount=values.amount,
        currency=values.currency,
        missing=missing,
        ask=[MissingField(name=name, label=kind.label(name, case.lang)) for name in asked],
        tainted=found.tainted or other_order,
        notes=notes,
        facts=facts_for_model(records) if missing else {},
    )
