"""A value made into what its field holds, where that is sure; nothing is rounded, cut or guessed."""

import re
from dataclasses import dataclass

from domain.inbound.strict_json import Number
from domain.money.amount import CURRENCIES, exponent
from domain.repair.local_values import LocalReading, read_local_amount, read_local_date
from domain.repair.rules import FieldKind

_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.0{1,6})?", re.ASCII)
_NO_VALUE = frozenset({"n/a", "na", "none", "null", "nil", "undefined", "unknown", "tbd", "-", "--", "?", "nan"})
_EMPTY, _WORD_FOR_NOTHING = "empty", "a word for nothing"
_FLAGS = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True)
class Coerced:
    """The value, or why there is none (`why`)."""

    value: object = None
    why: str = ""

    @property
    def says_nothing(self) -> bool:
        """Whether there was nothing to read."""
        return self.why in (_EMPTY, _WORD_FOR_NOTHING)


def coerced(value: object, kind: FieldKind, *, currency: str | None = None, lang: str = "und") -> Coerced:
    """Return a value as its field holds it.

    >>> coerced("1.234,56", FieldKind.AMOUNT).value, coerced("1.234", FieldKind.AMOUNT).why
    ('1234.56', 'can be read as 1.234 or 1234')
    """
    if isinstance(value, str) and not isinstance(value, Number):
        value = value.strip()
    if value is None or value == "":
        return Coerced(why=_EMPTY)
    if isinstance(value, str) and value.casefold() in _NO_VALUE:
        return Coerced(why=_WORD_FOR_NOTHING)
    match kind:
        case FieldKind.TEXTS:
            return _texts(value)
        case FieldKind.FLAG:
            return _flag(value)
    if not isinstance(value, str):
        return Coerced(why=f"expected {kind}, not {type(value).__name__}")
    if kind is FieldKind.TEXT:
        return Coerced(str(value))
    if kind is FieldKind.WHOLE:
        return Coerced(Number(value.partition(".")[0])) if _WHOLE.fullmatch(value) else Coerced(why="no whole number")
    if kind is FieldKind.CURRENCY:
        return Coerced(value.upper()) if value.upper() in CURRENCIES else Coerced(why="no currency of ISO 4217")
    return _local(value, kind, currency if currency in CURRENCIES else None, lang)


def _local(value: str, kind: FieldKind, currency: str | None, lang: str) -> Coerced:
    """Read a day or an amount."""
    if kind is FieldKind.DAY:
        read = read_local_date(value, lang)
    else:
        read = _json_amount(value, currency) if isinstance(value, Number) else read_local_amount(value, currency, lang)
    if read.value is not None:
        return Coerced(Number(read.value) if kind is FieldKind.AMOUNT else read.value)
    return Coerced(why=f"can be read as {' or '.join(read.readings)}" if read.is_ambiguous else f"no {kind}")


def _json_amount(value: Number, currency: str | None) -> LocalReading:
    """Read a number of JSON: it is written with a point in every language."""
    places = exponent(currency) if currency else 3
    decimals = rf"(?:\.[0-9]{{1,{places}}})?" if places else ""
    return LocalReading((str(value),) if re.fullmatch(rf"[0-9]{{1,12}}{decimals}", value, re.ASCII) else ())


def texts_said(words: str) -> Coerced:
    r"""Return the texts that a customer's words are: a line or a semicolon parts them, a comma may or may not.

    >>> texts_said("- red lamp\n- blue lamp").value, texts_said("lamp, blue").why
    (['red lamp', 'blue lamp'], 'can be read as one text or as several')
    """
    parts = [part.strip(" \t-*•") for part in re.split(r"[\n;]", words)]
    parts = [part for part in parts if part]
    if any("," in part for part in parts):
        return Coerced(why="can be read as one text or as several")
    return Coerced(parts) if parts else Coerced(why=_EMPTY)


def _texts(value: object) -> Coerced:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        return Coerced(why="expected a list of texts")
    return Coerced([str(one) for one in value])


def _flag(value: object) -> Coerced:
    if isinstance(value, bool):
        return Coerced(value)
    meant = _FLAGS.get(value.lower()) if isinstance(value, str) else None
    return Coerced(why="neither true nor false") if meant is None else Coerced(meant)
