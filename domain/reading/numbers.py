"""Numbers in a message: which of them surely mean no money. Whatever is not known is left over, for somebody to ask."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from domain.money.amount import CURRENCIES
from domain.reading.claim_words import ClaimWords, pattern
from domain.reading.sentences import MessageText, Span

_RUN = re.compile(r"\S+")
_EDGES = "()[]{}<>.,;:!?\"'«»„“”…*_|~=،؛"
_LONGEST = 80
_DATE = re.compile(
    r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d{1,2}[./]\d{1,2}\.?|\d{1,2}[:.h]\d{2}(?::\d{2})?(?:h|am|pm|uhr)?"
    r"|\d{4}-\d{2}-\d{2}t[\d:.+z-]+|\d{1,2}(?:am|pm|h|uhr)"
)
_CLOCK_ONLY = re.compile(r"\d{1,2}[:h]\d{2}(?::\d{2})?")
_ORDINAL = re.compile(r"\d{1,3}(?:st|nd|rd|th|er|eme|e|ª|º|°)")
_MEASURED = re.compile(r"\d{1,5}(?:[.,]\d+)?(?:h|hrs?|min|km|cm|mm|kg|gb|mb|tb|mbit|mbps|ghz|mhz|ml|kwh|v|w|px)")
_NAMED = re.compile(r"#\d{4,}|[^\W\d_]{1,20}[-_/#]?\d[\w./#+:-]*|(?=[\w-]*[a-z]{2})[\w-]{6,}")
_LETTERS = re.compile(r"[^\W\d_]+")
# What people write right beside an amount, besides the codes of ISO 4217.
_MARKS = frozenset(code.lower() for code in CURRENCIES) | {"kr", "zl", "rs", "fr", "sfr", "kc", "ft", "lei", "r", "x"}
_PLAIN = re.compile(r"[#№]?\d[\d.,'/]*")
_LONG_NAME = 4  # digits from which on a number behind "order" or "invoice" names it
_YEAR = re.compile(r"(?:19|20)\d\d")
_WORDS_BEFORE = re.compile(r"(?:[^\W\d_]+['’.]?[\s:=#(\"-]{1,3}){0,2}[^\w\n]{0,3}$")
_NEAR = 40
_LIMITING = ("refunds", "limits", "parts", "partial", "ranges", "exceptions", "currencies", "percents")
_SIGNS = frozenset("%٪‰½¼¾⅓⅔")


class NumberNamed(NamedTuple):
    """A number that names an order: where it stands, and its digits and letters."""

    place: Span
    text: str


class Numbers:
    """The numbers of a message, told apart.

    Args:
        message: whose numbers.
        words: of the languages that it may be in, joined.
    """

    def __init__(self, message: MessageText, words: ClaimWords) -> None:
        self._message = message
        self._words = words
        self._counted = pattern(words.counted)
        self._months = pattern(words.months)
        self._references = pattern(words.references)
        self._orders = pattern(words.orders)
        self._common = {
            *words.telling,
            *(phrase.rstrip("*") for name in _LIMITING for phrase in getattr(words, name)),
        }

    def in_digits(self) -> Iterator[Span]:
        """Yield the numbers in digits that may mean money or a part of something."""
        for place in self.runs():
            if self.named_order(place) is None and not self._is_harmless(place):
                yield place

    def in_words(self) -> Iterator[Span]:
        """Yield the numbers in words that may."""
        for place in self._message.places(pattern(self._words.numbers)):
            if not self._counts(place):
                yield place

    def orders(self) -> Iterator[NumberNamed]:
        """Yield the bare numbers that stand behind a word for an order."""
        for place in self.runs():
            if (named := self.named_order(place)) is not None:
                yield NumberNamed(place, named)

    def runs(self) -> Iterator[Span]:
        """Yield all that is written with a digit, or with a sign for a number."""
        plain = self._message.plain
        for match in _RUN.finditer(plain):
            if not any(map(str.isnumeric, match.group())):
                continue
            start, end = match.span()
            while start < end and plain[start] in _EDGES:
                start += 1
            while end > start and plain[end - 1] in _EDGES:
                end -= 1
            yield Span(start, end)

    def named_order(self, place: Span) -> str | None:
        """Return the digits of a number of at least four that stands right behind a word for an order, or behind #."""
        text = self._message.plain[place.start : place.end]
        bare = text.lstrip("#№")
        if not bare.isdecimal() or len(bare) < _LONG_NAME:
            return None
        if text != bare or self._names(place, self._orders):
            return bare
        return None

    def _is_harmless(self, place: Span) -> bool:
        text = self._message.plain[place.start : place.end]
        if len(text) > _LONGEST:
            return True  # no amount is that long
        if not _SIGNS.isdisjoint(text):
            return False
        if _ORDINAL.fullmatch(text) or _MEASURED.fullmatch(text) or _CLOCK_ONLY.fullmatch(text):
            return True
        if _NAMED.fullmatch(text):
            return self._is_name(place)
        if self._counts(place) or self._is_of_a_date(place, text):
            return True
        digits = sum(c.isdigit() for c in text)
        return _PLAIN.fullmatch(text) is not None and digits >= _LONG_NAME - 1 and self._names(place, self._references)

    def _is_name(self, place: Span) -> bool:
        """Say whether letters and digits together name something, as "KB-12" or "iPhone14", and are no word or mark of
        money that a number was typed against ("just30", "kr49").
        """
        groups = _LETTERS.findall(self._message.plain[place.start : place.end])
        typed = self._message.text[place.start : place.end]
        has_form = not typed.islower() or any(sign in typed for sign in "-_/#")
        return has_form and not any(group in _MARKS or group in self._common for group in groups)

    def _counts(self, place: Span) -> bool:
        """Say whether what follows, at most one word farther on, is what harmless numbers count: days, times."""
        behind = self._message.plain[place.end : place.end + _NEAR]
        match = re.match(r"[\s-]{0,3}((?:[^\W\d_]+\s)?)", behind)
        first = 0 if match is None else len(match.group()) - len(match[1])
        return self._at(self._counted, place.end + first) or (
            match is not None and bool(match[1]) and self._at(self._counted, place.end + len(match.group()))
        )

    def _is_of_a_date(self, place: Span, text: str) -> bool:
        if text.count("/") + text.count("-") + text.count(".") >= 2 and _DATE.fullmatch(text):
            return True
        around = self._message.plain[max(0, place.start - 14) : place.end + 14]
        short = text.rstrip(".").isdecimal() and (len(text) <= 3 or _YEAR.fullmatch(text) is not None)
        return short and self._months.search(around) is not None

    def _names(self, place: Span, pattern_: re.Pattern[str]) -> bool:
        """Say whether one of the words stands before the number, with at most one other between them."""
        before = self._message.plain[max(0, place.start - _NEAR) : place.start]
        words = _WORDS_BEFORE.search(before)
        return words is not None and pattern_.search(words.group()) is not None

    def _at(self, pattern_: re.Pattern[str], start: int) -> bool:
        return pattern_.match(self._message.plain, start) is not None
