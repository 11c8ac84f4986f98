"""Broken JSON read by two readers: our own, and the library json-repair, which never says that it cannot."""

import contextlib
import math
import re
import sys
import time
from collections.abc import Iterator, Mapping

import json_repair

from adapters.repair.tolerant import read_tolerantly
from domain.errors import StrictJSONError
from domain.inbound import strict_json
from domain.inbound.strict_json import MAX_DEPTH, Number
from domain.repair.agreeing import DocumentReading, agreed
from domain.repair.document import NOTHING_READ, Damage, MendedDocument, TextPlace, same

MAX_MENDED = 32 * 1024
"""Characters; what is longer is for a person."""
_LIBRARY_WITHIN_S = 2.0  # some texts take it minutes
_OPEN_AT_MOST = 4 * MAX_DEPTH  # the library's time grows with the square of what is opened and never closed


_HALF = re.compile("[\ud800-\udfff]")  # what was lost; "?" in its place would end a sentence


class JsonMender:
    """A `DocumentMender` of two readers."""

    def mend(self, text: str) -> MendedDocument:
        """Return what a text says; strict JSON is read as it is, whatever its length."""
        whole = _HALF.sub("\ufffd", text)
        try:
            value = strict_json.loads(whole.encode())
        except StrictJSONError:
            return _mended(whole)
        if whole != text:
            return MendedDocument(value=value, damage=frozenset({Damage.CHARACTERS}))
        return MendedDocument(value=value, spans=_places(text, value))


def _mended(text: str) -> MendedDocument:
    if len(text) > MAX_MENDED or not text.strip():
        return NOTHING_READ
    ours = None
    with contextlib.suppress(StrictJSONError):
        ours = read_tolerantly(text)
    found = agreed(ours, _of_the_library(text))
    if found.found and not found.damage:  # nothing that was noted, and yet no strict JSON
        return MendedDocument(found.value, damage=frozenset({Damage.PUNCTUATION}), spans=found.spans)
    return found


def _places(text: str, value: object) -> Mapping[str, TextPlace]:
    """Return where the fields of a sound document stand."""
    if not isinstance(value, dict) or len(text) > MAX_MENDED:
        return {}
    with contextlib.suppress(StrictJSONError):
        ours = read_tolerantly(text)
        return ours.spans if same(ours.value, value) else {}
    return {}


def _of_the_library(text: str) -> DocumentReading | None:
    """Return what the library makes of a text; of one without an object or a list it makes nothing worth reading."""
    if sum(text.count(sign) for sign in "{[(") - sum(text.count(sign) for sign in "}])") > _OPEN_AT_MOST:
        return None
    try:
        with _ending_after(_LIBRARY_WITHIN_S):
            value = json_repair.loads(text, skip_json_loads=True)
    except (ValueError, RecursionError, TimeoutError):
        return None
    if not isinstance(value, dict | list):
        return None
    damage: set[Damage] = set()
    return DocumentReading(value=_exact(value, damage), damage=damage, guessed=True)


@contextlib.contextmanager
def _ending_after(seconds: float) -> Iterator[None]:
    """End pure Python code of this thread that takes longer: no other thread could.

    Raises:
        TimeoutError: it took longer.
    """
    deadline = time.monotonic() + seconds

    def look(*_: object) -> None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"it took longer than {seconds:g} s")

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(before)


def _exact(value: object, damage: set[Damage]) -> object:
    """Return a value of the library with its numbers as texts; what is no number is left out and noted."""
    match value:
        case dict():
            return {str(_exact(str(key), damage)): _exact(inner, damage) for key, inner in value.items()}
        case list():
            return [_exact(inner, damage) for inner in value]
        case bool():
            return value
        case int():
            return Number(value)
        case float():
            if math.isfinite(value):
                return Number(repr(value))
            damage.add(Damage.NOT_FINITE)
            return None
        case str():
            return _HALF.sub("\ufffd", value)
    return value
