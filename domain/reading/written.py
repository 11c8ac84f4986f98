"""Amounts as people write them, read only where there is one reading.

`read_amount` undoes a closed list of spellings (currency sign or code, thousands separators, decimal comma, `50,-`)
and hands the rest to the strict grammar of `domain.money.amount`. Whatever could mean two amounts, is negative, is no
ASCII digit or is a word has no reading here.
"""

import re
import unicodedata
from typing import NamedTuple

from domain.money.amount import CURRENCIES_BY_MARK, DOLLARS, Money, exponent, parse_amount

_NO_CURRENCY = "XXX"  # ISO 4217: it has two decimals, as shares are written
_MARKS = "|".join(re.escape(mark) for mark in sorted(CURRENCIES_BY_MARK, key=len, reverse=True))

# Which sign groups thousands where a language leaves no doubt; a lone separator before three digits is undecided
# elsewhere.
_GROUPING_BY_LANGUAGE = {
    "en": ",",
    "de": ".",
    "es": ".",
    "it": ".",
    "pt": ".",
    "nl": ".",
    "da": ".",
    "ja": ",",
    "zh": ",",
}
_GROUPING_BY_CURRENCY = {"USD": ",", "GBP": ",", "JPY": ","}

_BLANKS = "\u0020\u00a0\u2009\u202f"
_NUMBER = rf"(?:[0-9]{{1,3}}(?:[{_BLANKS}][0-9]{{3}})+(?![0-9])|[0-9]+)(?:[.,'’][0-9]+)*(?:[.,][-–—]{{1,2}})?"
_WRITTEN = re.compile(
    rf"(?:(?P<before>{_MARKS})[{_BLANKS}]?)?(?P<number>{_NUMBER})(?:[{_BLANKS}]?(?P<after>{_MARKS}))?", re.IGNORECASE
)
# A line break or the border of a table cell may part a number from the mark behind it.
_GAP = rf"[{_BLANKS}]?(?:[\n|][{_BLANKS}]?)?"
_IN_TEXT = re.compile(
    rf"(?<![\w.,])(?:(?:{_MARKS})[{_BLANKS}]?{_NUMBER}(?:[{_BLANKS}](?:usd|eur|gbp|chf|cad|aud)(?!\w))?|{_NUMBER}{_GAP}(?:{_MARKS})(?!\w))",
    re.IGNORECASE,
)
_PARTING = re.compile(rf"[{_BLANKS}]?[\n|][{_BLANKS}]?")
_PLAIN = re.compile(r"[0-9]+")
_EMPTY_CENTS = re.compile(r"[.,][-–—]{1,2}$")
_LONGEST = 40


class Written(NamedTuple):
    """An amount with a currency mark as it stands in a text."""

    start: int
    end: int
    text: str


def find_amounts(text: str) -> list[Written]:
    """Return every number with a currency sign, code or word beside it, in order.

    >>> [w.text for w in find_amounts("I paid $1,234.50, not 20 EUR.")]
    ['$1,234.50', '20 EUR']
    """
    return [Written(m.start(), m.end(), m.group()) for m in _IN_TEXT.finditer(text)]


def read_amount(raw: str, *, currency: str | None = None, lang: str = "und") -> Money:
    """Read an amount as written.

    Args:
        raw: the amount, with or without a currency sign, code or word.
        currency: the currency named elsewhere, ISO 4217; it must agree with the one in `raw`.
        lang: language of the message (BCP 47); it decides what `1,234` means.

    Raises:
        ValueError: it is negative, zero, a word, ambiguous, names no currency or two, or is no amount at all.

    >>> read_amount("1.234,50 EUR", lang="de").minor
    123450
    """
    text = _PARTING.sub(" ", raw.strip())
    if not text or len(text) > _LONGEST:
        raise ValueError(f"amount {raw[:_LONGEST]!r}: expected 1 to {_LONGEST} characters")
    if any(unicodedata.category(c).startswith("N") and not c.isascii() for c in text):
        raise ValueError(f"amount {text!r}: expected the digits 0 to 9")
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise ValueError(f"amount {text!r}: expected one positive number, for example '20.00' or '$1,234.50'")
    unit = _one_currency(text, match["before"], match["after"], currency)
    money = parse_amount(_plain_number(match["number"], unit, lang), unit)
    if money.minor == 0:
        raise ValueError(f"amount {text!r}: an amount of zero asks for nothing")
    return money


def read_decimal(raw: str, lang: str) -> str:
    """Return a number without a currency with at most one full stop as its decimal sign.

    Raises:
        ValueError: it is no plain positive number, or has two readings.

    >>> read_decimal("1.234,50", "de"), read_decimal("15", "und")
    ('1234.50', '15')
    """
    if len(raw) > _LONGEST or re.fullmatch(_NUMBER, raw) is None:
        raise ValueError(f"number {raw[:_LONGEST]!r}: expected one positive number, for example '20.00'")
    return _plain_number(raw, _NO_CURRENCY, lang)


def _one_currency(text: str, before: str | None, after: str | None, named: str | None) -> str:
    outside = named.strip().upper() if named and named.strip() else None
    found: list[str] = []
    for mark in (before, after):
        if mark is None:
            continue
        code = CURRENCIES_BY_MARK[mark.casefold()]
        found.append(outside if mark == "$" and outside in DOLLARS and outside is not None else code)
    if before == "$" and after is not None and found[1] in DOLLARS:
        found[0] = found[1]  # "$20 CAD" names one currency
    if outside is not None:
        found.append(outside)
    if not found:
        raise ValueError(f"amount {text!r}: no currency is named")
    if len(set(found)) > 1:
        raise ValueError(f"amount {text!r}: the currencies {sorted(set(found))!r} contradict each other")
    return found[0]


def _plain_number(number: str, currency: str, lang: str) -> str:
    """Return the number with at most one full stop as its decimal sign."""
    text = number.translate(dict.fromkeys(map(ord, _BLANKS), " ")).replace("’", "'")
    text = _EMPTY_CENTS.sub("", text)
    for sign in (" ", "'"):
        if sign in text:
            text = _without_groups(number, text, sign)
    dots, commas = text.count("."), text.count(",")
    if dots and commas:
        decimal = "." if text.rindex(".") > text.rindex(",") else ","
        grouping = "," if decimal == "." else "."
        whole, _, part = text.rpartition(decimal)
        if decimal in whole:
            raise ValueError(f"amount {number!r}: expected one decimal sign")
        return f"{_without_groups(number, whole, grouping)}.{part}"
    sign = "." if dots else ","
    if dots + commas == 0:
        return text
    if dots + commas > 1:
        return _without_groups(number, text, sign)
    whole, _, part = text.partition(sign)
    if len(part) != 3:
        return f"{whole}.{part}"
    return whole + part if _groups_thousands(number, sign, currency, lang) else f"{whole}.{part}"


def _groups_thousands(number: str, sign: str, currency: str, lang: str) -> bool:
    base = lang.casefold().split("-")[0].split("_")[0]
    grouping = _GROUPING_BY_LANGUAGE.get(base) or (_GROUPING_BY_CURRENCY.get(currency) if base in ("", "und") else None)
    if grouping != sign or exponent(currency) == 3 or number.startswith("0"):
        raise ValueError(f"amount {number!r}: {sign!r} may group thousands or part decimals here, both are possible")
    return True


def _without_groups(number: str, text: str, sign: str) -> str:
    """Take out thousands separators, which must stand before every third digit of the whole part and nowhere else."""
    whole, rest = text, ""
    if sign in " '":
        cut = re.search(r"[.,]", text)
        whole, rest = (text[: cut.start()], text[cut.start() :]) if cut else (text, "")
    first, *groups = whole.split(sign)
    grouped = 1 <= len(first) <= 3 and not first.startswith("0") and sign not in rest
    if groups and not (grouped and all(len(g) == 3 and _PLAIN.fullmatch(g) for g in groups)):
        raise ValueError(f"amount {number!r}: expected thousands in groups of three, for example '1,234,567.00'")
    return "".join([first, *groups]) + rest
