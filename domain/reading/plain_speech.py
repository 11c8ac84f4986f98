"""Whether all that is said around a wish for money is plain: only then is it what it seems to be.

No list of warning words is ever complete: "refund the vase", "scrap that", "keep your refund", "a symbolic sum". So it
is asked the other way round. In a clause about a refund, and behind the last one, every word has to be one that says
nothing of how much, of what, or whether; a few kinds of words are doubted wherever they stand. The words are the
blueprint's; a language without them has no plain speech, and its wishes are for a person. Reasons, price and figures:
docs/decisions/0019-plain-speech.md.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from typing import NamedTuple

from domain.money.claim import Doubt
from domain.reading.claim_words import ClaimWords, fold, pattern
from domain.reading.numbers import Numbers
from domain.reading.sentences import MessageText, Places, Span, lies_in

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_CLAUSE_END = re.compile(r"[,;:()\n.!?؟…،。、]|\s-\s")
_LONGEST = 20_000  # characters, and wishes in them, that anybody writes to ask for one thing
_MOST_WISHES = 30
_WRAPPED = 45  # characters of a line from which on its end is where the mail program broke it, not the writer
_TICKS = re.compile("~~|[\u0336\u2705\u274c\u274e\u2611\u2612\u2713-\u2718]")  # struck out; a list of what is whole
_CODE = re.compile(r"[{}`]|\"\s*:|[\w\"]\s*==?\s*[\w\"]")  # {"reason": "damaged"} is written to a program
_NAME = re.compile(r"\[NAME_[0-9]+\]")  # the sender's own, by which a letter ends
_BEFORE_NAME = re.compile(r"[.!?…,\n][ \t]*[-–—]?[ \t]*((?:[^\W\d_a-z][^\W\d_]{0,20}\.?[ \t])?)\Z")  # "-Pat [NAME_1]"
_LONGEST_SIGNATURE = 300  # characters behind that name: a title, a company
_NAME_WORDS = 3
_REACH = 24  # characters before a thing in which "one of the" stands
_LINE_START = re.compile(r"(?::|\n[ \t]*[-*•])[ \t]*(?:([^\W\d_]{1,3}) )?\Z")  # of a list, and an article
_SHORT = 2  # letters before an apostrophe that are an article or a pronoun: "l'", "d'", "qu'"


class Accounted(NamedTuple):
    """What a claim was read from: places in the message, and whether that says how much is asked for."""

    spans: Sequence[Span] = ()
    is_part: bool = False  # an amount, a share or items were read
    is_amount: bool = False
    is_share: bool = False
    is_policys: bool = False  # the reason is one of which policy fixes how much is owed
    amounts: Sequence[Span] = ()  # those of the spans that hold the amount or the share
    order_id: str | None = None
    filled: Sequence[Span] = ()  # those of the spans that are values of fields which we asked for, or a whole document
    needs_no_wish: bool = False  # what was charged wrongly is owed even if nobody names a refund


@lru_cache(maxsize=256)
def _set(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(_bare, words))


def _bare(word: str) -> str:
    return fold(word).replace("ß", "ss")


class PlainSpeech:
    """The words of one message that speak for more, or for less, than what was read.

    Args:
        message: the message.
        words: of the languages that it may be in, joined.
        read: what of it the claim was read from.
        figures: other amounts in it, of which the records are asked.
    """

    def __init__(self, message: MessageText, words: ClaimWords, read: Accounted, figures: Sequence[Span]) -> None:
        self._message = message
        self._words = words
        self._read = read
        self._wishes = message.places(pattern(words.refunds))
        self._is_endless = len(message.text) > _LONGEST or len(self._wishes) > _MOST_WISHES
        if self._is_endless:
            return
        ends = [Span(*found.span()) for found in _CLAUSE_END.finditer(message.plain) if self._parts_clauses(found)]
        bounds = [0, *chain.from_iterable(ends), len(message.plain)]
        self._all_clauses = [Span(a, b) for a, b in zip(bounds[::2], bounds[1::2], strict=True)]
        self._clauses = [
            c for c in self._all_clauses if any(c.start <= w.start < max(c.end, c.start + 1) for w in self._wishes)
        ]
        self._in_clauses = Places(self._clauses)
        self._in_sentences = Places(message.with_any(pattern(words.refunds)))
        self._said = [Span(*found.span()) for found in _WORD.finditer(message.plain)]
        plain = words.plain + (words.owed if read.is_policys else ())
        self._plain = _set(plain + words.papers)
        self._free = Places(
            [
                *read.spans,
                *message.places(pattern(tuple(phrase for phrase in plain if " " in phrase))),
                *(message.places(pattern(words.partial)) if read.is_amount else ()),
            ]
        )
        self._purposes = Places(self._what_amounts_are_for())
        self._settles = Places(message.places(pattern(words.settles + words.limits)) if read.is_part else ())
        self._polite = Places(message.places(pattern(words.polite)))
        self._wished = Places(self._wishes)
        self._accounted = Places((*read.spans, *figures))
        self._name = frozenset(self._signature())

    def doubted(self) -> Iterator[tuple[Doubt, Span]]:
        """Yield what of the message is not plain."""
        nothing_wished = not self._wishes and not self._read.needs_no_wish  # "it came broken" says nothing of money
        if nothing_wished or self._is_endless:
            yield Doubt.WORDING, Span(0, min(_WRAPPED, len(self._message.text)))
        if not self._wishes or self._is_endless:
            return
        amounts = () if self._read.is_policys else self._read.amounts
        if amounts and not any(map(self._is_wished, amounts)):
            yield Doubt.WORDING, amounts[0]  # what was paid, or what it cost: not what is wanted
        yield from ((Doubt.WORDING, place) for place in self._told_only())
        yield from ((Doubt.PART, place) for place in self._parts_beside_amount())
        yield from ((Doubt.NUMBER, place) for place in self._numbers())
        signs = chain(self._message.places(_TICKS), self._message.places(_CODE))
        yield from ((Doubt.WORDING, place) for place in signs if not lies_in(place, self._read.filled))
        yield from self._odd_words()

    def singled(self) -> list[str]:
        """Return those of `things` that are surely one out of several: "one cup", "the left shoe", "- lid: broken"."""
        things = set(self.things())
        if not things:
            return []
        places = [place for place in self._said if self._word(place) in things and not self._is_asking(place)]
        return list(dict.fromkeys(self._word(place) for place in places if self._is_singled(place)))

    def things(self) -> list[str]:
        """Return the words before the wish that are not plain: of an order of several things they may name one."""
        all_ = self._message.places(pattern(self._words.all))
        if self._is_endless or not self._wishes or any(self._in_sentences.holding(place) for place in all_):
            return []
        before = [p for p in self._said if not self._is_asking(p) and not self._is_plain(p) and p not in self._name]
        words = [self._word(place) for place in before if not lies_in(place, self._read.spans)]
        return [word for word in dict.fromkeys(words) if word not in _set(self._words.owed)]

    def named(self) -> list[Span]:
        """Return the words behind an article that may name goods, wherever they stand: "the chair", "my phone"."""
        articles, no_goods = _set(self._words.articles), _set(self._words.not_goods + self._words.owed)
        return [
            place
            for article, place in pairwise(self._said)
            if self._word(article) in articles and not self._message.plain[article.end : place.start].strip()
            if self._word(place) not in no_goods and not self._is_plain(place) and place not in self._name
        ]

    def tells_part(self) -> bool:
        """Say whether it says that only a part is wanted, and leaves to an amount how much: "a partial refund"."""
        partial = self._message.places(pattern(self._words.partial))
        return self._is_endless or any(self._in_sentences.holding(place) for place in partial)

    def _is_singled(self, place: Span) -> bool:
        before = self._message.plain[max(0, place.start - _REACH) : place.start]
        ones = pattern(self._words.ones).finditer(before)
        if any(not before[one.end() :].strip() for one in ones):
            return True
        listed = _LINE_START.search(before)
        return listed is not None and (listed[1] is None or _bare(listed[1]) in self._plain)

    def _told_only(self) -> Iterator[Span]:
        """Yield the clauses that tell of a refund and ask for none: "I have my money back", "where is my refund?"."""
        if self._read.needs_no_wish:
            return
        plain, states = self._message.plain, pattern(self._words.states)
        asking = [clause for clause in self._clauses if self._demands(clause)]
        subject = plain.find("\n\n")
        is_asked_below = any(clause.start > subject for clause in asking)
        for clause in self._clauses:
            if clause in asking or not states.search(plain, clause.start, clause.end):
                continue
            is_heading = is_asked_below and clause.end <= subject  # "Refund: it arrived late", and below what is wanted
            if not is_heading and plain[clause.end : clause.end + 1] not in "?؟":
                yield clause
        sentences = self._message.with_any(pattern(self._words.refunds))
        if not any(map(self._demands, sentences)):
            yield from (s for s in sentences if plain[s.start : s.end].rstrip().endswith(("?", "؟")))

    def _demands(self, place: Span) -> bool:
        return pattern(self._words.demands).search(self._message.plain, place.start, place.end) is not None

    def _is_asking(self, place: Span) -> bool:
        """Say whether a place is where only plain words may stand: in a clause about a refund, or behind the last."""
        return place.start >= self._clauses[-1].start or self._in_clauses.holding(place) is not None

    def _is_wished(self, amount: Span) -> bool:
        """Say whether an amount stands in a clause about a refund, or right beside one and alone: "…, just 20 EUR"."""
        if any(clause.meets(amount) for clause in self._clauses):
            return True
        own = self._clause_of(amount)
        free = Places(
            [*self._read.spans, *self._what_amounts_are_for(), *self._message.places(pattern(self._words.limits))]
        )
        alone = not any(own.holds(word) and not free.holding(word) for word in self._said)
        return alone and any(abs(c.end - own.start) <= 1 or abs(own.end - c.start) <= 1 for c in self._clauses)

    def _clause_of(self, place: Span) -> Span:
        return next((c for c in self._all_clauses if c.start <= place.start <= c.end), self._all_clauses[0])

    def _parts_clauses(self, found: re.Match[str]) -> bool:
        if found.group() == "\n":
            line = found.start() - (self._message.plain.rfind("\n", 0, found.start()) + 1)
            return line < _WRAPPED or self._message.plain[found.end() : found.end() + 1] == "\n"
        return not lies_in(Span(*found.span()), self._read.spans)

    def _parts_beside_amount(self) -> Iterator[Span]:
        """Yield the words for one part beside an amount: "I paid 120 EUR, refund half of it"."""
        words = self._words
        if self._read.is_amount:
            for place in self._message.places(pattern(words.halves + words.thirds + words.quarters + words.parts)):
                if self._in_sentences.holding(place) and not lies_in(place, self._read.spans):
                    yield place

    def _numbers(self) -> Iterator[Span]:
        """Yield the numbers in a clause about a refund: there not even days and ordinals are harmless."""
        numbers = Numbers(self._message, self._words)
        asked = set(numbers.in_digits()) if self._read.is_policys else set()  # the records are asked of these
        for place in numbers.runs():
            if self._in_clauses.meet(place) and place not in asked and not self._accounted.meet(place):
                yield place

    def _odd_words(self) -> Iterator[tuple[Doubt, Span]]:
        for place in self._said:
            if self._free.holding(place) or self._settles.meet(place):
                continue
            doubt = self._kind_doubted(place)
            if doubt is not None:
                yield doubt, place
            elif self._is_asking(place) and not self._is_harmless(place):
                yield Doubt.WORDING, place

    def _kind_doubted(self, place: Span) -> Doubt | None:
        """Return what is doubted of a word that is doubted though it may be plain elsewhere."""
        word, words = self._word(place), self._words
        if self._read.is_policys and word in _set(words.owed):
            return None
        about_refund, polite = self._in_sentences.holding(place), self._polite.holding(place)
        anywhere = not (self._read.is_part or self._read.is_policys)
        if word in _set(words.intact) and (anywhere or about_refund):
            return Doubt.WORDING
        if about_refund and word in _set(words.contrasts):
            return Doubt.WORDING
        if about_refund and not polite and word in _set(words.ifs):
            return Doubt.CONDITION
        clause = self._in_clauses.holding(place)
        if clause is None:
            return None
        if word in _set(words.papers):
            return Doubt.WORDING
        # "Thanks for the refund": there was one.
        thanked = not polite and word in _set(words.thanks) and self._wished.meet(Span(place.end, clause.end))
        return Doubt.WORDING if thanked or word in _set(words.had) else None

    def _is_harmless(self, place: Span) -> bool:
        if place in self._name or self._purposes.holding(place):
            return True
        return self._wished.meet(place) or self._is_plain(place)

    def _is_plain(self, place: Span) -> bool:
        word = self._word(place)
        if word in self._plain or pattern(self._words.all).search(word):
            return True
        parts = word.split("'")
        return len(parts) > 1 and all(part in self._plain or len(part) <= _SHORT for part in parts)

    def _what_amounts_are_for(self) -> list[Span]:
        """Return the ends of clauses behind an amount and "for": what the money is for may be anything."""
        clauses = [(amount, self._clause_of(amount)) for amount in self._read.amounts]
        purposes = [place for place in self._said if self._word(place) in _set(self._words.purposes)]
        return [
            Span(place.start, clause.end)
            for amount, clause in clauses
            for place in purposes
            if clause.holds(place) and amount.end <= place.start
        ]

    def _signature(self) -> Sequence[Span]:
        """Return the words of the name at the end of a message, and of what stands under it.

        It begins with the sender's own name, in a line or sentence of its own, or behind thanks or regards. A word that
        limits a wish or takes it back is none.
        """
        last = max((wish.end for wish in self._wishes), default=0)
        tail = self._under_the_name(last) or self._behind_thanks(last)
        said = self._message.plain[tail[0].start :] if tail else ""
        words = self._words
        telling = (words.limits, words.parts, words.intact, words.refunds, words.numbers, words.exceptions)
        more = (words.refusals, words.withdrawn, words.disputes, words.remedies, words.ifs)
        return [] if any(pattern(phrases).search(said) for phrases in (*telling, *more)) else tail

    def _under_the_name(self, last: int) -> list[Span]:
        text = self._message.text
        for found in _NAME.finditer(text, last):
            before = _BEFORE_NAME.search(text, last, found.start())
            if before is not None and len(text) - found.end() <= _LONGEST_SIGNATURE:
                return [place for place in self._said if place.start >= before.start(1)]
        return []

    def _behind_thanks(self, last: int) -> list[Span]:
        thanks = [n for n, p in enumerate(self._said) if p.start > last and self._word(p) in _set(self._words.thanks)]
        tail = self._said[max(thanks[0] + 1, len(self._said) - _NAME_WORDS) :] if thanks else []
        return [
            place for place in tail if place.end - place.start > 1 and not self._message.text[place.start].islower()
        ]

    def _word(self, place: Span) -> str:
        return _bare(self._message.plain[place.start : place.end])
