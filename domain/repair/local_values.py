"""Amounts and dates as people of different places write them: what can be read two ways is said to be so.

"1.234,56" has one reading, "1.234" two, "03/04/2026" two. The language of whoever wrote it decides between two, where
it is known; nothing else does.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from domain.money.amount import exponent

_MONEY = re.compile(r"[0-9][0-9.,'’ \u00a0\u202f]{0,24}", re.ASCII)
_DECIMAL_COMMA = frozenset(
    "bg ca cs da de el es et fi fr hr hu id is it lt lv nb nl nn no pl pt ro ru sk sl sr sv tr uk vi".split()  # noqa: SIM905
)
_DECIMAL_POINT = frozenset("ar en he hi ja ko ms th zh".split())  # noqa: SIM905 - one code a line would be a page
_POINT_ELSEWHERE = frozenset({"de-ch", "de-li", "es-mx", "es-us", "es-pr", "es-gt", "es-pe", "it-ch"})
_MONTH_FIRST = frozenset({"en-us", "en-ph"})
_UNDECIDED = frozenset({"en", "und", ""})  # "en" alone is written in either order
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ]\d{2}:\d{2}.*)?", re.ASCII | re.DOTALL)
_NUMERIC = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})", re.ASCII)


@dataclass(frozen=True)
class LocalReading:
    """What a text may mean: no reading, one, or several; only one counts."""

    readings: tuple[str, ...] = ()

    @property
    def value(self) -> str | None:
        """The one meaning, None if there is none or several."""
        return self.readings[0] if len(self.readings) == 1 else None

    @property
    def is_ambiguous(self) -> bool:
        """Whether it can be read in several ways."""
        return len(self.readings) > 1


def read_local_amount(text: str, currency: str | None = None, lang: str = "und") -> LocalReading:
    """Return the amounts that a text may mean, with a decimal point; with `currency` only those that it can have.

    >>> read_local_amount("1.234,56").value, read_local_amount("1.234").readings
    ('1234.56', ('1.234', '1234'))
    """
    written = text.strip()
    if not _MONEY.fullmatch(written):
        return LocalReading()
    places = exponent(currency) if currency else 3
    by_sign = {sign: read for sign in ".," if (read := _amount(written, sign, places)) is not None}
    decimal = _decimal_sign(lang)
    if decimal is not None and decimal not in by_sign and _signs(written) == [decimal]:
        return LocalReading()  # a decimal sign in that language, where no decimals can be
    if decimal is not None and decimal in by_sign and len(set(by_sign.values())) > 1:
        return LocalReading((by_sign[decimal],))
    return LocalReading(tuple(sorted(set(by_sign.values()))))


def _signs(written: str) -> list[str]:
    return re.findall(r"[^0-9]", written)


def _amount(written: str, decimal: str, places: int) -> str | None:
    """Read an amount with that decimal sign; its thousands are in groups of three, all set apart by one other sign."""
    whole, dot, part = written.partition(decimal)
    if decimal in part or (dot and not re.fullmatch(rf"[0-9]{{1,{places}}}" if places else r"(?!)", part, re.ASCII)):
        return None
    if len(set(signs := _signs(whole))) > 1 or (
        signs and not re.fullmatch(r"[0-9]{1,3}(?:[^0-9][0-9]{3})+", whole, re.ASCII)
    ):
        return None
    digits = re.sub(r"[^0-9]", "", whole)
    return f"{digits}{'.' + part if dot else ''}" if len(digits) <= 12 else None


def _decimal_sign(lang: str) -> str | None:
    code = lang.lower().replace("_", "-")
    base = code.partition("-")[0]
    if code in _POINT_ELSEWHERE or base in _DECIMAL_POINT:
        return "."
    return "," if base in _DECIMAL_COMMA else None


def read_local_date(text: str, lang: str = "und") -> LocalReading:
    """Return the days that a text may mean, in ISO form; a year in two digits is none.

    >>> read_local_date("03/04/2026").readings, read_local_date("03.04.2026").value
    (('2026-03-04', '2026-04-03'), '2026-04-03')
    """
    written = text.strip()
    if (iso := _ISO.fullmatch(written)) is not None:
        return LocalReading(tuple(_days((iso[1], iso[2], iso[3]))))
    found = _NUMERIC.fullmatch(written)
    if found is None:
        return LocalReading()
    first, sign, second, year = found.groups()
    day_first, month_first = tuple(_days((year, second, first))), tuple(_days((year, first, second)))
    if sign == "." or not month_first or day_first == month_first:
        return LocalReading(day_first)
    if not day_first:
        return LocalReading(month_first)
    code = lang.lower().replace("_", "-")
    if code in _MONTH_FIRST:
        return LocalReading(month_first)
    return LocalReading((*month_first, *day_first) if code in _UNDECIDED else day_first)


def _days(parts: tuple[str, str, str]) -> Iterator[str]:
    year, month, day = map(int, parts)
    try:
        yield date(year, month, day).isoformat()
    except ValueError:
        return
