"""Kinds of documents that a blueprint knows: which sources send them, and what their fields mean for a case."""

import re
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StrictStr, model_validator

from domain.money.claim import Reason
from domain.repair.rules import DocumentRules, FieldKind

_LANG = r"^[a-z]{2,3}$"
RECORD_FIELDS: Mapping[str, frozenset[str]] = {
    "customer": frozenset({"customer_id", "lang"}),
    "order": frozenset(
        {"order_id", "customer_id", "status", "currency", "total", "placed_on", "delivered_on", "lines", "charges"}
    ),
}
"""What our records say in a case (`domain.repair.in_case.records_for`)."""
_OF = re.compile(r"\w+ (?:of|der|des|de|du|del|d['’])", re.IGNORECASE)  # what stands before is the thing itself
_SHORTEST_NAME = 4
_KINDS_IN_CASE = {
    "order_id": (FieldKind.TEXT, FieldKind.WHOLE),
    "amount": (FieldKind.AMOUNT,),
    "currency": (FieldKind.CURRENCY,),
}


class CaseFields(BaseModel):
    """Which field of a document is the case's order, amount and currency; None: none is.

    The customer is never taken from a document: whoever knows the number of an order would become its owner.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    order_id: StrictStr | None = None
    amount: StrictStr | None = None
    currency: StrictStr | None = None

    def named(self) -> dict[str, str]:
        """Return the fields of the document by those of the case."""
        return {ours: theirs for ours, theirs in self.model_dump().items() if theirs is not None}


class ClaimField(BaseModel):
    """By which field a document says that money is to go back, and what its values mean; capitals count for nothing.

    >>> ClaimField(field="why", reasons={"Defekt": "damaged"}).reason_of(" DEFEKT ")
    <Reason.DAMAGED: 'damaged'>
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: StrictStr
    reasons: Mapping[Annotated[StrictStr, Field(min_length=1, max_length=100)], Reason] = Field(min_length=1)

    def reason_of(self, value: str) -> Reason | None:
        """Return what a value means, None if that is not said."""
        known = {name.strip().casefold(): reason for name, reason in self.reasons.items()}
        return known.get(value.strip().casefold())


class DocumentKind(DocumentRules):
    """A kind of document, as `documents/NAME.toml` of a blueprint says it.

    Attributes:
        sources: the webhook sources whose JSON bodies are documents of this kind.
        root: the field of the body under which the document stands; empty: the body is the document.
        marked_by: fields that only such documents have: a body without any of them is a message like others.
        case: what of it the case goes by.
        claim: the field by which it asks for money back, None where only the words beside it can.
        labels: what customers call its fields, by language; a field without one is called by its name.

    Raises:
        ValueError: something names a field that is not there, or the case one of another kind.
    """

    sources: tuple[Annotated[StrictStr, Field(min_length=1, max_length=100)], ...] = ()
    root: Annotated[StrictStr, Field(max_length=100)] = ""
    marked_by: tuple[Annotated[StrictStr, Field(min_length=1, max_length=100)], ...] = ()
    case: CaseFields = CaseFields()
    claim: ClaimField | None = None
    labels: Mapping[
        Annotated[str, Field(pattern=_LANG)], Mapping[str, Annotated[str, Field(min_length=1, max_length=100)]]
    ] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _labels_fields_that_are_there(self) -> Self:
        known = ", ".join(sorted(self.fields))
        for ours, theirs in self.case.named().items():
            if theirs not in self.fields:
                raise ValueError(f"case.{ours}: there is no field {theirs!r}; expected one of {known}")
            kind, kinds = self.fields[theirs].kind, _KINDS_IN_CASE[ours]
            if kind not in kinds:  # else any text would stand for money in the case
                raise ValueError(f"case.{ours}: the field {theirs!r} is {kind}; expected {' or '.join(kinds)}")
        if self.claim is not None:
            asks = self.fields.get(self.claim.field)
            if asks is None:
                raise ValueError(f"claim.field: there is no field {self.claim.field!r}; expected one of {known}")
            if asks.kind is not FieldKind.TEXT:
                raise ValueError(f"claim.field: the field {self.claim.field!r} is {asks.kind}; expected text")
        for lang, labels in self.labels.items():
            if unknown := sorted(labels.keys() - self.fields.keys()):
                raise ValueError(f"labels.{lang}: there is no field {unknown[0]!r}; expected some of {known}")
        return self

    def is_critical(self, name: str) -> bool:
        """Return whether a field needs a quote or a record: what the case goes by does, whatever it is called.

        >>> DocumentKind(fields={"betrag": {"kind": "amount"}}, case={"amount": "betrag"}).is_critical("betrag")
        True
        """
        decides = {*self.case.named().values(), *([self.claim.field] if self.claim is not None else [])}
        return name in decides or super().is_critical(name)

    def currency_field(self) -> str | None:
        """Return the field that says in what currency amounts are: the case's own, if it has one."""
        return self.case.currency or super().currency_field()

    @model_validator(mode="after")
    def _is_told_from_messages(self) -> Self:
        if self.sources and not self.root and not self.marked_by:
            raise ValueError(
                "sources: every message of theirs would be taken for such a document; say in root under which field it "
                "stands, or in marked_by which fields only such documents have"
            )
        return self

    @model_validator(mode="after")
    def _asks_records_that_are_there(self) -> Self:
        paths = [(f"fields.{name}", path) for name, rule in self.fields.items() for path in rule.sources]
        for record, rule in self.records.items():
            if record not in RECORD_FIELDS:
                raise ValueError(f"records.{record}: there is no such record; expected some of {sorted(RECORD_FIELDS)}")
            named = (*rule.anchors.values(), *rule.agrees.values())
            paths += [(f"records.{record}", f"{record}.{path}") for path in named]
        for where, path in paths:
            record, _, rest = path.partition(".")
            field = re.split(r"[.\[{]", rest)[0]
            if record in RECORD_FIELDS and field not in RECORD_FIELDS[record]:
                known = ", ".join(sorted(RECORD_FIELDS[record]))
                raise ValueError(f"{where}: {path!r}: {record} has no {field!r}; expected one of {known}")
        return self

    def is_marked(self, value: object) -> bool:
        """Return whether a document is one of this kind by its fields."""
        return not self.marked_by or (isinstance(value, dict) and any(name in value for name in self.marked_by))

    def label(self, name: str, lang: str) -> str:
        """Return what a customer calls a field: in their language, else in English, else its name in words.

        >>> DocumentKind(fields={"orderNo": {}, "vat_id": {}}).label("vat_id", "de")
        'vat id'
        """
        for code in (lang.lower(), lang.lower().partition("-")[0], "en"):
            if name in self.labels.get(code, {}):
                return self.labels[code][name]
        return name.replace("_", " ")

    def short_names(self, name: str, lang: str) -> list[str]:
        """Return single words that can mean no other field: the last of its name, the first of a label like "state of
        the goods". What is critical has none.

        >>> kind = DocumentKind(fields={"item_condition": {}, "items": {}, "vat_id": {}})
        >>> kind.short_names("item_condition", "en"), kind.short_names("vat_id", "en")
        (['condition'], [])
        """
        if self.is_critical(name):
            return []
        others = {
            word
            for other in self.fields
            if other != name
            for called in (other, self.label(other, lang))
            for word in _words(called)
        }
        heads = [*_words(name)[-1:], *_words(self.label(name, lang))[:1]]
        if not _OF.match(self.label(name, lang)):
            heads = heads[:1]
        return [word for word in dict.fromkeys(heads) if len(word) >= _SHORTEST_NAME and word not in others]

    def called_in_case(self, name: str) -> str:
        """Return the case's name for a field, its own where the case has none."""
        return next((ours for ours, theirs in self.case.named().items() if theirs == name), name)


def _words(name: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+", name)]
