"""What stands beside a number and may make it another amount: thousands, per cent, another currency."""

import re
import unicodedata
from typing import NamedTuple

from domain.money.amount import CURRENCIES, CURRENCIES_BY_MARK

_AROUND = 24  # characters
_SCALES = re.compile(
    r"""(?:k|m|mn|bn|tsd|mil|mio|mln|mld|mrd|тыс|млн|grand|cien|ciento|cento|mila|dozen|dutzend|docena|douzaine|lakh|crore
    |(?:thousand|hundred|million|milion|millon|miljoen|miljon|milhõe|milhão|milliard|miliard|billion|billón|tausend|hundert
    |mille|millier|millar|mile|duizend|honderd|tusen|tusind|hundra|tysi|tisíc|тысяч|миллион|percent|prozent|procent|cent
    |千|万|萬|百|億|억|만|천)\w*)(?!\w)""",
    re.VERBOSE | re.IGNORECASE,
)
_NEGATIVE = re.compile(r"minus|moins|menos|meno|negativ\w*", re.IGNORECASE)
_WORD_BEHIND, _WORD_BEFORE = re.compile(r"[^\W\d_]+"), re.compile(r"[^\W\d_]+\Z")
_EMPTY_CENTS = re.compile(r"[.,][-–—]{1,2}")
_MARKS = sorted(CURRENCIES_BY_MARK, key=len, reverse=True)
_UNKNOWN = "?"


class AmountBeside(NamedTuple):
    """What stands beside a number: whether it is of thousands, per cent or negative, and which currencies are named.

    `is_dollar` says that it is a dollar sign alone, which any dollar may be.
    """

    is_scaled: bool
    currencies: frozenset[str]
    is_dollar: bool = False


def amount_beside(text: str, start: int, end: int) -> AmountBeside:
    """Return what stands beside a number in a text, from `start` up to `end`.

    >>> amount_beside("50 thousand", 0, 2).is_scaled, amount_beside("US$ 50", 4, 6).currencies
    (True, frozenset({'USD'}))
    """
    before = text[max(0, start - _AROUND) : start].rstrip()
    behind = _EMPTY_CENTS.sub("", text[end : end + _AROUND].lstrip(), count=1).lstrip()
    word = _WORD_BEFORE.search(before)
    is_scaled = _SCALES.match(behind) is not None or (
        word is not None and any(kind.fullmatch(word[0]) for kind in (_SCALES, _NEGATIVE))
    )
    named = frozenset(mark for mark in (_mark_before(before), _mark_behind(behind)) if mark is not None)
    return AmountBeside(is_scaled, named, "$" in (before[-1:], behind[:1]))


def _mark_before(before: str) -> str | None:
    said = before.casefold()
    for mark in _MARKS:
        if said.endswith(mark) and not (mark[0].isalnum() and said[: -len(mark)][-1:].isalnum()):
            return CURRENCIES_BY_MARK[mark]
    word = _WORD_BEFORE.search(before)
    return _named(word[0] if word is not None else before[-1:])


def _mark_behind(behind: str) -> str | None:
    said = behind.casefold()
    for mark in _MARKS:
        if said.startswith(mark) and not (mark[-1].isalnum() and said[len(mark) :][:1].isalnum()):
            return CURRENCIES_BY_MARK[mark]
    word = _WORD_BEHIND.match(behind)
    return _named(word[0] if word is not None else behind[:1])


def _named(sign: str) -> str | None:
    """Return the currency that a code names; a sign of money that nobody here knows is some other one."""
    if sign in CURRENCIES:
        return sign
    return _UNKNOWN if len(sign) == 1 and unicodedata.category(sign) == "Sc" else None
