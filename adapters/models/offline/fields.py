"""The task `repair`: fields that a document lacks, copied out of the message where it names them."""

import re
from collections.abc import Iterator

from adapters.models.offline.task import Answer, Task

_READ_CHARS = 8_000
# `*+` gives nothing back: else a line of blanks would take time that grows with the fourth power of its length.
_BETWEEN = r"[ \t]*+(?:\b(?:is|was|are|ist|war|sind|lautet|est|es|son|sont)\b[ \t]*+)?[:=]?[ \t]*+"
_VALUES = {
    "amount": r"[-\u2212]?[0-9](?:[0-9.,'\u00a0 ]{0,20}[0-9])?",
    "whole": r"[0-9]{1,18}(?![0-9.,])",
    "currency": r"[A-Za-z]{3}\b",
    "day": r"[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}|[0-9]{1,2}\.? \w{3,12} [0-9]{4}",
    "flag": r"(?:true|false|yes|no)\b",
}
_LINE = r"[^\n]{1,200}?(?=[ \t]*+[.;]?[ \t]*+(?:\n|$))"
_ID = r"(?=[^\s,;:=]{0,60}[0-9])[^\s,;:=]{2,60}(?<![.!?])"
_WORD = r"[^\s,;]{1,100}(?<![.])"


def find_fields(task: Task) -> Answer:
    """Answer with the values that stand behind the names of fields; what is named twice with two values is left out."""
    facts = task.block("facts")
    wanted = facts.get("fields") if isinstance(facts, dict) else None
    if not isinstance(wanted, list):
        return Answer(refusal="there are no fields to look for")
    text = task.ticket[:_READ_CHARS]
    return Answer(value={"fields": [found for field in wanted if (found := _found(field, text)) is not None]})


def _found(field: object, text: str) -> dict[str, object] | None:
    if not isinstance(field, dict) or not isinstance(field.get("name"), str):
        return None
    places = {match["value"]: match.start("value") for match in _matches(field, text)}
    if len(places) != 1:
        return None
    [(value, offset)] = places.items()
    return {"name": field["name"], "value": value, "quote": value, "offset": offset}


def _matches(field: dict[str, object], text: str) -> Iterator[re.Match[str]]:
    name, called = str(field["name"]), str(field.get("called") or "")
    labels = {label for label in (called, name, name.replace("_", " ")) if label}
    of_label = "|".join(re.escape(label) for label in sorted(labels, key=len, reverse=True))
    is_id = name.endswith(("_id", "_no", "number"))
    if is_id:  # "for order ORD-1": what it is an id of, before something with a digit
        stem = name.rpartition("_")[0] if "_" in name else name.removesuffix("number")
        yield from re.finditer(rf"(?<![\w-])(?:{re.escape(stem)})(?!\w){_BETWEEN}(?P<value>{_ID})", text, re.IGNORECASE)
    value = _VALUES.get(str(field.get("kind"))) or (_WORD if is_id else _LINE)
    yield from re.finditer(rf"(?<![\w-])(?:{of_label}){_BETWEEN}(?P<value>{value})", text, re.IGNORECASE)
    short = [word for word in str(field.get("in_short") or "").split(", ") if word]
    if short:  # one word of a name counts only where it surely is one: at the beginning of a line, before a colon
        either = "|".join(map(re.escape, short))
        yield from re.finditer(rf"(?m)^[ \t]*+(?:{either})[ \t]*+[:=][ \t]*+(?P<value>{value})", text, re.IGNORECASE)
