"""The task `claim`: rules that copy an order number and an amount out of a message, and lexicons for what is wanted
and why.
"""

import itertools
import re
from collections.abc import Sequence
from functools import cache

from adapters.models.offline.task import Answer, Task
from adapters.models.offline.words import any_of, default_words, folded, folded_in_place, lexicon
from domain.money.claim import Reason, Wants
from domain.reading.claim_words import ClaimWords, any_stem, fold, pattern
from domain.reading.doubts import joined_words
from domain.reading.reasons import likeliest, reasons_told
from domain.reading.sentences import MessageText, Span
from domain.reading.written import Written, find_amounts

_PHRASES = lexicon("claim")
_REFUND = any_of(_PHRASES["refund"])
_DEMAND = any_of(_PHRASES["demand"])
_NO_REFUND = any_of(_PHRASES["no_refund"])
_ABOUT_REFUNDS = any_of(_PHRASES["about_refunds"])
_ASKING = any_of(_PHRASES["asking"])
_ASKED_FOR = any_of(_PHRASES["refund"] + _PHRASES["asked_for"])
_IDLE_BACK = any_of(_PHRASES["idle_back"])
_PART = "#"  # stands for a share or an amount; no phrase has it
_NEXT = r"[^\w.!?,;:\n#]+"
_PART_BACK = re.compile(
    rf"{_PART}(?:{_NEXT}\w+){{0,5}}?{_NEXT}{any_of(_PHRASES['back']).pattern}"
    rf"|{any_of(_PHRASES['back']).pattern}(?:{_NEXT}(?!(?:with|in|at|on|to|for|mit|met|avec|con)\b)\w+)?{_NEXT}?{_PART}"
    rf"|{any_of(_PHRASES['price']).pattern}(?:{_NEXT}\w+)?{_NEXT}{any_of(_PHRASES['back']).pattern}"
)

_READ_CHARS = 20_000
_QUOTE_CHARS = 380
_NEAR_CHARS = 45

_ORDER_WORD = (
    r"(?:orders?|purchase|bestellung(?:en)?|bestellnummer|bestell|auftrags?|commandes?|pedidos?|orden|compra|ordin[ei]|encomendas?|"
    r"bestelling(?:en)?|bestel|zam[oó]wieni\w+|طلب|الطلب)"
)
_NUMBER_WORD = r"(?:number|num|no\.?|nr\.?|id|ref(?:erence)?|n[°ºo]\.?|num[eé]ro|n[úu]mero|nummer|code)"
_ID = r"(?P<id>#?(?=[A-Z#._/-]*[0-9])[A-Z0-9](?:[A-Z0-9._/-]{1,40}[A-Z0-9]))"
_CUED_ORDER = re.compile(
    rf"(?<![^\W_]){_ORDER_WORD}(?:[\s-]*{_NUMBER_WORD})?(?:\s+(?:is|was|lautet|est|es|è|é))?[\s:=#(\[\"'-]{{1,4}}{_ID}(?![\w])",
    re.IGNORECASE,
)
_SHAPED_ORDER = re.compile(
    r"(?<![\w-])(?P<id>(?:ORD|ORDER|SO|PO)[-_][A-Z0-9-]{3,30}[0-9]|#[A-Z]{0,3}[0-9]{4,20})(?![\w-])", re.IGNORECASE
)
_PARTED_ORDER = re.compile(r"(?<![\w-])(?P<id>(?:ord|so|po)[ .:#]{1,2}[0-9]{3,20})(?![\w-])")
_YEAR_OR_DATE = re.compile(
    r"(?:19|20)\d\d|\d{1,2}[./-]\d{1,2}(?:[./-]\d{2,4})?|\d{4}-\d{2}-\d{2}|\d{1,2}(?:st|nd|rd|th)", re.IGNORECASE
)

_ONE_NUMBER_WORD = any_of(_PHRASES["number_words"]).pattern
_WORDED = re.compile(
    rf"(?:{_ONE_NUMBER_WORD}[\s-]+(?:(?:and|und|y|e|en)\s+)?){{1,8}}{any_of(_PHRASES['currency_words']).pattern}(?!\s?\d)"
)
_MARK = r"(?:[$€£¥＄￥]|usd|eur|gbp|chf|jpy)"
_ODD = re.compile(
    rf"(?:{_MARK})\s?(?P<a>[^\s$€£¥]{{1,24}})|(?P<b>[^\s$€£¥]{{1,24}})\s?(?:{_MARK})(?!\w)", re.IGNORECASE
)
_OR = re.compile(r"\b(?:or|oder|ou|to|bis|lub)\b", re.IGNORECASE)
_NOT_NUMBERS = frozenset({"nan", "inf", "infinity", "-inf", "-infinity", "null", "unlimited"})

# A charge that should not be there is a complaint even if no refund is named.
_COMPLAINTS = frozenset({Reason.DUPLICATE_CHARGE, Reason.UNKNOWN_CHARGE})


_TOLD_BY_AMOUNTS = frozenset({Reason.OVERCHARGED, Reason.DUPLICATE_CHARGE})


def read_claim(task: Task) -> Answer:
    """Answer from the message alone; what it does not say word for word is null."""
    text = task.ticket[:_READ_CHARS]
    plain = folded(text)
    message = MessageText(text)
    told = reasons_told(message, _languages())
    reason = likeliest(told)
    order = _order(text)
    part_back = asks_part_back(text)
    wants = _wants(plain, reason, order=order is not None, amount=bool(find_amounts(text)), part_back=part_back)
    share = _share(text) if wants is Wants.REFUND else None
    amount = _amount(text, reason) if wants is Wants.REFUND and share is None else None
    quotes = {
        "wants_quote": _quoted(message, message.places(pattern(_all_words().refunds)))
        or _quoted(message, told.get(reason, [])),
        "reason_quote": _quoted(message, told.get(reason, [])),
    }
    value = {
        "wants": wants.value,
        "reason": reason.value,
        "order_id": order,
        "amount": amount,
        "share": share,
        **quotes,
    }
    # Whatever else there is to see, the code that checks the claim sees by the same rules.
    return Answer(value={**value, "items": [], "mood": "wanted", "dispute": False, "other_wish": False})


def asks_for_money(text: str) -> bool:
    """Say whether a message has words for money back, and is no question about refunds as such."""
    text = text[:_READ_CHARS]
    plain = folded(text)
    if _NO_REFUND.search(plain):
        return False
    if _DEMAND.search(plain) or asks_part_back(text):
        return True
    return _REFUND.search(plain) is not None and _ABOUT_REFUNDS.search(plain) is None


def asks_part_back(text: str) -> bool:
    """Say whether a share of the price, an amount or the price is to come back.

    >>> asks_part_back("give me 30 percent back"), asks_part_back("call me back about the 30 percent")
    (True, False)
    """
    text = text[:_READ_CHARS].replace(_PART, " ")
    spans = [found.span() for found in _shares().finditer(fold(text))]
    spans += [(written.start, written.end) for written in find_amounts(text)]
    for start, end in spans:
        text = text[:start] + _PART * (end - start) + text[end:]
    return _PART_BACK.search(_IDLE_BACK.sub(" . ", folded(text))) is not None


def reason_in(text: str) -> Reason:
    """Return why money could be wanted back, by the words alone."""
    return likeliest(reasons_told(MessageText(text[:_READ_CHARS]), _languages()))


@cache
def _languages() -> tuple[ClaimWords, ...]:
    return tuple(default_words().claim.values())


@cache
def _all_words() -> ClaimWords:
    return joined_words(_languages())


def _quoted(message: MessageText, places: Sequence[Span]) -> str | None:
    """Return the words at the first of the places."""
    return message.text[places[0].start : places[0].end][:_QUOTE_CHARS] if places else None


def names_order(text: str) -> bool:
    """Say whether a message names an order."""
    return _order(text[:_READ_CHARS]) is not None


def _share(text: str) -> dict[str, str] | None:
    """Return the one share of the price that a message names, if it names one."""
    plain = fold(text)
    found = list(_shares().finditer(plain))
    if len(found) != 1:
        return None
    value = text[found[0].start() : found[0].end()].strip()
    return {"value": value, "quote": value}


@cache
def _shares() -> re.Pattern[str]:
    words = _all_words()
    sign = any_stem(words.percents).pattern
    named = any_stem(words.halves + words.thirds + words.quarters).pattern
    return re.compile(rf"(?<![\d.,])\d{{1,3}}(?:[.,]\d{{1,2}})?\s?(?:[%٪]|-?(?:{sign}))|{named}")


def _wants(plain: str, reason: Reason, *, order: bool, amount: bool, part_back: bool) -> Wants:
    """Say what is wanted: the first of these rules that applies decides."""
    if _NO_REFUND.search(plain):
        return Wants.INFORMATION
    complains = reason in _COMPLAINTS
    if _DEMAND.search(plain) or part_back or (complains and order):
        return Wants.REFUND
    if _ABOUT_REFUNDS.search(plain):
        return Wants.INFORMATION
    if _REFUND.search(plain):
        how_to = _ASKING.search(plain) is not None and reason is Reason.OTHER and not (order or amount)
        return Wants.INFORMATION if how_to else Wants.REFUND
    named = (reason is Reason.CHANGED_MIND and order) or (reason is Reason.OVERCHARGED and (order or amount))
    return Wants.REFUND if complains or named else Wants.INFORMATION


def _order(text: str) -> dict[str, str] | None:
    found: dict[str, re.Match[str]] = {}
    plain = fold(text)
    for written in (_CUED_ORDER, _SHAPED_ORDER, _PARTED_ORDER):
        for match in written.finditer(plain):
            bare = match["id"].lstrip("#").upper()
            if not _YEAR_OR_DATE.fullmatch(bare):
                found.setdefault(bare, match)
        if found:
            break
    if not found:
        return None
    matches = sorted(found.values(), key=lambda m: m.start())
    quote = text[matches[0].start() : matches[-1].end()]
    if len(quote) > _QUOTE_CHARS:
        return None  # several orders far apart: which one is meant cannot be said
    # Several orders are quoted together: the reader sees that there is a choice.
    return {"value": text[matches[0].start("id") : matches[0].end("id")], "quote": quote}


def _amount(text: str, reason: Reason) -> dict[str, str | None] | None:
    odd = _odd_amount(text)
    if odd is not None:
        return {"value": odd, "currency": None, "quote": odd}
    written = find_amounts(text)
    if not written:
        return None
    if len({_bare(w) for w in written}) > 1:
        asked = [w for w, floor in zip(written, [0, *(w.end for w in written)], strict=False) if _asked(text, w, floor)]
        if len({_bare(w) for w in asked}) == 1 and not _alternatives(text, written):
            written = asked
        elif reason in _TOLD_BY_AMOUNTS and not asked:
            return None  # what was charged and what was agreed: how much is owed follows from the records
        else:  # several could be meant: quoted together, so that the reader sees that there is a choice
            quote = text[written[0].start : written[-1].end][:_QUOTE_CHARS]
            return {"value": written[0].text, "currency": None, "quote": quote}
    return {"value": written[0].text, "currency": None, "quote": written[0].text}


def _bare(written: Written) -> str:
    return re.sub(r"\s", "", written.text).casefold()


def _asked(text: str, written: Written, floor: int) -> bool:
    """Say whether the words right before an amount, and behind the one before it, ask for it."""
    before = text[max(floor, written.start - _NEAR_CHARS) : written.start]
    return _ASKED_FOR.search(folded(before)) is not None


def _alternatives(text: str, written: list[Written]) -> bool:
    between = [text[a.end : b.start] for a, b in itertools.pairwise(written)]
    return any(len(words) <= _NEAR_CHARS and _OR.search(words) for words in between)


def _odd_amount(text: str) -> str | None:
    """Return an amount that is no plain number (in words, other digits, NaN), as it stands: the reader will not take
    it.
    """
    worded = _WORDED.search(folded_in_place(text))
    if worded:
        return text[worded.start() : worded.end()].strip()
    plain = [(w.start, w.end) for w in find_amounts(text)]
    for match in _ODD.finditer(text):
        group = "a" if match["a"] is not None else "b"
        token = match[group].strip(".,;:!?()[]\"'")
        start = match.start(group)
        digits = any(c.isdigit() for c in token)
        covered = any(s < match.end(group) and start < e for s, e in plain)
        if (
            token
            and not covered
            and (token.casefold() in _NOT_NUMBERS or (digits and not _looks_like_reference(token)))
        ):
            return token
    return None


def _looks_like_reference(token: str) -> bool:
    """Say whether a token with digits is something else than an amount: an order number, a date, a word."""
    return any(c.isascii() and c.isalpha() for c in token) or bool(_YEAR_OR_DATE.fullmatch(token))
