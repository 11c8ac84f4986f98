"""A document that the customer answers with: it fills what the first one lacks, and never says otherwise unheard."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from domain.repair.document import Damage, MendedDocument, same
from domain.repair.healing import FieldMark, HealedDocument, MarkedField, healed
from domain.repair.kinds import DocumentKind

ANSWER = "the answer's document"
"""The source of a field that a document of an answer says."""


@dataclass(frozen=True)
class AnsweredFields:
    """What documents of answers say: fields that the first one lacks, and those of which they say something else."""

    proven: Mapping[str, MarkedField] = field(default_factory=dict)
    contradicted: Sequence[str] = ()


def fields_answered(
    first: HealedDocument, answers: Sequence[MendedDocument], kind: DocumentKind, *, lang: str = "und"
) -> AnsweredFields:
    """Return what the documents of answers say, the newest last. Only what is required and missing in the first one is
    taken, and only if it is sure; what contradicts the first one, or another answer, is for a person.
    """
    proven: dict[str, MarkedField] = {}
    contradicted: list[str] = []
    asked = frozenset(first.missing)
    for document in answers:
        said = healed(document, kind, {}, lang=lang)
        if Damage.SEVERAL in document.damage:
            continue
        for name, told in said.fields.items():
            if name not in kind.fields or told.standing is not FieldMark.GIVEN:
                continue
            known = first.fields[name] if name not in asked else proven.get(name)
            if known is None:
                proven[name] = MarkedField(name, told.value, FieldMark.DERIVED, told.critical, source=ANSWER)
            elif known.is_sure and known.value is not None and not same(known.value, told.value):
                contradicted.append(name)
    return AnsweredFields(proven, list(dict.fromkeys(contradicted)))


def is_json_object(text: str) -> bool:
    """Return whether a text is nothing but a JSON object.

    >>> is_json_object(' {"vat_id": "DE1"} '), is_json_object("see {}")
    (True, False)
    """
    if not text.lstrip().startswith("{"):
        return False
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
