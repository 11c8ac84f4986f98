"""What of a proposed claim counts once it is checked against the message itself."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from domain.money.amount import Money
from domain.money.claim import Claim, Origin
from domain.money.written import Written, find_amounts, read_amount
from domain.reading.answers import ClaimAnswer, QuotedAmount, QuotedOrder
from domain.reading.words import Words, any_of

ORDER_ID = re.compile(r"(?=[A-Z./_-]{0,32}[0-9])[A-Z0-9][A-Z0-9./_-]{1,63}", re.ASCII)


_NUMBERS = re.compile(r"[0-9]+(?:[.,'’][0-9]+)*")


class _Context(NamedTuple):
    """What may not stand before and behind an amount, and how far to look for it, in characters."""

    negated: re.Pattern[str]
    magnitude: re.Pattern[str]
    reach: int


def normal_order_id(text: str) -> str | None:
    """Return an order number as it is compared, or None if the text is none.

    Blanks around it and a leading `#` go, letters become capitals; it must hold a digit and only ASCII letters,
    digits and `. / _ -`.

    >>> normal_order_id(" #w-10023")
    'W-10023'
    """
    bare = text.strip().removeprefix("#").strip().upper().rstrip(".")
    return bare if ORDER_ID.fullmatch(bare) else None


def claim_from_answer(
    answer: ClaimAnswer,
    *,
    text: str,
    given_order_id: str | None = None,
    given_amount: str | None = None,
    given_currency: str | None = None,
    lang: str = "und",
    words: Words,
) -> Claim:
    """Return what of a proposed claim counts.

    Args:
        answer: the model's proposal.
        text: the message as the model saw it.
        given_order_id: the payload's own field; with a value it wins, and a different verified one in the text makes
            it unreadable.
        given_amount: the payload's own field, likewise.
        given_currency: the payload's own field, ISO 4217.
        lang: language of the message; it decides what `1,234` means.
        words: beside which an amount is not what it looks like, of all languages.
    """
    context = _context_of(words)
    order_id, order_origin, order_clash = _claimed_order(answer.order_id, text, given_order_id)
    amount, amount_origin, amount_clash = _claimed_amount(
        answer.amount, text, given_amount, given_currency, lang, context
    )
    unreadable = [name for name, clash in (("order_id", order_clash), ("amount", amount_clash)) if clash]
    return Claim(
        wants=answer.wants,
        reason=answer.reason,
        order_id=None if order_clash else order_id,
        order_origin=order_origin,
        amount=None if amount_clash else amount,
        amount_origin=amount_origin,
        unreadable=unreadable,
    )


@lru_cache(maxsize=8)
def _context_of(words: Words) -> _Context:
    negations, magnitudes = any_of(words.negations), any_of(words.magnitudes)
    longest = max((len(word) for word in (*words.negations, *words.magnitudes)), default=0)
    return _Context(
        negated=re.compile(rf"(?:[-−]\s*|[–—]|\b{negations}\s+)$", re.IGNORECASE),
        magnitude=re.compile(rf"\s?{magnitudes}\b", re.IGNORECASE),
        reach=longest + 3,  # and the blanks between
    )


def _claimed_order(proposed: QuotedOrder | None, text: str, given: str | None) -> tuple[str | None, Origin, bool]:
    said = normal_order_id(proposed.value) if proposed else None
    proven = proposed is not None and said is not None and _stands_in(proposed.value.strip(), proposed.quote, text)
    if given is not None and given.strip():
        named = normal_order_id(given)
        return named, Origin.GIVEN, named is None or (proven and said != named)
    if proposed is None or said is None:
        return None, Origin.GUESSED, False
    if not proven:
        return said, Origin.GUESSED, False
    return said, Origin.QUOTED, _has_siblings(said, proposed.quote)


def _claimed_amount(
    proposed: QuotedAmount | None,
    text: str,
    given: str | None,
    currency: str | None,
    lang: str,
    context: _Context,
) -> tuple[Money | None, Origin, bool]:
    quoted, clash = None, False
    if proposed is not None:
        try:
            quoted = _quoted_amount(proposed, text, currency, lang, context)
        except ValueError:
            clash = True
    if given is None or not given.strip():
        return quoted, Origin.QUOTED if quoted else Origin.GUESSED, clash
    try:
        named = read_amount(given, currency=currency, lang=lang)
    except ValueError:
        return None, Origin.GUESSED, True
    return named, Origin.GIVEN, quoted is not None and quoted != named


def _quoted_amount(proposed: QuotedAmount, text: str, currency: str | None, lang: str, context: _Context) -> Money:
    """Read an amount out of its quote; the currency comes from the message or from the payload, never from the model
    alone.

    Raises:
        ValueError: it does not stand there, has a minus before it or a "thousand" behind it, stands beside another
            amount, or has no single reading.
    """
    value, quote = proposed.value.strip(), proposed.quote.strip()
    in_text = find_amounts(text)
    readings = {_widened(text, start, end, in_text, context) for start, end in _occurrences(value, quote, text)} - {
        None
    }
    if len(readings) != 1:
        raise ValueError(
            f"amount {value!r}: expected one place in the message that holds it in {quote!r}, found {len(readings)}"
        )
    (marked,) = readings
    others = {w.text for w in find_amounts(quote)} or set(_NUMBERS.findall(quote))
    if marked is None or len(others) > 1:
        raise ValueError(f"amount {value!r}: {quote!r} holds several amounts")
    money = read_amount(marked, currency=currency, lang=lang)
    if proposed.currency is not None and proposed.currency.strip().upper() != money.currency:
        raise ValueError(f"amount {marked!r}: the answer says {proposed.currency!r}")
    return money


def _widened(text: str, start: int, end: int, amounts: Sequence[Written], context: _Context) -> str | None:
    """Return the whole amount, currency mark included, that stands at a place; None if what stands there is a piece
    of something else.
    """
    around = next((w for w in amounts if w.start <= start and end <= w.end), Written(start, end, text[start:end]))
    if _digits(text[start:end]) != _digits(around.text):
        return None
    if not _is_whole(text, around.start, around.end):
        return None
    before = text[max(0, around.start - context.reach) : around.start]
    if context.negated.search(before) or context.magnitude.match(text[around.end : around.end + context.reach]):
        return None
    return around.text


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit())


def _stands_in(value: str, quote: str, text: str) -> bool:
    """Say whether the quote is in the text and the value in the quote, not as a piece of a longer word or number."""
    return any(_is_whole(text, start, end) for start, end in _occurrences(value.strip(), quote.strip(), text))


def _occurrences(value: str, quote: str, text: str) -> list[tuple[int, int]]:
    """Return where in the text the value stands inside the quote."""
    if not value or not quote:
        return []
    inner = [m.start() for m in re.finditer(re.escape(value), quote)]
    starts = [m.start() + at for m in re.finditer(re.escape(quote), text) for at in inner]
    return [(start, start + len(value)) for start in starts]


def _is_whole(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    if text[start].isalnum() and before[-1:].isalnum():
        return False
    if text[end - 1].isalnum() and after[:1].isalnum():
        return False
    glued_before = len(before) == 2 and (
        (before[1] in ".,'’" and before[0].isdigit()) or (before[1] in "-_/" and before[0].isalnum())
    )
    glued_after = len(after) == 2 and (
        (after[0] in ".,'’" and after[1].isdigit()) or (after[0] in "-_/" and after[1].isalnum())
    )
    return not (glued_before or glued_after)


def _has_siblings(order_id: str, quote: str) -> bool:
    """Say whether the quote holds another order number of the same shape."""
    shape = re.escape(re.sub(r"[0-9]", "9", re.sub(r"[A-Z]", "A", order_id)))
    pattern = re.compile(rf"(?<![A-Z0-9]){shape.replace('A', '[A-Z]').replace('9', '[0-9]')}(?![A-Z0-9])")
    return any(found != order_id for found in pattern.findall(quote.upper()))
