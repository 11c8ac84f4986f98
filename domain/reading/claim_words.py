"""Words by which code checks a claim beside the model: content of the blueprint, `[claim.LANG]` in `words/LANG.toml`.

A phrase is read without case and accents; `*` is the rest of a word, a blank any gap between two words, `…` up to 40
characters within a sentence. In scripts that are written without blanks a phrase may stand anywhere.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache

from pydantic import BaseModel, ConfigDict, StrictStr

_Plain = tuple[StrictStr, ...]


class ClaimWords(BaseModel):
    """How people say that they want a part, have changed their mind, or want something else."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    telling: _Plain = ()  # frequent words by which a text in this language is known
    refunds: _Plain = ()  # money back
    orders: _Plain = ()  # before the number of an order
    all: _Plain = ()  # "the full amount", "I just want": these words limit nothing
    halves: _Plain = ()
    thirds: _Plain = ()
    quarters: _Plain = ()
    parts: _Plain = ()  # a part, wherever it stands: "one of the", "partial"
    partial: _Plain = ()  # a part that policy may fix: "the difference", "a part of the price"
    limits: _Plain = ()  # a part where it stands in a sentence about a refund: "only"
    ranges: _Plain = ()  # around an amount: "up to"
    exceptions: _Plain = ()  # "all but"
    beside: _Plain = ()  # what is charged beside goods: "shipping costs"
    percents: _Plain = ()
    numbers: _Plain = ()  # from two on; words that mean something else in another language are left out
    currencies: _Plain = ()
    counted: _Plain = ()  # what a harmless number counts: "days", "times"
    months: _Plain = ()
    references: _Plain = ()  # before a number that names something: "invoice"
    withdrawn: _Plain = ()
    conditions: _Plain = ()
    disputes: _Plain = ()
    remedies: _Plain = ()  # instead of money, wanted or sent: "replacement"
    also: _Plain = ()  # how one more wish may begin
    asks: _Plain = ()  # how wishes are said: "please", "can you"


@lru_cache(maxsize=512)
def pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """Return one pattern for a list of phrases, for texts that `fold` has folded."""
    return any_stem(phrases)


def any_stem(phrases: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern for one of the phrases in a folded text; of no phrases, one that matches nowhere.

    >>> bool(any_stem(["one of the", "partial*"]).search(fold("Une PARTIALLY")))
    True
    """
    return re.compile("|".join(map(_stem, phrases)) or "(?!)")


def _stem(phrase: str) -> str:
    plain = fold(phrase)
    body = re.escape(plain).replace(r"\ ", r"[\W_]{1,3}").replace(r"\*", r"\w*").replace("…", r"[^.!?\n]{1,40}?")
    body = body.replace("'", "'?").replace("ss", "(?:ss|ß)")  # people leave apostrophes out
    start = "" if _runs_on(plain[0]) else r"(?<![^\W_])"
    end = "" if _runs_on(plain[-1]) or plain.endswith("*") else r"(?![^\W_])"
    return f"{start}(?:{body}){end}"


def _runs_on(character: str) -> bool:
    """Tell whether words of this script stand without blanks, or take others in front (Arabic, Hebrew)."""
    name = unicodedata.name(character, "")
    return name.startswith(("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI", "ARABIC LETTER", "HEBREW LETTER"))


def fold(text: str) -> str:
    """Return the text without case and accents, one character for one, so that places in it are places in the text.

    >>> fold("Zurück à l’envoyeur")
    "zuruck a l'envoyeur"
    """
    return text.lower() if text.isascii() else "".join(map(_folded, text))


_PLAIN = dict(zip("’ʼ‘`´łøđıæœ", "'''''lodiao", strict=True))


@cache
def _folded(character: str) -> str:
    if character.casefold() in _PLAIN:
        return _PLAIN[character.casefold()]
    digit = unicodedata.digit(character, None)
    if digit is not None and unicodedata.category(character) == "Nd":
        return str(digit)
    plain = "".join(c for c in unicodedata.normalize("NFKD", character.casefold()) if not unicodedata.combining(c))
    return plain if len(plain) == 1 else character.casefold() if len(character.casefold()) == 1 else character
