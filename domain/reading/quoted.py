"""Values that a model copied out of a message: each counts only where it stands in the text, whole and in its quote."""

import re
import unicodedata
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from domain.money.amount import Money
from domain.money.claim import WHOLE_SHARE
from domain.money.order_number import fold_order_id
from domain.reading.answers import QuotedAmount, QuotedShare
from domain.reading.claim_words import ClaimWords, any_stem, fold, pattern
from domain.reading.sentences import MessageText, Span
from domain.reading.words import Words, any_of
from domain.reading.written import Written, find_amounts, read_amount

ORDER_ID = re.compile(r"(?=[A-Z./_-]{0,32}[0-9])[A-Z0-9][A-Z0-9./_-]{1,63}", re.ASCII)
# What may be the number of an order, and those that are known for one by their letters, whichever is claimed.
_SHAPED = re.compile(r"(?<![\w/-])#?(?=[a-z./_-]{0,12}[0-9])[a-z0-9]+(?:[./_-][a-z0-9]+)*(?!\w)", re.ASCII)
_USUAL = re.compile(r"(?:ORD|ORDER|SO|PO|BEST)[-_][A-Z0-9-]{3,}")
_NUMBERS = re.compile(r"[0-9]+(?:[.,'’][0-9]+)*")

_FRACTION = re.compile(r"([1-9])\s?[/⁄]\s?([2-9]|10)")
_LONGEST_SHARE = 40


def normal_order_id(text: str) -> str | None:
    """Return an order number as it is compared, or None if the text is none.

    Blanks, native digits, long dashes and a leading `#` are made plain, letters become capitals; it must hold a digit
    and then only ASCII letters, digits and `. / _ -`.

    >>> normal_order_id(" #w-10023")
    'W-10023'
    """
    bare = fold_order_id(text)
    return bare if ORDER_ID.fullmatch(bare) else None


class OrdersNamed(NamedTuple):
    """The orders that a message names, and where they stand."""

    ids: list[str]
    places: list[Span]


def orders_named(message: MessageText, *, claimed: str | None, but: Sequence[str] = ()) -> OrdersNamed:
    """Return the orders that the whole message names, the claimed one first: all with the letters that order numbers
    have, and all that look like the claimed one, whatever their length. Those of `but` are left out.
    """
    found: dict[str, None] = dict.fromkeys([claimed] if claimed else [])
    places: list[Span] = []
    for match in _SHAPED.finditer(message.plain):
        named = normal_order_id(match.group())
        if named is not None and (_USUAL.match(named) or (claimed is not None and _shape(named) == _shape(claimed))):
            if named not in but and (claimed is None or not _is_same(named, claimed)):
                found.setdefault(named)
            places.append(Span(*match.span()))
    return OrdersNamed(list(found), places)


def _is_same(one: str, other: str) -> bool:
    """Say whether two numbers are one, its letters left out ("31012" and "ORD-31012") or parted otherwise."""
    plain, also = (re.sub(r"[^A-Z0-9]", "", number) for number in (one, other))
    return plain == also or (_digits(plain) == _digits(also) and (plain.isdigit() or also.isdigit()))


def _shape(order_id: str) -> str:
    return re.sub(r"[0-9]+", "9", order_id)


def whole_places(value: str, quote: str, text: str) -> list[Span]:
    """Return where the value stands within the quote in the text, not as a piece of a longer word or number."""
    return [place for place in _occurrences(value.strip(), quote.strip(), text) if _is_whole(text, place)]


class ReadShare(NamedTuple):
    """A share in basis points, and where it stands."""

    points: int
    place: Span


def quoted_share(proposed: QuotedShare, message: MessageText, words: ClaimWords) -> ReadShare:
    """Read a share out of its quote.

    Raises:
        ValueError: it does not stand once in the message, its sentence is not about a refund, or it has no single
            reading.
    """
    points = read_share(proposed.value, words)
    places = _occurrences(proposed.value.strip(), proposed.quote.strip(), message.text)
    if len(places) != 1:
        raise ValueError(f"share {proposed.value!r}: expected one place that holds it, found {len(places)}")
    if pattern(words.refunds).search(message.plain, *message.sentence_at(places[0])) is None:
        raise ValueError(f"share {proposed.value!r}: its sentence is not about a refund")
    return ReadShare(points, places[0])


def read_share(written: str, words: ClaimWords) -> int:
    """Return a share in basis points (2,500 are 25 percent), rounded down.

    Raises:
        ValueError: it is none, none between 0 and 100 percent, or has more than one reading.

    >>> read_share("12.5 %", ClaimWords()), read_share("1/3", ClaimWords())
    (1250, 3333)
    """
    text = fold(" ".join(written.split()))
    if not text or len(text) > _LONGEST_SHARE:
        raise ValueError(f"share {written[:_LONGEST_SHARE]!r}: expected 1 to {_LONGEST_SHARE} characters")
    found = {*_percents(text, words), *_fractions(text), *_named(text, words)}
    if len(found) != 1:
        raise ValueError(f"share {text!r}: expected one share such as '25 percent' or 'half', found {len(found)}")
    points = int(found.pop() * WHOLE_SHARE)
    if not 0 < points <= WHOLE_SHARE:
        raise ValueError(f"share {text!r}: expected more than 0 and at most 100 percent")
    return points


def _percents(text: str, words: ClaimWords) -> list[Fraction]:
    sign = any_stem(words.percents).pattern
    written = re.findall(rf"(?<![\w.,+−-])(\d{{1,3}}(?:[.,]\d{{1,2}})?)\s?(?:[%٪﹪]|-?(?:{sign}))", text)
    return [Fraction(number.replace(",", ".")) / 100 for number in written]


def _fractions(text: str) -> list[Fraction]:
    signs = [unicodedata.numeric(c) for c in text if unicodedata.category(c) == "No"]
    return [
        *(Fraction(int(over), int(under)) for over, under in _FRACTION.findall(text)),
        *(Fraction(value).limit_denominator(10) for value in signs if 0 < value < 1),
    ]


def _named(text: str, words: ClaimWords) -> list[Fraction]:
    shares = ((words.halves, Fraction(1, 2)), (words.thirds, Fraction(1, 3)), (words.quarters, Fraction(1, 4)))
    return [share for phrases, share in shares if any_stem(phrases).search(text)]


class ReadAmount(NamedTuple):
    """An amount, and where it stands."""

    money: Money
    places: list[Span]


class AmountReader:
    """Reads amounts of one message.

    Args:
        text: the message.
        words: beside which an amount is not what it looks like, of all languages.
        currency: named elsewhere, ISO 4217.
        lang: of the message, BCP 47; it decides what `1,234` means.
    """

    def __init__(self, text: str, words: Words, *, currency: str | None, lang: str) -> None:
        self._text = text
        self._written = find_amounts(text)
        self._context = _context_of(words.negations, words.magnitudes)
        self._currency = currency
        self._lang = lang

    def read(self, proposed: QuotedAmount) -> ReadAmount:
        """Read an amount out of its quote; the currency comes from the message or from the payload, never from the
        model alone.

        Raises:
            ValueError: it does not stand there, has a minus before it or a "thousand" behind it, stands beside another
                amount, or has no single reading.
        """
        value, quote = proposed.value.strip(), proposed.quote.strip()
        found = {self._widened(place) for place in _occurrences(value, quote, self._text)} - {None}
        readings = {written.text if written else "" for written in found}
        if len(readings) != 1:
            raise ValueError(
                f"amount {value!r}: expected one place in the message that holds it in {quote!r}, found {len(readings)}"
            )
        (marked,) = readings
        others = {w.text for w in find_amounts(quote)} or set(_NUMBERS.findall(quote))
        if len(others) > 1:
            raise ValueError(f"amount {value!r}: {quote!r} holds several amounts")
        money = read_amount(marked, currency=self._currency, lang=self._lang)
        if proposed.currency is not None and proposed.currency.strip().upper() != money.currency:
            raise ValueError(f"amount {marked!r}: the answer says {proposed.currency!r}")
        same = [w for w in self._written if w.text == marked] or [w for w in found if w is not None]
        return ReadAmount(money, [Span(w.start, w.end) for w in same])

    def _widened(self, place: Span) -> Written | None:
        """Return the whole amount, currency mark included, that stands at a place; None if what stands there is a
        piece of something else.
        """
        text = self._text
        alone = Written(place.start, place.end, text[place.start : place.end])
        around = next((w for w in self._written if w.start <= place.start and place.end <= w.end), alone)
        if _digits(alone.text) != _digits(around.text) or not _is_whole(text, Span(around.start, around.end)):
            return None
        before = text[max(0, around.start - self._context.reach) : around.start]
        behind = text[around.end : around.end + self._context.reach]
        if self._context.negated.search(before) or self._context.magnitude.match(behind):
            return None
        return around


class _Context(NamedTuple):
    """What may not stand before and behind an amount, and how far to look for it, in characters."""

    negated: re.Pattern[str]
    magnitude: re.Pattern[str]
    reach: int


@lru_cache(maxsize=8)
def _context_of(negations: tuple[str, ...], magnitudes: tuple[str, ...]) -> _Context:
    longest = max(map(len, negations + magnitudes), default=0)
    return _Context(
        negated=re.compile(rf"(?:[-−]\s*|[–—]|\b{any_of(negations)}\s+)$", re.IGNORECASE),
        magnitude=re.compile(rf"\s?{any_of(magnitudes)}\b", re.IGNORECASE),
        reach=longest + 3,  # and the blanks between
    )


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit())


def _occurrences(value: str, quote: str, text: str) -> list[Span]:
    """Return where in the text the value stands inside the quote."""
    if not value or not quote:
        return []
    inner = [m.start() for m in re.finditer(re.escape(value), quote)]
    starts = [m.start() + at for m in re.finditer(re.escape(quote), text) for at in inner]
    return [Span(start, start + len(value)) for start in starts]


def _is_whole(text: str, place: Span) -> bool:
    start, end = place
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    if text[start].isalnum() and before[-1:].isalnum():
        return False
    if text[end - 1].isalnum() and after[:1].isalnum():
        return False
    return not (_is_glued(before[::-1]) or _is_glued(after))


def _is_glued(beside: str) -> bool:
    """Say whether a number goes on: the sign beside it, and the one behind that, belong to it."""
    if len(beside) != 2:
        return False
    sign, next_one = beside[0], beside[1]
    return (sign in ".,'’" and next_one.isdigit()) or (sign in "-_/" and next_one.isalnum())


def has_siblings(order_id: str, quote: str) -> bool:
    """Say whether the quote holds another order number of the same shape."""
    shape = re.escape(re.sub(r"[0-9]", "9", re.sub(r"[A-Z]", "A", order_id)))
    like = re.compile(rf"(?<![A-Z0-9]){shape.replace('A', '[A-Z]').replace('9', '[0-9]')}(?![A-Z0-9])")
    return any(found != order_id for found in like.findall(quote.upper()))
