"""What of a proposed claim counts once it is checked against the message itself."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

from domain.money.amount import Money
from domain.money.claim import Claim, Doubt, Doubted, Mood, Origin, Reason
from domain.money.written import Written, find_amounts, read_amount, read_decimal
from domain.reading.answers import ClaimAnswer, QuotedAmount, QuotedOrder, QuotedShare
from domain.reading.claim_words import ClaimWords, pattern
from domain.reading.doubts import Accounted, Doubts, SpokenWords, spoken_words
from domain.reading.sentences import Message, Span
from domain.reading.share_reading import read_share
from domain.reading.words import Words, any_of

Value = TypeVar("Value")

ORDER_ID = re.compile(r"(?=[A-Z./_-]{0,32}[0-9])[A-Z0-9][A-Z0-9./_-]{1,63}", re.ASCII)
# What may be the number of an order, whichever is claimed, and those that are known for one by their letters.
_SHAPED = re.compile(
    r"(?<![\w/-])#?(?=[A-Z./_-]{0,12}[0-9])[A-Z0-9]+(?:[./_-][A-Z0-9]+)*(?!\w)", re.ASCII | re.IGNORECASE
)
_USUAL = re.compile(r"(?:ORD|ORDER|SO|PO|BEST)[-_][A-Z0-9-]{3,}")
_MOST_FIGURES = 8
# How much is owed follows from the records alone: a wish for "a part" or "the difference" is a wish for just that.
_FIXED_BY_POLICY = frozenset({Reason.DUPLICATE_CHARGE, Reason.OVERCHARGED, Reason.LATE_DELIVERY, Reason.SERVICE_OUTAGE})


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


class GivenFields(NamedTuple):
    """Named fields of the sender's payload; with a value they win over the text."""

    order_id: str | None = None
    amount: str | None = None
    currency: str | None = None  # ISO 4217


def claim_from_answer(
    answer: ClaimAnswer, *, text: str, given: GivenFields | None = None, lang: str = "und", words: Words
) -> Claim:
    """Return what of a proposed claim counts, and what of the message it does not account for.

    Args:
        answer: the model's proposal.
        text: the whole message, of which the model may have seen a part.
        given: the payload's own fields; a different verified value in the text makes the field unreadable.
        lang: language of the message; it decides what `1,234` means.
        words: of all languages.
    """
    given = given or GivenFields()
    message = Message(text)
    spoken = spoken_words(message, words.claim, lang)
    context = _context_of(words.negations, words.magnitudes)
    order = _claimed_order(answer.order_id, text, given.order_id)
    amount = _claimed_amount(answer.amount, message, given, lang, context, spoken.words)
    claim = Claim(
        wants=answer.wants,
        reason=answer.reason,
        order_id=None if order.clash else order.value,
        order_origin=order.origin,
        amount=None if amount.clash else amount.value,
        amount_origin=amount.origin,
        mood=answer.mood,
        unreadable=[name for name, read in (("order_id", order), ("amount", amount)) if read.clash],
    )
    amounts = amount.spans if claim.amount is not None else []
    return _accounted(
        claim, answer, message, spoken, list(order.spans), list(amounts), lang=lang, currency=given.currency
    )


def _accounted(
    claim: Claim,
    answer: ClaimAnswer,
    message: Message,
    spoken: SpokenWords,
    spans: list[Span],
    amounts: list[Span],
    *,
    lang: str,
    currency: str | None,
) -> Claim:
    """Return the claim with its parts, and with the doubts about all that they do not account for."""
    doubts: list[Doubted] = []
    spans += amounts
    share = _claimed_share(answer.share, message, spoken.words, doubts) if claim.amount is None else None
    if share is not None:
        spans.append(share.place)
    items = [item for item in answer.items if (found := _place_of(item, message)) and not spans.append(found)]  # type: ignore[func-returns-value]
    doubts += [Doubted(doubt=Doubt.ITEM, quote=item[:120]) for item in answer.items if item not in items]
    orders, others = _orders_named(claim.order_id, message)
    spans += others if len(orders) < 2 else []
    is_part = claim.amount is not None or share is not None or bool(items)
    read_from = Accounted(
        spans,
        is_part,
        is_share=share is not None,
        is_policys=claim.reason in _FIXED_BY_POLICY,
        amounts=amounts,
        order_id=claim.order_id,
    )
    looking = Doubts(message, spoken.words, read_from)
    doubts += looking.found() + _doubts_of_the_answer(answer, orders, spoken)
    figures = _figures(looking.figures, currency, lang, doubts)
    numbers = _numbers(looking.numbers, message, lang, doubts)
    quotes = [message.text[s.start : s.end][:200] for s in sorted(set(spans))]
    mood = Mood.WITHDRAWN if any(d.doubt is Doubt.WITHDRAWN for d in doubts) else claim.mood
    read = {
        "share_bp": share.value if share else None,
        "items": items,
        "figures": figures,
        "numbers": numbers,
        "orders": orders,
        "doubts": doubts,
        "quotes": quotes[:10],
        "mood": mood,
    }
    return claim.model_copy(update=read)


def _doubts_of_the_answer(answer: ClaimAnswer, orders: Sequence[str], spoken: SpokenWords) -> list[Doubted]:
    said = {
        Doubt.WITHDRAWN: answer.mood is Mood.WITHDRAWN,
        Doubt.CONDITION: answer.mood is Mood.CONDITIONAL,
        Doubt.DISPUTE: answer.dispute,
        Doubt.OTHER_WISH: answer.other_wish,
        Doubt.OTHER_ORDER: len(orders) > 1,
        Doubt.LANGUAGE: not spoken.is_known,
    }
    told = ", ".join(orders) if len(orders) > 1 else ""
    return [
        Doubted(doubt=doubt, quote=told[:120] if doubt is Doubt.OTHER_ORDER else "") for doubt, so in said.items() if so
    ]


class _ReadShare(NamedTuple):
    value: int
    place: Span


def _claimed_share(
    proposed: QuotedShare | None, message: Message, words: ClaimWords, doubts: list[Doubted]
) -> _ReadShare | None:
    """Return a share that stands once in the message, in a sentence about a refund."""
    if proposed is None:
        return None
    places = [Span(*p) for p in _occurrences(proposed.value.strip(), proposed.quote.strip(), message.text)]
    wished = [p for p in places if pattern(words.refunds).search(message.plain, *message.sentence_at(p))]
    try:
        points = read_share(proposed.value, words)
    except ValueError:
        points = 0
    if points and len(places) == len(wished) == 1:
        return _ReadShare(points, wished[0])
    doubts.append(Doubted(doubt=Doubt.PERCENT, quote=proposed.quote[:120]))
    return None


def _place_of(words: str, message: Message) -> Span | None:
    start = message.text.find(words.strip()) if words.strip() else -1
    return Span(start, start + len(words.strip())) if start >= 0 else None


def _figures(written: Sequence[Written], currency: str | None, lang: str, doubts: list[Doubted]) -> list[Money]:
    """Return the other amounts of the message, for the records to know; one that cannot be read is a doubt."""
    found: list[Money] = []
    for one in written[:_MOST_FIGURES]:
        try:
            found.append(read_amount(one.text, currency=currency, lang=lang))
        except ValueError:
            doubts.append(Doubted(doubt=Doubt.CURRENCY, quote=one.text[:120]))
    if len(written) > _MOST_FIGURES:
        doubts.append(Doubted(doubt=Doubt.CURRENCY, quote=f"{len(written)} amounts"))
    return list(dict.fromkeys(found))


def _numbers(places: Sequence[Span], message: Message, lang: str, doubts: list[Doubted]) -> list[str]:
    """Return numbers without a currency as decimals; one that is no plain number is a doubt."""
    found: list[str] = []
    for place in places:
        try:
            found.append(read_decimal(message.plain[place.start : place.end], lang))
        except ValueError:
            doubts.append(Doubted(doubt=Doubt.NUMBER, quote=message.quote(place)))
    if len(found) > _MOST_FIGURES:
        doubts.append(Doubted(doubt=Doubt.NUMBER, quote=f"{len(found)} numbers"))
    return list(dict.fromkeys(found[:_MOST_FIGURES]))


def _orders_named(claimed: str | None, message: Message) -> tuple[list[str], list[Span]]:
    """Return the orders that the whole message names, the claimed one first, and where they stand."""
    found: dict[str, None] = dict.fromkeys([claimed] if claimed else [])
    places: list[Span] = []
    shape = _shape_of(claimed) if claimed else None
    for match in _SHAPED.finditer(message.text):
        named = normal_order_id(match.group())
        if named is None or not (_USUAL.match(named) or (shape is not None and _shape_of(named) == shape)):
            continue
        found.setdefault(named)
        places.append(Span(*match.span()))
    return list(found), places


def _shape_of(order_id: str) -> str:
    """Return what orders of a shop have in common: letters in front, and what stands between; the length may differ."""
    return re.sub(r"[0-9]+", "9", order_id)


@lru_cache(maxsize=8)
def _context_of(negations: tuple[str, ...], magnitudes: tuple[str, ...]) -> _Context:
    longest = max(map(len, negations + magnitudes), default=0)
    return _Context(
        negated=re.compile(rf"(?:[-−]\s*|[–—]|\b{any_of(negations)}\s+)$", re.IGNORECASE),
        magnitude=re.compile(rf"\s?{any_of(magnitudes)}\b", re.IGNORECASE),
        reach=longest + 3,  # and the blanks between
    )


class _Read(NamedTuple, Generic[Value]):
    """A value that was read, and whether what was said of it contradicts itself."""

    value: Value | None
    origin: Origin
    clash: bool
    spans: Sequence[Span] = ()


def _claimed_order(proposed: QuotedOrder | None, text: str, given: str | None) -> _Read[str]:
    said = normal_order_id(proposed.value) if proposed else None
    spans = _whole_places(proposed.value, proposed.quote, text) if proposed is not None and said is not None else []
    if given is not None and given.strip():
        named = normal_order_id(given)
        return _Read(named, Origin.GIVEN, named is None or (bool(spans) and said != named), spans)
    if proposed is None or said is None:
        return _Read(None, Origin.GUESSED, clash=False)
    if not spans:
        return _Read(said, Origin.GUESSED, clash=False)
    return _Read(said, Origin.QUOTED, _has_siblings(said, proposed.quote), spans)


def _claimed_amount(
    proposed: QuotedAmount | None,
    message: Message,
    given: GivenFields,
    lang: str,
    context: _Context,
    words: ClaimWords,
) -> _Read[Money]:
    quoted, clash, spans = None, False, list[Span]()
    if proposed is not None:
        try:
            quoted, spans = _quoted_amount(proposed, message.text, given.currency, lang, context)
        except ValueError:
            clash = True
    if given.amount is None or not given.amount.strip():
        if quoted is not None and not _is_wished(spans, message, words):
            return _Read(
                None, Origin.GUESSED, clash=False
            )  # one of the figures: what was paid, what it costs elsewhere
        return _Read(quoted, Origin.QUOTED if quoted else Origin.GUESSED, clash, spans)
    try:
        named = read_amount(given.amount, currency=given.currency, lang=lang)
    except ValueError:
        return _Read(None, Origin.GUESSED, clash=True)
    return _Read(named, Origin.GIVEN, quoted is not None and quoted != named, spans)


def _is_wished(spans: Sequence[Span], message: Message, words: ClaimWords) -> bool:
    """Say whether one of the places stands in a sentence about a refund; where nothing is known for one, all do."""
    wish = message.with_any(pattern(words.refunds))
    return not wish or any(message.sentence_at(span) in wish for span in spans)


def _quoted_amount(
    proposed: QuotedAmount, text: str, currency: str | None, lang: str, context: _Context
) -> tuple[Money, list[Span]]:
    """Read an amount out of its quote; the currency comes from the message or from the payload, never from the model
    alone.

    Raises:
        ValueError: it does not stand there, has a minus before it or a "thousand" behind it, stands beside another
            amount, or has no single reading.
    """
    value, quote = proposed.value.strip(), proposed.quote.strip()
    in_text = find_amounts(text)
    places = {_widened(text, start, end, in_text, context) for start, end in _occurrences(value, quote, text)} - {None}
    readings = {place.text if place else "" for place in places}
    if len(readings) != 1:
        raise ValueError(
            f"amount {value!r}: expected one place in the message that holds it in {quote!r}, found {len(readings)}"
        )
    (marked,) = readings
    spans = [Span(w.start, w.end) for w in in_text if w.text == marked] or [Span(p.start, p.end) for p in places if p]
    others = {w.text for w in find_amounts(quote)} or set(_NUMBERS.findall(quote))
    if len(others) > 1:
        raise ValueError(f"amount {value!r}: {quote!r} holds several amounts")
    money = read_amount(marked, currency=currency, lang=lang)
    if proposed.currency is not None and proposed.currency.strip().upper() != money.currency:
        raise ValueError(f"amount {marked!r}: the answer says {proposed.currency!r}")
    return money, spans


def _widened(text: str, start: int, end: int, amounts: Sequence[Written], context: _Context) -> Written | None:
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
    return around


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit())


def _whole_places(value: str, quote: str, text: str) -> list[Span]:
    """Return where the value stands within the quote in the text, not as a piece of a longer word or number."""
    places = _occurrences(value.strip(), quote.strip(), text)
    return [Span(start, end) for start, end in places if _is_whole(text, start, end)]


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
