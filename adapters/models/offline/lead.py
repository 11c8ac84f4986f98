"""The task `lead`: what somebody who may buy is after, copied out of the message by rules in seven languages."""

import re

from adapters.models.offline.task import Answer, Task
from adapters.models.offline.words import any_of, country_in, folded, folded_in_place, lexicon
from domain.reading.sales import Interest

_READ_CHARS = 8_000
_QUOTE_CHARS = 380

_PHRASES = lexicon("lead")
# In the lexicon's order: the first that the message speaks of.
_INTERESTS = {
    interest: any_of(_PHRASES[interest]) for interest in (Interest(n) for n in _PHRASES if n in list(Interest))
}
_URGENT = any_of(_PHRASES["urgent"])
_NOT_URGENT = any_of(_PHRASES["not_urgent"])

_SEATS = re.compile(
    r"(?<![\w.,$€£-])(?P<n>[1-9][0-9]{0,2}(?:[.,' ][0-9]{3})+|[1-9][0-9]{0,6})\s*(?:x\s*)?(?:\w{1,12}\s+)?"
    + any_of(_PHRASES["seats"]).pattern
)
_NAME = r"[A-ZÀ-ÖØ-Þ][\w&.+'-]*"
_LEGAL = (
    r"(?:GmbH(?: & Co\.? KG)?|AG|KG|SE|Inc\.?|LLC|Ltd\.?|Limited|PLC|plc|Corp\.?|Corporation|S\.?A\.?S?\.?|SARL|"
    r"S\.?L\.?|S\.?r\.?l\.?|S\.?p\.?A\.?|Lda\.?|B\.?V\.?|N\.?V\.?|Oy|AB|ApS)"
)
_LEGAL_COMPANY = re.compile(
    rf"(?<!\w)(?P<c>{_NAME}(?: (?:& |and |und |et |y |e |en )?{_NAME}){{0,3}},? {_LEGAL})(?![\w])"
)
_COMPANY_CUE = any_of(_PHRASES["company_cues"])
_AFTER_CUE = re.compile(rf"[\s,:]+(?:(?:the|der|die|das|la|le)\s+)?(?P<c>{_NAME}(?: {_NAME}){{0,3}})")
_PLAN_WORD = any_of(_PHRASES["plan_words"])
_BEFORE_PLAN = re.compile(rf"(?<![\w.])(?P<p>{_NAME}(?: (?:{_NAME}|[0-9]{{1,4}})){{0,3}})[ -]$")
_AFTER_PLAN = re.compile(rf" (?P<p>{_NAME}(?: {_NAME}){{0,2}})")
_NAME_CHARS = 100
_NOT_NAMES = frozenset(_PHRASES["no_names"])


def read_lead(task: Task) -> Answer:
    """Answer from the message alone; what it does not say is null."""
    text = task.ticket[:_READ_CHARS]
    plain, in_place = folded(text), folded_in_place(text)
    interest, quote = _interest(text, in_place)
    return Answer(
        value={
            "interest": interest.value,
            "interest_quote": quote,
            "product": _product(text, in_place),
            "seats": _seats(plain),
            "country": country_in(plain),
            "urgent": bool(_URGENT.search(plain)) and not _NOT_URGENT.search(plain),
            "company": _company(text, in_place),
        }
    )


def _interest(text: str, in_place: str) -> tuple[Interest, str | None]:
    """Return the first interest that the message speaks of, and its words for it."""
    for interest, pattern in _INTERESTS.items():
        found = pattern.search(in_place)
        if found is not None:
            return interest, text[found.start() : found.end()][:_QUOTE_CHARS]
    return Interest.OTHER, None


def _seats(plain: str) -> int | None:
    found = {int(re.sub(r"\D", "", m["n"])) for m in _SEATS.finditer(plain)}
    found = {n for n in found if 1 <= n <= 1_000_000}
    return found.pop() if len(found) == 1 else None  # two numbers: which one is meant cannot be said


def _company(text: str, in_place: str) -> str | None:
    written = [m["c"] for m in _LEGAL_COMPANY.finditer(text)]
    cued = [_AFTER_CUE.match(text, m.end()) for m in _COMPANY_CUE.finditer(in_place)]
    return _first_name([*written, *(m["c"] for m in cued if m)])


def _product(text: str, in_place: str) -> str | None:
    found: list[str] = []
    for word in _PLAN_WORD.finditer(in_place):
        before = _BEFORE_PLAN.search(text, max(0, word.start() - _NAME_CHARS), word.start())
        after = _AFTER_PLAN.match(text, word.end())
        found += [m["p"] for m in (before, after) if m]
    return _first_name(found)


def _first_name(candidates: list[str]) -> str | None:
    """Return the first candidate that is a name once the words that only begin a sentence are gone."""
    for candidate in candidates:
        words = candidate.rstrip(".,'-&+ ").split()
        while words and words[0].casefold() in _NOT_NAMES:
            words.pop(0)
        name = " ".join(words)
        if name and len(name) <= _NAME_CHARS and country_in(folded(name)) is None:
            return name
    return None
