"""Documents that are broken by rule, with what each should become: for `headgate eval repair --made`."""

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

SEED = 13

_WORDS = (
    "the", "kettle", "came", "broken", "and", "I", "want", "my", "money", "back", "please", "order", "refund", "late",
    "parcel", "two", "of", "them", "are", "missing",
)  # fmt: skip
_ODD = (
    "it's here",
    "Müller, Anna",
    "see https://example.com/a?b=1",
    "10:30, maybe",
    "50% {off}",
    "a [b] c",
    "é ü 漢字",
    "",
)
_NAMES = (
    "id", "text", "subject", "customer", "city", "zip", "note", "items", "total", "paid", "tags", "lang", "street",
    "options",
)  # fmt: skip
_TRUNCATED_AT_LEAST = 2
_SIGNS = '"{}[]:,'


class MadeDocument(NamedTuple):
    """A broken document; `expected` is what it should become, None where people must be told that it is not whole."""

    kind: str
    broken: str
    expected: object


def made_documents(count: int, seed: int) -> Iterator[MadeDocument]:
    """Yield so many documents, the same for a seed, of each kind in turn."""
    draw = random.Random(seed)
    kinds = [*_MENDED, *_TOLD]
    for number in range(count):
        kind = kinds[number % len(kinds)]
        document = _document(draw)
        while (broken := {**_MENDED, **_TOLD}[kind](document, draw)) is None:
            document = _document(draw)
        yield MadeDocument(kind, broken, document if kind in _MENDED else None)


def _document(draw: random.Random) -> dict[str, Any]:
    names = draw.sample(_NAMES, draw.randint(2, 7))
    return {name: _value(draw, 2) for name in names}


def _value(draw: random.Random, depth: int) -> object:
    kind = draw.choice(("text", "text", "text", "number", "number", "word", "list", "object"))
    if kind == "number":
        return draw.choice((draw.randint(0, 10**6), round(draw.uniform(0, 5000), 2)))
    if kind == "word":
        return draw.choice((True, False, None))
    if kind == "list" and depth:
        return [_value(draw, depth - 1) for _ in range(draw.randint(0, 3))]
    if kind == "object" and depth:
        return {name: _value(draw, depth - 1) for name in draw.sample(_NAMES, draw.randint(1, 3))}
    return draw.choice(_ODD) if draw.random() < 0.25 else " ".join(draw.sample(_WORDS, draw.randint(1, 8)))


def _text(document: object, draw: random.Random) -> str:
    return json.dumps(document, ensure_ascii=False, indent=draw.choice((None, 2)))


def _some_text_of(document: Mapping[str, object]) -> str | None:
    return next((name for name, value in document.items() if isinstance(value, str) and len(value.split()) > 1), None)


# --- damage: None where the document has nothing that can be damaged so -------------------------------------


def _single_quotes(document: dict[str, Any], _: random.Random) -> str | None:
    said = repr(document)
    return None if '"' in said else said.replace("True", "true").replace("False", "false").replace("None", "null")


def _python(document: dict[str, Any], draw: random.Random) -> str | None:
    said = _text(document, draw)
    broken = re.sub(r"(?<=[:\[,] )(true|false|null)(?=[,}\]\n])", lambda found: _PYTHON[found[1]], said)
    return broken if broken != said else None


_PYTHON = {"true": "True", "false": "False", "null": "None"}


def _bare_keys(document: dict[str, Any], draw: random.Random) -> str | None:
    return re.sub(r'(?<=[{,\s])"([a-z]+)":', r"\1:", _text(document, draw))


def _trailing_commas(document: dict[str, Any], draw: random.Random) -> str | None:
    return re.sub(r"(\s*[}\]])$", r",\1", _text(document, draw))


def _missing_comma(document: dict[str, Any], draw: random.Random) -> str | None:
    said = json.dumps(document, ensure_ascii=False, indent=2)
    places = [found.start() for found in re.finditer(r',(?=\n  ")', said)]
    at = draw.choice(places)
    return said[:at] + said[at + 1 :]


def _comments(document: dict[str, Any], draw: random.Random) -> str | None:
    return _text(document, draw).replace("{", draw.choice(("{ // from the desk\n", "{ /* who, where */ ")), 1)


def _fenced(document: dict[str, Any], draw: random.Random) -> str | None:
    return f"Here is what you asked for:\n```json\n{_text(document, draw)}\n```\nTell me if anything is missing."


def _prose(document: dict[str, Any], draw: random.Random) -> str | None:
    return f"Sure, this is the payload: {_text(document, draw)}"


def _curly_quotes(document: dict[str, Any], draw: random.Random) -> str | None:
    said = _text(document, draw)
    return None if "\\" in said else re.sub(r'"([^"]*)"', r"“\1”", said)


def _line_break(document: dict[str, Any], draw: random.Random) -> str | None:
    name = _some_text_of(document)
    if name is None:
        return None
    document[name] = document[name].replace(" ", "\n", 1)
    return _text(document, draw).replace("\\n", "\n")


def _inner_quotes(document: dict[str, Any], draw: random.Random) -> str | None:
    name = _some_text_of(document)
    if name is None:
        return None
    first, *others = document[name].split()
    document[name] = " ".join((first, f'"{others[0]}"', *others[1:], "indeed"))
    return _text(document, draw).replace('\\"', '"')


def _missing_close(document: dict[str, Any], draw: random.Random) -> str | None:
    last = list(document.values())[-1]
    return _text(document, draw).rstrip("}\n") if isinstance(last, str) else None


def _cut(document: dict[str, Any], draw: random.Random) -> str | None:
    said = _text(document, draw)
    return said[: draw.randint(_TRUNCATED_AT_LEAST, len(said) - _TRUNCATED_AT_LEAST)]


def _several(document: dict[str, Any], draw: random.Random) -> str | None:
    return f"{_text(document, draw)}\n{_text(_document(draw), draw)}"


def _key_twice(document: dict[str, Any], draw: random.Random) -> str | None:
    name = next(iter(document))
    return f'{{"{name}": "another one", {_text(document, draw)[1:]}' if document[name] != "another one" else None


def _one_sign(document: dict[str, Any], draw: random.Random) -> str | None:
    """Lose, double or change one of the signs that hold JSON together."""
    said = _text(document, draw)
    at = draw.choice([place for place, sign in enumerate(said) if sign in _SIGNS])
    put = draw.choice(("", said[at] * 2, draw.choice(_SIGNS)))
    broken = said[:at] + put + said[at + 1 :]
    try:
        json.loads(broken)
    except ValueError:
        return broken
    return None


_Damage = Callable[[dict[str, Any], random.Random], str | None]
_MENDED: dict[str, _Damage] = {
    "single_quotes": _single_quotes,
    "python_words": _python,
    "bare_keys": _bare_keys,
    "trailing_comma": _trailing_commas,
    "missing_comma": _missing_comma,
    "comment": _comments,
    "fenced": _fenced,
    "prose": _prose,
    "curly_quotes": _curly_quotes,
    "line_break": _line_break,
    "inner_quotes": _inner_quotes,
    "missing_close": _missing_close,
    "one_sign": _one_sign,
}
_TOLD: dict[str, _Damage] = {"cut": _cut, "several": _several, "key_twice": _key_twice}
