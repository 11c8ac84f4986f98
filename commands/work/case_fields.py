"""The fields of a case's document, for people: what each is, where it is from, what is missing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from domain.repair.answered import ANSWER
from domain.repair.healing import QUOTE, FieldMark

_ORIGIN_CHARS = max(len(mark) for mark in FieldMark)


def field_lines(fields: Sequence[Mapping[str, Any]], asked_for: Sequence[str]) -> Iterator[str]:
    """Yield a line for each field of a document as `cases show --json` has them. `asked_for` are those that the newest
    letter asked for.
    """
    width = max((len(field["name"]) for field in fields), default=0)
    for field in fields:
        yield f"{field['name']:{width}}  {field['origin']:{_ORIGIN_CHARS}}  {_told(field, asked_for)}".rstrip()


def without_fields(notes: Sequence[str], fields: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the notes that say more than the fields do, which say where each is from, or was before an answer."""
    said = tuple(f"{field['name']}: {mark}" for field in fields for mark in FieldMark)
    return [note for note in notes if not note.startswith(said)]


def _told(field: Mapping[str, Any], asked_for: Sequence[str]) -> str:
    value = " ".join(filter(None, (field["value"], field["currency"])))
    why = f" ({field['why']})" if field["why"] else ""
    match field["origin"]:
        case FieldMark.MISSING:
            asked = "its customer was asked for it" if field["name"] in asked_for else "not asked for"
            return f"{asked}{why}"
        case FieldMark.DERIVED:
            return f"{value}, from {_source(field)}"
        case FieldMark.GUESSED:
            return f"{value or 'no value'}, nothing is decided on it{why}"
    return value or "empty"


def _source(field: Mapping[str, Any]) -> str:
    if field["source"] == QUOTE:
        return f"the words “{field['quote']}”"
    return str(field["source"]) if field["source"] == ANSWER else f"our record: {field['source']}"
