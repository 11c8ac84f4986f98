"""What is wrong with a value in a file of an operator's, in plain words and with the remedy, not in pydantic's own."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel

_WHOLE = "expected a whole number; write digits alone, without quotes or a point"
_NUMBER = "expected a number; write it without quotes, with a point as in 0.5"
_YES_NO = "expected true or false; write it without quotes"
_TEXT = 'expected a text; write it in quotes: "…"'
_LIST = "expected a list; write it in brackets: […]"
_TABLE = "expected a table of keys; write it as [name] with lines below it, or as { key = value }"
_DATE = "expected a date and time as 2026-03-04T05:06:07Z"
_DAY = "expected a day as 2026-03-04"

_Words = Callable[[Mapping[str, Any]], str]  # Any: what a rule says about itself
_PLAIN: dict[str, str | _Words] = {
    "missing": "it is missing; add it",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), _WHOLE),
    **dict.fromkeys(("float_type", "float_parsing", "decimal_type", "decimal_parsing"), _NUMBER),
    "finite_number": "expected a number with an end, neither inf nor nan; write digits",
    **dict.fromkeys(("bool_type", "bool_parsing"), _YES_NO),
    **dict.fromkeys(("string_type", "string_unicode", "string_sub_type"), _TEXT),
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type", "iterable_type"), _LIST),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type", "dataclass_type", "mapping_type"), _TABLE),
    **dict.fromkeys(("datetime_type", "datetime_parsing", "datetime_from_date_parsing"), _DATE),
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"), _DAY),
    "json_invalid": lambda rule: f"it is no valid JSON ({rule.get('error', '')}); mend it",
    "json_type": "expected JSON; mend it",
    **dict.fromkeys(("enum", "literal_error"), lambda rule: f"expected one of {_choices(rule)}; write one of these"),
    "greater_than": lambda rule: f"expected more than {_bound(rule['gt'])}; write a larger number",
    "greater_than_equal": lambda rule: f"expected {_bound(rule['ge'])} or more; write a larger number",
    "less_than": lambda rule: f"expected less than {_bound(rule['lt'])}; write a smaller number",
    "less_than_equal": lambda rule: f"expected {_bound(rule['le'])} or less; write a smaller number",
    "multiple_of": lambda rule: f"expected a multiple of {rule['multiple_of']}; write one",
    "string_pattern_mismatch": lambda rule: f"expected the form {rule['pattern']}; write it in that form",
    "string_too_short": lambda rule: f"expected {_chars(rule['min_length'])} or more; lengthen it",
    "string_too_long": lambda rule: f"expected {_chars(rule['max_length'])} or fewer; shorten it",
    "too_short": lambda rule: f"expected {_entries(rule['min_length'])} or more; add some",
    "too_long": lambda rule: f"expected {_entries(rule['max_length'])} or fewer; take some out",
}
_SHOWS_NO_VALUE = frozenset({"missing", "json_invalid"})  # what stands around the key would be shown
_FOUND_CHARS = 80


def mistake(found: Mapping[str, Any], model: type[BaseModel] | None = None, *, quote: bool = True) -> str:
    """Return what is wrong with a value, what was found, what was expected and what to do.

    Args:
        found: what pydantic says (`ErrorDetails`), with its input.
        model: what was read; with it, a key that is none gets the nearest right one.
        quote: show the value; not where it may be a secret.

    >>> mistake({"type": "int_parsing", "loc": ("limit",), "msg": "Input should be …", "input": "abc"})
    "found 'abc', expected a whole number; write digits alone, without quotes or a point"
    """
    kind = found["type"]
    if kind == "extra_forbidden":
        return f"there is no such key; {_instead(found['loc'], model)}"
    said = _PLAIN.get(kind) or found["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    words = said if isinstance(said, str) else said(found.get("ctx", {}))
    return words if kind in _SHOWS_NO_VALUE or not quote else f"found {_short(found['input'])}, {words}"


def keys_of(model: type[BaseModel], where: Sequence[int | str]) -> list[str]:
    """Return the keys that a table of a model may have; [] where that cannot be told."""
    kinds: list[Any] = [model]  # Any: annotations
    for part in where:
        kinds = [inner for kind in kinds for inner in _below(kind, part)]
    return [name for kind in kinds for at in _models(kind) for name in at.model_fields]


def _instead(where: Sequence[int | str], model: type[BaseModel] | None) -> str:
    known = keys_of(model, where[:-1]) if model is not None else []
    near = difflib.get_close_matches(str(where[-1]), known, 1, 0.6)
    if near:
        return f"write {near[0]!r}, or take it out"
    return f"take it out, known are {', '.join(known)}" if known else "take it out"


def _below(kind: Any, part: int | str) -> Iterable[Any]:  # noqa: ANN401 - an annotation
    """Return what may stand in a kind of value under a key or number."""
    named = [at.model_fields[str(part)].annotation for at in _models(kind) if str(part) in at.model_fields]
    return named or [inner for inner in get_args(kind) if _models(inner)]


def _models(kind: Any) -> list[type[BaseModel]]:  # noqa: ANN401 - an annotation
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [found for inner in get_args(kind) for found in _models(inner)]


def _choices(rule: Mapping[str, Any]) -> str:
    return str(rule.get("expected", "")).replace(" or ", ", ")


def _bound(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)


def _chars(number: int) -> str:
    return f"{number} character" if number == 1 else f"{number} characters"


def _entries(number: int) -> str:
    return f"{number} entry" if number == 1 else f"{number} entries"


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _FOUND_CHARS else f"{shown[: _FOUND_CHARS - 1]}…"
