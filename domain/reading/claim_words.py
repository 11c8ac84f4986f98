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
    joints: _Plain = ()  # between a word for a refund and what is to be refunded: "me", "for"
    articles: _Plain = ()  # before what is to be refunded: "the", "my"
    not_goods: _Plain = ()  # which is no single thing out of an order: "order", "price"
    asks: _Plain = ()  # how wishes are said: "please", "can you"
    # Plain speech: of the words in a clause about a refund, and behind the last, all that are not listed are doubted.
    plain: _Plain = ()  # says nothing of how much, of what, or whether: "please", "my", "broken", "at this point"
    owed: _Plain = ()  # plain where policy fixes how much: "the duplicate charge"
    settles: _Plain = ()  # plain where an amount or a share is asked for: "I keep it and settle for 20 EUR"
    intact: _Plain = ()  # doubted anywhere: "fine", "other", "keep"
    contrasts: _Plain = ()  # doubted in a sentence about a refund: "but", "already"
    ifs: _Plain = ()  # so are conditions: "if", "when"
    polite: _Plain = ()  # phrases with such a word, or with thanks, that set no condition: "if possible"
    had: _Plain = ()  # doubted in a clause about a refund: "I got the refund"
    thanks: _Plain = ()  # doubted right before a refund; behind it they end a message, and a name may follow
    purposes: _Plain = ()  # behind an amount, and before what it is for
    demands: _Plain = ()  # "please", "want", "could": with one of them a clause asks for the refund it tells of
    states: _Plain = ()  # without one and with one of these it only tells: "I have my money back"
    refusals: _Plain = ()  # neither plain nor a name: "no", "stop", "solved"
    papers: _Plain = ()  # plain, but in a clause about a refund something else is asked for: "the refund number"
    ones: _Plain = ()  # before one thing out of several: "one cup", "the left shoe"
    # Why money is wanted back; each list bears the name of its `Reason`.
    duplicate_charge: _Plain = ()
    overcharged: _Plain = ()
    not_received: _Plain = ()
    damaged: _Plain = ()
    wrong_item: _Plain = ()
    late_delivery: _Plain = ()
    service_outage: _Plain = ()
    changed_mind: _Plain = ()
    unknown_charge: _Plain = ()
    denials: _Plain = ()  # right before a word of a reason they take it back: "not broken"
    replies: _Plain = ()  # right behind one, too: "have not received an answer"
    other_things: _Plain = ()  # in one clause with a fault: the goods did not come with it: "I dropped it"
    times: _Plain = ()  # where no date was promised, with one of them a fault is for a person: "it took weeks"


@lru_cache(maxsize=1024)
def pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """Return one pattern for a list of phrases, for texts that `fold` has folded."""
    return any_stem(phrases)


def any_stem(phrases: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern for one of the phrases in a folded text; of no phrases, one that matches nowhere.

    >>> bool(any_stem(["one of the", "partial*"]).search(fold("Une PARTIALLY")))
    True
    """
    whole, open_ones, anywhere = list[str](), list[str](), list[str]()
    for phrase in map(fold, phrases):
        (anywhere if _runs_on(phrase[0]) else open_ones if phrase.startswith("*") else whole).append(phrase)
    parts = [rf"(?:{'|'.join(map(_body, anywhere))})"] if anywhere else []
    if open_ones:
        parts.append(rf"(?<![^\W_])(?:{'|'.join(map(_body, open_ones))})")
    if whole:  # the first letters are looked at once, and only where a word begins: most places fail there
        first = "".join(sorted({re.escape(phrase[0]) for phrase in whole}))
        parts.append(rf"(?<![^\W_])(?=[{first}])(?:{'|'.join(map(_body, whole))})")
    return re.compile("|".join(parts) or "(?!)")


def _body(phrase: str) -> str:
    body = re.escape(phrase).replace(r"\ ", r"[\W_]{1,3}").replace(r"\*", r"\w{0,30}").replace("…", r"[^.!?\n]{1,40}?")
    body = body.replace("'", "'?").replace("ss", "(?:ss|ß)")  # people leave apostrophes out
    return body + ("" if _runs_on(phrase[-1]) or phrase.endswith("*") else r"(?![^\W_])")


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


_PLAIN = dict(zip("’ʼ‘`´łøđıæœ‐‑‒–—―−－", "'''''lodiao--------", strict=True))


@cache
def _folded(character: str) -> str:
    if character.casefold() in _PLAIN:
        return _PLAIN[character.casefold()]
    digit = unicodedata.digit(character, None)
    if digit is not None and unicodedata.category(character) == "Nd":
        return str(digit)
    plain = "".join(c for c in unicodedata.normalize("NFKD", character.casefold()) if not unicodedata.combining(c))
    return plain if len(plain) == 1 else character.casefold() if len(character.casefold()) == 1 else character
