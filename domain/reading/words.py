"""Words that rules look for in messages: lists by language, content of the blueprint (`words/LANG.toml`).

The lists of all languages are joined: nobody can tell for sure in which language a message is, and a list that is not
looked at protects nobody.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictStr

from domain.cache.lexicon import GuardWords
from domain.reading.claim_words import ClaimWords

_SIGNS = {"{": "(?:", "}": ")", "[": "(?:", "]": ")?", "|": "|", "…": ".{1,80}"}
_CLOSED_BY = {"{": "}", "[": "]"}


def phrase_pattern(phrase: str) -> str:
    r"""Return the regular expression of a phrase: `{a|b}` is one of them, `[a|b]` one of them or nothing, `…` up to 80
    characters, all else stands for itself.

    >>> phrase_pattern("[Kind ]{regards|wishes}")
    '(?:Kind\\ )?(?:regards|wishes)'
    """
    return "".join(_SIGNS.get(sign) or re.escape(sign) for sign in phrase)


def _checked(phrase: str) -> str:
    open_ones: list[str] = []
    for sign in phrase:
        if sign in _CLOSED_BY:
            open_ones.append(_CLOSED_BY[sign])
        elif sign in _CLOSED_BY.values() and (not open_ones or open_ones.pop() != sign):
            raise ValueError(f"{sign!r} closes nothing")
        elif sign == "|" and not open_ones:
            raise ValueError("'|' stands only within {…} or […]")
    if open_ones:
        raise ValueError(f"{open_ones[-1]!r} is missing")
    if re.compile(phrase_pattern(phrase)).fullmatch(""):
        raise ValueError("it holds no word that must be there")
    return phrase


Plain = tuple[Annotated[StrictStr, Field(pattern=r"\S")], ...]
Phrases = tuple[Annotated[StrictStr, AfterValidator(_checked)], ...]


class MailWords(BaseModel):
    """How older messages, signatures and legal notices in a mail are known; signs as `phrase_pattern` reads them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wrote: Phrases = ()  # On …, Ann Bell "wrote":
    wrote_bare: Phrases = ()  # the same where no colon need follow
    wrote_starts: Phrases = ()  # how such a line begins: "On"
    wrote_inside: Phrases = ()  # Ann Bell "wrote" on …:
    first_person: Phrases = ()  # "I" wrote: the sender's own story, no older message
    dividers: Phrases = ()  # between dashes: "Original Message"
    forwards: Phrases = ()  # behind dashes: "Forwarded message"
    forwards_bare: Phrases = ()  # without dashes
    headers: Phrases = ()  # of a quoted message: "Sent" (… :)
    first_headers: Phrases = ()  # with which its headers begin: "From" (… :)
    answers_below: Phrases = ()  # the sender says that answers stand inside the quoted message
    passed_on: Phrases = ()  # how the subject of a forwarded message begins: "Fwd" (… :)
    sent_from: Phrases = ()  # what programs add at the end
    closings: Phrases = ()  # above a name
    kept: Phrases = ()  # how words begin before a number that must stay although it stands in a signature
    contacts: Phrases = ()  # "tel", "fax"
    notices: Phrases = ()  # how legal notices begin
    notice_words: Phrases = ()  # what they hold
    auto_subjects: Phrases = ()  # with which the subject of an answer by a machine begins: "Automatic reply" (… :)
    bounce_subjects: Phrases = ()  # with which that of a report begins that a letter did not arrive
    bounce_texts: Phrases = ()  # and one of its first lines
    receipt_subjects: Phrases = ()  # with which the subject of a receipt begins: "Read" (… :)
    receipt_texts: Phrases = ()  # and one of its first lines


class SalesWords(BaseModel):
    """How those who want to buy are known, and those who want to sell; signs as `claim_words` reads them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    needs: Plain = ()  # how customers say what they want: whoever says none of them asks for nothing
    offers: Plain = ()  # whoever says one of them sells to us, or writes to many: "backlink*", "you have won"
    hints: Plain = ()  # so does who says two different ones: "your website", "our agency"
    small: Plain = ()  # frequent words, beside `common` and `telling`: sentences in Latin letters have one
    fillers: Plain = ()  # words of filler text: "lorem"


class Words(BaseModel):
    """The words of one language, or of all of them joined."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    negations: Plain = ()  # before an amount: "minus" 20
    magnitudes: Plain = ()  # behind an amount: 20 "thousand"
    common: Plain = ()  # every message has them; sharing them with an article says nothing
    mail: MailWords = Field(default_factory=MailWords)
    sales: SalesWords = Field(default_factory=SalesWords)
    claim: dict[str, ClaimWords] = Field(default_factory=dict)  # by language, ISO 639-1
    guard: GuardWords = Field(default_factory=GuardWords)  # by which near misses of reused answers are known


_LISTS = ("negations", "magnitudes", "common")


def joined(lists: Sequence[Words]) -> Words:
    """Return the words of all languages, each once."""
    plain = {name: _union(getattr(words, name) for words in lists) for name in _LISTS}
    mail = {name: _union(getattr(words.mail, name) for words in lists) for name in MailWords.model_fields}
    sales = {name: _union(getattr(words.sales, name) for words in lists) for name in SalesWords.model_fields}
    claim = {lang: found for words in lists for lang, found in words.claim.items()}
    guard = GuardWords()
    for words in lists:
        guard = guard.plus(words.guard)
    return Words(
        negations=plain["negations"],
        magnitudes=plain["magnitudes"],
        common=plain["common"],
        mail=MailWords(**mail),
        sales=SalesWords(**sales),
        claim=claim,
        guard=guard,
    )


def lists_of(words: Words) -> dict[str, tuple[str, ...]]:
    """Return all lists that every language adds to, by their keys: `common`, `mail.wrote`."""
    plain: dict[str, tuple[str, ...]] = {name: getattr(words, name) for name in _LISTS}
    mail = {f"mail.{name}": getattr(words.mail, name) for name in MailWords.model_fields}
    return plain | mail | {f"sales.{name}": getattr(words.sales, name) for name in SalesWords.model_fields}


def _union(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(phrase for phrases in lists for phrase in phrases))


def any_of(words: Iterable[str]) -> str:
    r"""Return a regular expression for one of the words, as they are; of no words, one that matches nowhere.

    >>> any_of(["minus", "c.a."]), any_of([])
    ('(?:minus|c\\.a\\.)', '(?!)')
    """
    return _one_of(map(re.escape, words))


def any_phrase(phrases: Iterable[str]) -> str:
    """Return a regular expression for one of the phrases; of no phrases, one that matches nowhere."""
    return _one_of(map(phrase_pattern, phrases))


def _one_of(patterns: Iterable[str]) -> str:
    alternatives = "|".join(patterns)
    return f"(?:{alternatives})" if alternatives else "(?!)"
