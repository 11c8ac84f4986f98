"""What a kind of document should hold: its fields, and which record may supply each."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Self
from unicodedata import normalize

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from domain.repair.record_paths import parse_path


class FieldKind(StrEnum):
    """What a value is."""

    TEXT = "text"
    TEXTS = "texts"  # a list of them
    WHOLE = "whole"  # a whole number
    AMOUNT = "amount"
    CURRENCY = "currency"  # ISO 4217
    DAY = "day"
    FLAG = "flag"  # true or false


DOCUMENT = "document"
"""The name under which a source finds the document's own fields: `document.items[#]`."""

_TELLING_LETTERS = 5  # of a name that counts inside another one without a sign between them
_CRITICAL_WORDS = frozenset(
    "amount currency payee account iban bic order tax vat price total sum fee payment card".split()  # noqa: SIM905
)


def is_critical(name: str) -> bool:
    """Return whether a field may move money or name whose matter it is: it needs a quote or a record.

    >>> is_critical("order_id"), is_critical("taxId"), is_critical("city")
    (True, True, False)
    """
    return bool({word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)} & _CRITICAL_WORDS)


def may_be_called(field: str, name: str) -> bool:
    """Return whether a document may say a field under another name: other capitals and signs, or more words.

    >>> may_be_called("order_id", "OrderID"), may_be_called("amount", "refund_amount"), may_be_called("fee", "coffee")
    (True, True, False)
    """
    words, others = _words_of(field), _words_of(name)
    letters, other_letters = "".join(words), "".join(others)
    return bool(words) and (
        letters == other_letters
        or {*words} <= {*others}
        or (len(letters) >= _TELLING_LETTERS and letters in other_letters)
    )


def is_same_name(field: str, name: str) -> bool:
    """Return whether two names have the same letters, whatever their capitals and signs are.

    >>> is_same_name("amount", "AMOUNT "), is_same_name("amount", "refund_amount")
    (True, False)
    """
    return "".join(_words_of(field)) == "".join(_words_of(name))


def _words_of(name: str) -> list[str]:
    parted = re.sub(r"(?<=[^\W\dA-Z_])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", normalize("NFKC", name))
    return re.findall(r"[^\W\d_]+", parted.casefold())


def _known_path(path: str) -> str:
    parse_path(path)
    return path


RecordPath = Annotated[str, AfterValidator(_known_path)]


class FieldRule(BaseModel):
    """What one field is.

    Attributes:
        kind: what its value is; a value of another type is made into it where that is sure.
        required: a document without it is incomplete.
        critical: None: its name says so (`is_critical`).
        sources: where records have it, the first that has it counts; `records.path`, as `record_paths.py` says.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: FieldKind = FieldKind.TEXT
    required: bool = True
    critical: bool | None = None
    sources: tuple[RecordPath, ...] = ()


class RecordRule(BaseModel):
    """When a record is the one that a document speaks of.

    Attributes:
        anchors: fields of the document by the path in the record that must say the same: one of them at least.
        agrees: further ones that must not say otherwise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    anchors: Mapping[str, RecordPath] = Field(min_length=1)
    agrees: Mapping[str, RecordPath] = Field(default_factory=dict)


class DocumentRules(BaseModel):
    """A kind of document.

    Raises:
        ValueError: a source or an anchor names what is not there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    fields: Mapping[str, FieldRule]
    records: Mapping[str, RecordRule] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _knows_what_it_names(self) -> Self:
        for name, rule in self.fields.items():
            for path in rule.sources:
                if path.partition(".")[0] not in (*self.records, DOCUMENT):
                    known = sorted({*self.records, DOCUMENT})
                    raise ValueError(f"fields.{name}: {path!r} is of no record; expected one of {known}")
        for record, of in self.records.items():
            if unknown := (of.anchors.keys() | of.agrees.keys()) - self.fields.keys():
                raise ValueError(f"records.{record}: {sorted(unknown)} are no fields; expected some of the fields")
        return self

    def is_critical(self, name: str) -> bool:
        """Return whether a field needs a quote or a record."""
        rule = self.fields.get(name)
        return is_critical(name) if rule is None or rule.critical is None else rule.critical

    def currency_field(self) -> str | None:
        """Return the field that says in what currency amounts are: of several the one of that name, None: none does.

        >>> DocumentRules(fields={"betrag": {"kind": "amount"}, "waehrung": {"kind": "currency"}}).currency_field()
        'waehrung'
        """
        names = [name for name, rule in self.fields.items() if rule.kind is FieldKind.CURRENCY]
        return names[0] if len(names) == 1 else next((name for name in names if name == "currency"), None)
