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
    found = [share for share in (_percent(text, words), _fraction(text), _named(text, words)) if share is not None]
    if len(set(found)) != 1:
        raise ValueError(f"share {text!r}: expected one share such as '25 percent' or 'half', found {len(found)}")
    points = int(found[0] * WHOLE_SHARE)
    if not 0 < points <= WHOLE_SHARE:
        raise ValueError(f"share {text!r}: expected more than 0 and at most 100 percent")
    return points


def _percent(text: str, words: ClaimWords) -> Fraction | None:
    sign = any_stem(words.percents).pattern
    match = re.search(rf"(?<![\d.,])(\d{{1,3}}(?:[.,]\d{{1,2}})?)\s?(?:[%٪﹪]|-?(?:{sign}))", text)
    return Fraction(match[1].replace(",", ".")) / 100 if match else None


def _fraction(text: str) -> Fraction | None:
    if match := _FRACTION.search(text):
        return Fraction(int(match[1]), int(match[2]))
    for character in text:
        if unicodedata.category(character) == "No" and 0 < unicodedata.numeric(character) < 1:
            return Fraction(unicodedata.numeric(character)).limit_denominator(10)
    return None


def _named(text: str, words: ClaimWords) -> Fraction | None:
    for phrases, share in ((words.halves, (1, 2)), (words.thirds, (1, 3)), (words.quarters, (1, 4))):
        if any_stem(phrases).search(text):
            return Fraction(*share)
    return None
