"""Why money is wanted back, in the customer's own words: what a model says of it counts only where they say it, too.

A late parcel that a model calls damaged would be paid in full instead of the fifth that a delay is worth. So a reason
needs a quote that stands in the message, and in the quote, or in its sentence, a word of that very reason by the
blueprint's lists; a word that is denied ("not broken, only late"), or said of something else than the goods ("you broke
your promise"), is none. Where the records do not settle it, a message that tells of something else besides, worth
another sum, is for a person.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import islice

from domain.money.claim import FAULTS, Reason
from domain.reading.claim_words import ClaimWords, pattern
from domain.reading.sentences import MessageText, Span, lies_in

TOLD = (
    Reason.DUPLICATE_CHARGE,
    Reason.UNKNOWN_CHARGE,
    Reason.OVERCHARGED,
    Reason.WRONG_ITEM,
    Reason.DAMAGED,
    Reason.LATE_DELIVERY,
    Reason.NOT_RECEIVED,
    Reason.SERVICE_OUTAGE,
    Reason.CHANGED_MIND,
)
"""The reasons that have words; of two that are told equally often the first is meant."""

_CHARGES = frozenset({Reason.DUPLICATE_CHARGE, Reason.OVERCHARGED, Reason.UNKNOWN_CHARGE})
_DELAYS = frozenset({Reason.LATE_DELIVERY, Reason.NOT_RECEIVED, Reason.SERVICE_OUTAGE})
# What must not be told besides. Of wrong charges and of what never came the records say whether and how much.
_CONTRADICTED: Mapping[Reason, frozenset[Reason]] = {
    Reason.DAMAGED: _DELAYS | _CHARGES,
    Reason.WRONG_ITEM: _DELAYS | _CHARGES,
    Reason.CHANGED_MIND: _DELAYS | _CHARGES,
    Reason.LATE_DELIVERY: FAULTS | _CHARGES,
    Reason.SERVICE_OUTAGE: _CHARGES,
}
_CLAUSE_END = re.compile(r"[,;:.!?()]")
_REACH = 30  # characters before or behind a word in which it is taken back
_CLAUSE = 120  # characters of a clause that are looked at on either side of a word
_WORDS_BETWEEN = 2  # "not even slightly broken"
_MOST = 50  # places of one kind that are looked at; nobody says more


def reasons_told(message: MessageText, languages: Sequence[ClaimWords]) -> dict[Reason, list[Span]]:
    """Return the reasons that a message tells, with the places of their words.

    Of words that lie within others the longer ones count: "en panne" is no outage, "return the money" no return of
    goods. Words that are denied do not count.

    Args:
        message: the message.
        languages: the words of each language that it may be in.
    """
    plain = message.plain.replace("\n", " ")  # mail programs wrap lines, and a phrase may stand on two
    found: dict[Reason, list[Span]] = {reason: [] for reason in TOLD}
    longer: list[Span] = []
    for words in languages:
        for reason in TOLD:
            whole, gapped = (_places(phrases, plain, message) for phrases in _split(getattr(words, reason)))
            found[reason] += [*whole, *gapped]
            longer += whole
        longer += _places(_split(words.refunds)[0], plain, message)
    told: dict[Reason, list[Span]] = {}
    for reason, places in found.items():
        kept = [p for p in dict.fromkeys(places) if not _is_in_longer(p, longer)]
        kept = [p for p in kept if not any(_is_taken_back(p, reason, plain, words) for words in languages)]
        if kept:
            told[reason] = kept
    return told


def likeliest(told: Mapping[Reason, Sequence[Span]]) -> Reason:
    """Return the reason that is told most often, `OTHER` where none is."""
    return max(told, key=lambda reason: len(told[reason]), default=Reason.OTHER)


def quoted_places(quote: str | None, message: MessageText) -> list[Span]:
    """Return where the words that a model quotes stand in the message; blanks may be others than there."""
    words = (quote or "").split()
    if not words:
        return []
    gaps = re.compile(r"\s+".join(map(re.escape, words)))
    return [Span(*found.span()) for found in islice(gaps.finditer(message.text), _MOST)]


def is_proven(reason: Reason, quote: str | None, message: MessageText, told: Mapping[Reason, Sequence[Span]]) -> bool:
    """Say whether the quote proves the reason, and nothing that is told besides contradicts it."""
    if not _CONTRADICTED.get(reason, frozenset()).isdisjoint(told):
        return False
    places = quoted_places(quote, message)
    if any(place.meets(other) for place in places for others in told.values() for other in others):
        return any(place.meets(own) for place in places for own in told.get(reason, ()))
    around = [sentence for sentence in message.sentences if any(sentence.meets(place) for place in places)]
    return any(lies_in(own, around) for own in told.get(reason, ()))


def is_wished(quote: str | None, message: MessageText, words: ClaimWords) -> bool:
    """Say whether the quote, or its sentence, has a word for money back."""
    places = quoted_places(quote, message)
    wishes = message.places(pattern(words.refunds))
    around = [sentence for sentence in message.sentences if any(sentence.meets(place) for place in places)]
    return any(lies_in(wish, [*places, *around]) for wish in wishes)


@lru_cache(maxsize=512)
def _split(phrases: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the phrases without and with a gap: what stands within a gap is not the phrase's own."""
    return tuple(one for one in phrases if "…" not in one), tuple(one for one in phrases if "…" in one)


def _places(phrases: tuple[str, ...], plain: str, message: MessageText) -> list[Span]:
    found = (Span(*match.span()) for match in islice(pattern(phrases).finditer(plain), _MOST))
    return [place for place in found if lies_in(place, message.sentences)]


def _is_in_longer(place: Span, others: Sequence[Span]) -> bool:
    return any(other.holds(place) and other != place for other in others)


def _is_taken_back(place: Span, reason: Reason, plain: str, words: ClaimWords) -> bool:
    if _is_denied(place, plain, words):
        return True
    is_arrival = reason in (Reason.NOT_RECEIVED, Reason.LATE_DELIVERY)
    return (is_arrival and _is_of_a_reply(place, plain, words)) or (
        reason is Reason.DAMAGED and _came_not_with_goods(place, plain, words)
    )


def _is_denied(place: Span, plain: str, words: ClaimWords) -> bool:
    said = _CLAUSE_END.split(plain[max(0, place.start - _REACH) : place.start])[-1]
    denials = pattern(words.denials).finditer(said)
    return any(len(said[denial.end() :].split()) <= _WORDS_BETWEEN for denial in denials)


def _came_not_with_goods(place: Span, plain: str, words: ClaimWords) -> bool:
    """Say whether a fault is none that the goods came with: "my old camera broke", "I dropped it", "is it broken?"."""
    before = _CLAUSE_END.split(plain[max(0, place.start - _CLAUSE) : place.start])[-1]
    behind = _CLAUSE_END.split(plain[place.end : place.end + _CLAUSE])[0]
    clause = f"{before}{plain[place.start : place.end]}{behind}"
    is_asked = plain.startswith("?", place.end + len(behind)) and not pattern(words.refunds).search(clause)
    return is_asked or pattern(words.other_things).search(clause) is not None


def _is_of_a_reply(place: Span, plain: str, words: ClaimWords) -> bool:
    """Say whether what did not come, or came late, is an answer: "I have not received any reply"."""
    said = _CLAUSE_END.split(plain[place.end : place.end + _REACH])[0]
    return any(len(said[: reply.start()].split()) <= _WORDS_BETWEEN for reply in pattern(words.replies).finditer(said))
