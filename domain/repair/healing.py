"""An incomplete document filled from records: each field is given, derived or guessed, and what is missing is said.

Nothing is inferred. What the document says is given, at its place; what a record says that is surely the one meant is
derived, with the record's path; a value that cannot be believed (cut off, given twice, read two ways) is guessed, and
of a critical field it is missing. Whatever else is missing is for the customer to say.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from domain.inbound.strict_json import Number
from domain.repair.coercion import coerced
from domain.repair.document import Damage, MendedDocument, TextPlace, same
from domain.repair.record_paths import look_up
from domain.repair.rules import (
    DOCUMENT,
    DocumentRules,
    FieldKind,
    FieldRule,
    RecordRule,
    is_same_name,
    may_be_called,
)

QUOTE = "quote"
"""The source of a field that words of the customer say."""


class FieldMark(StrEnum):
    """How a field came by its value."""

    GIVEN = "given"  # the document says so
    DERIVED = "derived"  # a record says so
    GUESSED = "guessed"  # it cannot be believed: nothing is decided on it
    MISSING = "missing"


@dataclass(frozen=True)
class MarkedField:
    """A field with its value; `span` is where the document says it, `source` which record does."""

    name: str
    value: object = None
    standing: FieldMark = FieldMark.MISSING
    critical: bool = False
    span: TextPlace | None = None
    source: str = ""
    why: str = ""  # it is missing or guessed

    @property
    def is_sure(self) -> bool:
        """Whether something may be decided on it."""
        return self.standing in (FieldMark.GIVEN, FieldMark.DERIVED)


@dataclass(frozen=True)
class HealedDocument:
    """The fields by name, and what was wrong with the document; `tainted` goes with it up to the gate."""

    fields: Mapping[str, MarkedField]
    damage: frozenset[Damage] = frozenset()
    required: frozenset[str] = frozenset()

    @property
    def missing(self) -> list[str]:
        """The required fields that have no value, as they are to be asked for."""
        return [
            name for name, one in self.fields.items() if name in self.required and one.standing is FieldMark.MISSING
        ]

    @property
    def tainted(self) -> bool:
        """Whether a value of it that counts is not as its sender wrote it."""
        return bool(self.damage) or self.has(FieldMark.DERIVED) or self.has(FieldMark.GUESSED)

    def has(self, mark: FieldMark) -> bool:
        """Return whether a field that counts came by its value in this way."""
        return any(one.standing is mark and (one.critical or one.name in self.required) for one in self.all_fields)

    @property
    def all_fields(self) -> Sequence[MarkedField]:
        """The fields in their order."""
        return list(self.fields.values())

    def values(self) -> dict[str, object]:
        """Return all values, guessed ones too; None where there is none."""
        return {name: one.value for name, one in self.fields.items()}


def healed(
    document: MendedDocument,
    rules: DocumentRules,
    records: Mapping[str, object],
    *,
    lang: str = "und",
    proven: Mapping[str, MarkedField] = MappingProxyType({}),
    because: Mapping[str, str] = MappingProxyType({}),
) -> HealedDocument:
    """Return a document with its fields marked, and filled where a record of its own says what is missing. `proven` are
    fields that it lacks and that a quote proves; `because` says of doubted ones why they are, where that is known.
    """
    return _Healing(document, rules, records, lang, because).healed(proven)


def currency_in(fields: Mapping[str, MarkedField], rules: DocumentRules) -> str | None:
    """Return in what currency the amounts of a document are, None while that is not sure."""
    field = fields.get(rules.currency_field() or "")
    return str(field.value) if field is not None and field.is_sure and field.value is not None else None


class _Healing:
    def __init__(
        self,
        document: MendedDocument,
        rules: DocumentRules,
        records: Mapping[str, object],
        lang: str,
        because: Mapping[str, str],
    ) -> None:
        self._document = document
        self._rules = rules
        self._records = records
        self._lang = lang
        self._because = because
        self._fields: dict[str, MarkedField] = {}
        self._unreadable: set[str] = set()  # critical ones: what the document says of them no record says better

    def healed(self, proven: Mapping[str, MarkedField]) -> HealedDocument:
        said = self._document.value if isinstance(self._document.value, dict) else {}
        names = (*self._rules.fields, *(name for name in said if name not in self._rules.fields))
        currency = self._rules.currency_field()
        for name in sorted(names, key=lambda name: name != currency):  # amounts are read in it
            self._fields[name] = self._given(name, said.get(name))
        self._fields = {name: self._fields[name] for name in names}
        self._doubt_other_names(said)
        self._fields |= {name: field for name, field in proven.items() if not self._fields[name].is_sure}
        for _ in range(len(self._records) + 1):  # a record may name what the next one is known by
            for name, rule in self._rules.fields.items():
                if not self._fields[name].is_sure and name not in self._unreadable:
                    self._fields[name] = self._derived(self._fields[name], rule)
        self._fields = {name: self._in_its_currency(field) for name, field in self._fields.items()}
        self._believe_no_doubtful_ones()
        required = frozenset(name for name, rule in self._rules.fields.items() if rule.required)
        return HealedDocument(self._fields, self._document.damage, required)

    def _given(self, name: str, value: object) -> MarkedField:
        rule = self._rules.fields.get(name)
        field = MarkedField(name, critical=self._rules.is_critical(name), span=self._document.spans.get(name))
        if rule is not None:
            read = coerced(value, rule.kind, currency=currency_in(self._fields, self._rules), lang=self._lang)
            if read.why:
                why = "" if value is None else read.why
                if field.critical and not read.says_nothing:
                    self._unreadable.add(name)
                return MarkedField(name, critical=field.critical, span=field.span, why=why)
            value = read.value
        doubted = name in self._document.doubted or Damage.SEVERAL in self._document.damage
        return MarkedField(
            name,
            value,
            FieldMark.GUESSED if doubted else FieldMark.GIVEN,
            field.critical,
            field.span,
            why=self._because.get(name, "it cannot be read for sure") if doubted else "",
        )

    def _doubt_other_names(self, said: Mapping[str, object]) -> None:
        """Leave out a critical field that the document may say under another name: `Amount`, `refund_amount`."""
        others = dict(_others(said, self._rules.fields))
        for name in filter(self._rules.is_critical, self._rules.fields):
            field = self._fields[name]
            if field.value is None:
                is_doubted = any(may_be_called(name, other) for other in others)
            else:
                is_doubted = any(is_same_name(name, other) and value != said[name] for other, value in others.items())
            if is_doubted:
                self._unreadable.add(name)
                why = field.why or "the document may say it under another name"
                self._fields[name] = MarkedField(name, critical=True, span=field.span, why=why)

    def _in_its_currency(self, field: MarkedField) -> MarkedField:
        """Take the value from an amount that was read before its currency was known, if there is none such in it."""
        rule = self._rules.fields.get(field.name)
        if rule is None or rule.kind is not FieldKind.AMOUNT or field.value is None:
            return field
        read = coerced(field.value, rule.kind, currency=currency_in(self._fields, self._rules))
        return MarkedField(field.name, critical=field.critical, span=field.span, why=read.why) if read.why else field

    # --- records --------------------------------------------------------------------------------------------

    def _derived(self, field: MarkedField, rule: FieldRule) -> MarkedField:
        for path in rule.sources:
            name = path.partition(".")[0]
            is_meant = name == DOCUMENT or self._is_the_one(name, self._rules.records[name])
            if is_meant is None:  # what it says would count before what other records do
                return replace(field, why=f"whether {name} is meant is not known")
            if not is_meant:
                continue
            found = look_up(self._all_records(), path, self._sure)
            if not found.values:
                continue
            if not found.many and not _is_one(found.values, strictly=field.critical):
                return replace(field, why=f"{path} has several")
            raw = list(found.values) if found.many and rule.kind is FieldKind.TEXTS else found.values[0]
            if found.many and rule.kind is not FieldKind.TEXTS and not _is_one(found.values, strictly=field.critical):
                return replace(field, why=f"{path} has several")
            read = coerced(raw, rule.kind, currency=currency_in(self._fields, self._rules))
            if not read.why:
                return MarkedField(field.name, read.value, FieldMark.DERIVED, field.critical, source=path)
        return field

    def _all_records(self) -> Mapping[str, object]:
        own = {name: field.value for name, field in self._fields.items() if field.is_sure}
        return {**self._records, DOCUMENT: own}

    def _is_the_one(self, name: str, rule: RecordRule) -> bool | None:
        """Return whether a record is the one that the document speaks of, None where nobody can say."""
        if self._records.get(name) is None:
            return False
        judged = [self._says(field, f"{name}.{path}") for field, path in rule.anchors.items()]
        agreeing = [self._says(field, f"{name}.{path}") for field, path in rule.agrees.items()]
        if False in (*judged, *agreeing):
            return False
        return True in judged or None

    def _says(self, name: str, path: str) -> bool | None:
        """Return whether a record says the same as a field; None where one of them says nothing."""
        field, found = self._fields[name], look_up(self._records, path, self._sure).values
        if not field.is_sure or not found:
            return None
        return any(_same_id(field.value, value) for value in found)

    def _sure(self, name: str) -> object:
        field = self._fields.get(name)
        return field.value if field is not None and field.is_sure else None

    def _believe_no_doubtful_ones(self) -> None:
        """Take the value from critical fields that were only guessed."""
        for name, field in self._fields.items():
            if field.critical and field.standing is FieldMark.GUESSED:
                self._fields[name] = MarkedField(name, critical=True, span=field.span, why=field.why)


def _others(said: Mapping[str, object], known: Container[str]) -> Iterator[tuple[str, object]]:
    """Yield what a document says under names that are no fields, and what stands in objects under such names."""
    for name, value in said.items():
        if name not in known and not coerced(value, FieldKind.TEXT).says_nothing:
            yield name, value
            if isinstance(value, dict):
                yield from _others(value, ())


def _is_one(values: Sequence[object], *, strictly: bool) -> bool:
    return len(values) == 1 or (not strictly and all(same(values[0], value) for value in values[1:]))


def _same_id(one: object, other: object) -> bool:
    """Compare ids: a number that is one is the same as its digits."""
    if isinstance(one, Number | str) and isinstance(other, Number | str):
        return str(one).strip() == str(other).strip()
    return same(one, other)
