"""What a message says that the claim read from it does not account for, found by code beside the model.

A number, a percent sign, a mark of money or a word for a part that no value of the claim was read from makes the claim
unread; so does a word of withdrawal, a condition, a dispute, another order or another wish. Words are those of the
blueprint, of every language that the message may be in. It is strict on purpose: a message that is doubted wrongly
costs a person a look, one that is believed wrongly costs the money.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from domain.money.amount import CURRENCIES
from domain.money.claim import Doubt, Doubted
from domain.reading.claim_words import ClaimWords, pattern
from domain.reading.numbers import Numbers
from domain.reading.plain_speech import Accounted, PlainSpeech
from domain.reading.sentences import MessageText, Span, lies_in
from domain.reading.written import Written, find_amounts

_MOST = 12  # doubts that are told; one is enough to stop
_CODE = re.compile(r"(?<![A-Za-z])(?:" + "|".join(sorted(CURRENCIES)) + r")(?![A-Za-z])")
_COMMON_CODES = re.compile(r"(?<![a-z])(?:usd|eur|gbp|chf|jpy|sek|nok|dkk|pln|inr|cny|cad|aud)(?![a-z])")
_PERCENT_SIGN = re.compile(r"[%٪﹪％‰]")
_TELLING_SHARE = 3  # a language with a third of the telling words of the likeliest may be meant, too
_FEW_WORDS = 6
_KNOWN_PART = 0.07  # of the words; below it the language is none of those that have words here
_WORD = re.compile(r"[^\W\d_]+")
_PAUSE = re.compile(r"[,.;:!?()\n\"–—]|\s-\s")
_RANGE_REACH = 20
_REACH = 80  # characters behind a word for a refund in which its object stands


@lru_cache(maxsize=64)
def joined_words(lists: tuple[ClaimWords, ...]) -> ClaimWords:
    """Return the words of several languages as one list each."""
    names = ClaimWords.model_fields
    return ClaimWords(
        **{name: tuple(dict.fromkeys(word for words in lists for word in getattr(words, name))) for name in names}
    )


class SpokenWords(NamedTuple):
    """The words that may be meant in a message, and whether its language is one that has words.

    `words` are those of all `languages` that it may be in, joined.
    """

    words: ClaimWords
    is_known: bool
    languages: tuple[ClaimWords, ...]


def spoken_words(message: MessageText, by_language: Mapping[str, ClaimWords], lang: str) -> SpokenWords:
    """Return the words to look for: those of every language that the message may be in, whatever its sender calls it.

    Args:
        message: the message.
        by_language: the blueprint's words.
        lang: language of the message as it came, BCP 47, "und" if unknown.
    """
    said = _WORD.findall(message.plain)
    told = Counter(word for words in by_language.values() for word in words.telling)
    hits = {
        code: sum((Fraction(1, told[word]) for word in said if word in words.telling), Fraction())
        for code, words in by_language.items()
    }
    best = max(hits.values(), default=Fraction())
    named = lang.lower().replace("_", "-").partition("-")[0]
    known = best >= _KNOWN_PART * len(said) or len(said) < _FEW_WORDS
    if best == 0:
        meant = list(by_language)
    else:
        meant = [code for code, n in hits.items() if n * _TELLING_SHARE >= best or code == named]
    if named not in by_language and named != "und":
        known = known and best >= 2 * _KNOWN_PART * len(said)  # the sender's system may be wrong, but not by itself
    languages = tuple(by_language[code] for code in sorted(meant))
    return SpokenWords(joined_words(languages), known, languages)


class Doubts:
    """Looks for doubts in one message."""

    def __init__(self, message: MessageText, words: ClaimWords, read: Accounted) -> None:
        self._message = message
        self._words = words
        self._read = read
        self._wish = message.with_any(pattern(words.refunds))
        self._no_things = frozenset(words.not_goods + (words.owed if read.is_policys else ()))
        self._figures = [w for w in find_amounts(message.text) if not lies_in(Span(w.start, w.end), read.spans)]
        self._plain = PlainSpeech(message, words, read, [Span(w.start, w.end) for w in self._figures])

    @property
    def figures(self) -> list[Written]:
        """Amounts with a currency that the claim was not read from."""
        return self._figures

    @property
    def numbers(self) -> list[Span]:
        """Numbers in digits that may mean money or a part, and that the claim was not read from."""
        left = Numbers(self._message, self._words).in_digits()
        return [place for place in left if not self._is_read(place) and self._limits(place)]

    @property
    def singled(self) -> list[str]:
        """Those of `things` that are one out of several."""
        return self._plain.singled()

    @property
    def named(self) -> list[Span]:
        """Words behind an article that may name goods."""
        return self._plain.named()

    @property
    def is_part_told(self) -> bool:
        """Whether the message says that only a part is wanted."""
        return self._plain.tells_part()

    @property
    def things(self) -> list[str]:
        """Words before the wish that may name goods."""
        return self._plain.things()

    def found(self) -> list[Doubted]:
        """Return the doubts, each kind at most twice, those that tell most first."""
        told: list[Doubted] = []
        for doubt, place in self._all():
            if sum(d.doubt is doubt for d in told) < 2 and len(told) < _MOST:
                told.append(Doubted(doubt=doubt, quote=self._message.quote(place)))
        return told

    def _all(self) -> Iterator[tuple[Doubt, Span]]:
        words, message = self._words, self._message
        yield from ((Doubt.WITHDRAWN, p) for p in message.places(pattern(words.withdrawn)))
        yield from ((Doubt.DISPUTE, p) for p in message.places(pattern(words.disputes)))
        yield from self._near_wish(Doubt.CONDITION, words.conditions)
        yield from self._parts()
        yield from self._money()
        wishes = message.places(pattern(words.refunds))  # "condition: do not refund it" is no condition
        yield from ((Doubt.WORDING, p) for p in wishes if lies_in(p, self._read.filled))
        yield from self._plain.doubted()
        numbers = Numbers(message, words)
        yield from ((Doubt.NUMBER, p) for p in numbers.in_words() if not self._is_read(p) and self._limits(p))
        yield from ((Doubt.OTHER_ORDER, n.place) for n in numbers.orders() if not self._is_the_order(n.text, n.place))
        yield from ((Doubt.OTHER_REMEDY, p) for p in message.places(pattern(words.remedies)))
        yield from ((Doubt.OTHER_WISH, p) for p in message.places(pattern(words.also)) if not self._adds(p))

    def _parts(self) -> Iterator[tuple[Doubt, Span]]:
        words, message = self._words, self._message
        yield from self._near_wish(Doubt.EXCEPTION, words.exceptions)
        if self._read.is_share:
            shares = pattern(words.halves + words.thirds + words.quarters)
            yield from ((Doubt.PART, p) for p in message.places(shares) if not self._is_read(p))
        if not self._read.is_part:
            policys = message.places(pattern(words.partial)) if self._read.is_policys else []
            parts = message.places(pattern(words.parts + words.partial))
            yield from ((Doubt.PART, p) for p in parts if not any(one.meets(p) for one in policys))
            whole = message.places(pattern(words.all))
            limits = [p for s in self._wish for p in message.places(pattern(words.limits)) if s.holds(p)]
            yield from ((Doubt.PART, p) for p in limits if not any(w.meets(p) for w in whole))
        if not self._read.is_amount:  # an amount says how much, whatever it is for
            yield from ((Doubt.ITEM, p) for p in self._things() if not self._is_read(p))
        beside = [p for s in self._wish for p in message.places(pattern(words.beside)) if s.holds(p)]
        yield from ((Doubt.ITEM, p) for p in beside if not self._is_read(p))

    def _things(self) -> Iterator[Span]:
        """Yield what is to be refunded where that is a thing: "refund the lid", not "refund the price of my order"."""
        for place in self._message.places(pattern(self._words.refunds)):
            stop = _PAUSE.search(self._message.plain, place.end)
            end = min(stop.start() if stop else len(self._message.plain), place.end + _REACH)
            words = [Span(*m.span()) for m in _WORD.finditer(self._message.plain, place.end, end)]
            thing = self._thing_among(words)
            if thing is not None:
                yield thing

    def _thing_among(self, following: Sequence[Span]) -> Span | None:
        """Return the thing that the words behind one for a refund name: one or two words behind an article of which
        none is a word for an order or for money. "The price of the lid" goes on to the lid.
        """
        words = iter(following)
        while (place := self._after_joints(words)) is not None and self._word(place) in self._words.articles:
            named = [one for one in (next(words, None), next(words, None)) if one is not None]
            money = [n for n, one in enumerate(named) if self._word(one) in self._no_things]
            if not money:
                return named[0] if named else None
            words = chain(named[money[0] + 1 :], words)
            behind = next(words, None)
            if behind is None or self._word(behind) not in self._words.joints:
                return None
        return None

    def _after_joints(self, words: Iterator[Span]) -> Span | None:
        return next((place for place in words if self._word(place) not in self._words.joints), None)

    def _word(self, place: Span) -> str:
        return self._message.plain[place.start : place.end]

    def _money(self) -> Iterator[tuple[Doubt, Span]]:
        message = self._message
        percents = [*message.places(pattern(self._words.percents)), *message.places(_PERCENT_SIGN)]
        yield from ((Doubt.PERCENT, p) for p in percents if not self._is_read(p))
        amounts = [*self._read.spans, *(Span(w.start, w.end) for w in self._figures)]
        for place in self._marks():
            if not lies_in(place, amounts):
                yield Doubt.CURRENCY, place
        for place in message.places(pattern(self._words.ranges)):
            near = Span(place.start - _RANGE_REACH, place.end + _RANGE_REACH)
            if any(near.meets(a) for a in (*self._read.amounts, *amounts[len(self._read.spans) :])):
                yield Doubt.RANGE, place

    def _marks(self) -> Iterator[Span]:
        message = self._message
        yield from (Span(n, n + 1) for n, c in enumerate(message.text) if unicodedata.category(c) == "Sc")
        yield from message.places(pattern(self._words.currencies))
        yield from message.places(_COMMON_CODES)
        for match in _CODE.finditer(message.text):  # "ALL" and "TRY" are codes, too: only beside a number
            around = message.plain[max(0, match.start() - 3) : match.end() + 3]
            if any(map(str.isdigit, around)):
                yield Span(*match.span())

    def _near_wish(self, doubt: Doubt, phrases: tuple[str, ...]) -> Iterator[tuple[Doubt, Span]]:
        """Yield what stands in a sentence about a refund, or in one beside it."""
        near = self._message.beside(self._wish) or self._message.sentences
        for place in self._message.places(pattern(phrases)):
            if lies_in(place, near):
                yield doubt, place

    def _adds(self, place: Span) -> bool:
        """Say whether a word such as "also" only adds to the complaint: nothing is asked in its sentence."""
        sentence = self._message.sentence_at(place)
        said = self._message.plain[sentence.start : sentence.end]
        return "?" not in said and pattern(self._words.asks).search(said) is None

    def _limits(self, place: Span) -> bool:
        """Say whether a number may say how much is wanted: where an amount was read, only those in its sentence and
        behind it may ("110 EUR. Sorry, 11").
        """
        read = [self._message.sentence_at(span) for span in self._read.amounts]
        return not read or self._message.sentence_at(place) in read or place.start >= max(s.start for s in read)

    def _is_read(self, place: Span) -> bool:
        figures = (Span(w.start, w.end) for w in self._figures)
        return lies_in(place, self._read.spans) or any(f.meets(place) for f in figures)

    def _is_the_order(self, named: str, place: Span) -> bool:
        wanted = self._read.order_id
        return wanted is None or lies_in(place, self._read.spans) or "".join(filter(str.isdigit, wanted)) == named
