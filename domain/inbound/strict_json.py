"""JSON read strictly: whatever two parsers could read differently is refused.

Refused: NaN and Infinity, a key twice in one object, bytes that are not UTF-8, lone surrogates, control characters
inside strings, nesting deeper than `MAX_DEPTH`, numbers longer than `MAX_NUMBER` characters. Numbers stay their source
text, so that an amount is never a float. Who can tell what becomes of half a surrogate pair (a text that was cut inside
an emoji) may ask for it: `halves`.
"""

import json
import re
from typing import NoReturn

from domain.errors import StrictJSONError

MAX_DEPTH = 32
MAX_NUMBER = 64

# Half of a pair, escaped: only a body that has one of these can hold a lone surrogate, as raw ones are no UTF-8.
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


class Number(str):
    """A JSON number as its exact source text."""

    __slots__ = ()


def in_any_language(number: str) -> str:
    """Return a number with a decimal point, so written that no language takes its point for one of thousands.

    >>> in_any_language("1.234"), in_any_language("12.50")
    ('1.2340', '12.50')
    """
    return f"{number}0" if re.fullmatch(r"[0-9]+\.[0-9]{3}", number, re.ASCII) else str(number)


def _number(text: str) -> Number:
    if len(text) > MAX_NUMBER:
        raise StrictJSONError(f"a number of {len(text)} characters: at most {MAX_NUMBER} are read")
    return Number(text)


def _constant(name: str) -> NoReturn:
    raise StrictJSONError(f"{name} is no JSON number")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise StrictJSONError(f"the key {twice[:64]!r} stands twice in one object")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_number, parse_int=_number, parse_constant=_constant)


def loads(body: bytes, *, halves: bool = False) -> object:
    """Decode a JSON document; numbers come back as `Number`, lone surrogates as they are with `halves`.

    Raises:
        StrictJSONError: as the module says; the message can be shown to the sender.

    >>> loads(b'{"amount": 20.50}')
    {'amount': '20.50'}
    """
    try:
        value: object = _DECODER.decode(body.decode("utf-8-sig"))
    except UnicodeDecodeError as e:
        raise StrictJSONError(f"byte {e.start} is not UTF-8") from None
    except json.JSONDecodeError as e:
        raise StrictJSONError(f"{e.msg} at line {e.lineno}, column {e.colno}") from None
    except RecursionError:
        raise StrictJSONError(f"nested deeper than {MAX_DEPTH} levels") from None
    # The costly passes run only over bodies in which they could find something.
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH:
        _check_depth(value)
    if not halves and b"\\u" in body and _SURROGATE_ESCAPE.search(body):
        _check_surrogates(value)
    return value


def _check_depth(value: object) -> None:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [inner for outer in level for inner in _parts(outer)]
        if not level:
            return
    raise StrictJSONError(f"nested deeper than {MAX_DEPTH} levels")


def _parts(value: object) -> list[object]:
    """Return an empty list for what holds nothing; an empty object or list counts as a level by itself."""
    if isinstance(value, dict):
        return list(value.values()) or [None]
    return (list(value) or [None]) if isinstance(value, list) else []


def _check_surrogates(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise StrictJSONError("a \\u escape is half of a surrogate pair: no character stands for it") from None
