"""What a message plainly says: the router guesses from all words alike, and its answer is held against this."""

import re
from functools import cache

from adapters.models.offline.claim import asks_for_money, asks_part_back, names_order, reason_in
from adapters.models.offline.words import any_of, folded, folded_in_place, lexicon
from domain.inbound.cleaned import ANSWERED, TOKEN
from domain.money.claim import Reason
from domain.routing import BILLING, SALES

_PHRASES = lexicon("evidence")
_STEMS = tuple(folded(word.rstrip("*")) for word in _PHRASES["saying_little"] if word.endswith("*"))
_WORDS = frozenset(folded(word) for word in _PHRASES["saying_little"] if not word.endswith("*"))

_LITTLE_CHARS = 400  # whoever writes more has said something, or nothing that a list of words could tell
_LINK = re.compile(r"(?:https?://|www\.)\S+")
_NAMES = r"(?P<names>(?:[ ]{0,3}[^\W\d_][\w'.-]{0,30}){1,3})"
_GREETED = re.compile(rf"\A\W*{any_of(_PHRASES['greetings']).pattern}{_NAMES}(?=\s*[,!.:;\n])")
_SIGNED = re.compile(rf"{any_of(_PHRASES['closings']).pattern}[ ,.!\n-]{{1,4}}{_NAMES}[\s.!]*\Z")
_WORD = re.compile(r"[^\W_]+(?:[-_./#][^\W_]+)*")
_PART = re.compile(r"[^\W_]+")
_NOT_COMPLAINTS = frozenset({Reason.OTHER, Reason.CHANGED_MIND})


def says_too_little(text: str) -> bool:
    """Say whether a message has nothing but references, hints at something else, courtesies and names in it.

    >>> says_too_little("Hello Ann, my order number is ORD-10036. Thanks"), says_too_little("ORD-10036 is late")
    (True, False)
    """
    bare = _LINK.sub(" ", TOKEN.sub(" ", text.replace(ANSWERED, " "))).strip()
    if len(bare) > _LITTLE_CHARS or asks_for_money(bare) or reason_in(bare) is not Reason.OTHER:
        return False
    return all(_is_little(word) for word in _WORD.findall(folded(_without_names(bare))))


def held_against(text: str, label: str | None) -> str | None:
    """Return the router's queue if nothing in the message speaks plainly against it, else the right one, or none.

    Money back for an order, for something that went wrong, or a share of the price is a matter of Billing. An order
    that something went wrong with is no interest in another, and one that is to go back is a matter of Billing, too.

    >>> held_against("ORD-10074 arrived broken. I want half of the price back.", "Sales")
    'Billing'
    """
    if label is None or label == BILLING:
        return label
    order, reason = names_order(text), reason_in(text)
    complaint = reason not in _NOT_COMPLAINTS
    if asks_for_money(text) and (order or complaint or asks_part_back(text)):
        return BILLING
    if label == SALES and order and reason is Reason.CHANGED_MIND:
        return BILLING
    return None if label == SALES and order and complaint else label


def _without_names(text: str) -> str:
    for pattern in (_GREETED, _SIGNED):
        found = pattern.search(folded_in_place(text))
        if found is None:
            continue
        start, end = found.span("names")
        if all(word[0].isupper() for word in text[start:end].split()):
            text = f"{text[:start]} {text[end:]}"
    return text


@cache
def _is_little(word: str) -> bool:
    if any(character.isdigit() for character in word):
        return True
    return all(part in _WORDS or part.startswith(_STEMS) for part in _PART.findall(word))
