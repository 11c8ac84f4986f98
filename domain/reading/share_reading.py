"""A share of a price as people write it: percent, a fraction, "half"; read only where there is one reading."""

import re
import unicodedata
from fractions import Fraction

from domain.money.claim import WHOLE_SHARE
from domain.reading.claim_words import ClaimWords, any_stem, fold

_FRACTION = re.compile(r"([1-9])\s?[/⁄]\s?([2-9]|10)")
_LONGEST = 40


def read_share(written: str, words: ClaimWords) -> int:
    """Return a share in basis points (2,500 are 25 percent), rounded down.

    Raises:
        ValueError: it is none, none between 0 and 100 percent, or has more than one reading.

    >>> read_share("12.5 %", ClaimWords()), read_share("1/3", ClaimWords())
    (1250, 3333)
    """
    text = fold(" ".join(written.split()))
    if not text or len(text) > _LONGEST:
        raise ValueError(f"share {written[:_LONGEST]!r}: expected 1 to {_LONGEST} characters")
    found = {*_percents(text, words), *_fractions(text), *_named(text, words)}
    if len(found) != 1:
        raise ValueError(f"share {text!r}: expected one share such as '25 percent' or 'half', found {len(found)}")
    points = int(found.pop() * WHOLE_SHARE)
    if not 0 < points <= WHOLE_SHARE:
        raise ValueError(f"share {text!r}: expected more than 0 and at most 100 percent")
    return points


def _percents(text: str, words: ClaimWords) -> list[Fraction]:
    sign = any_stem(words.percents).pattern
    written = re.findall(rf"(?<![\w.,+−-])(\d{{1,3}}(?:[.,]\d{{1,2}})?)\s?(?:[%٪﹪]|-?(?:{sign}))", text)
    return [Fraction(number.replace(",", ".")) / 100 for number in written]


def _fractions(text: str) -> list[Fraction]:
    signs = [unicodedata.numeric(c) for c in text if unicodedata.category(c) == "No"]
    return [
        *(Fraction(int(over), int(under)) for over, under in _FRACTION.findall(text)),
        *(Fraction(value).limit_denominator(10) for value in signs if 0 < value < 1),
    ]


def _named(text: str, words: ClaimWords) -> list[Fraction]:
    shares = ((words.halves, Fraction(1, 2)), (words.thirds, Fraction(1, 3)), (words.quarters, Fraction(1, 4)))
    return [share for phrases, share in shares if any_stem(phrases).search(text)]
