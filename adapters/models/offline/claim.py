"""The task `claim`: rules that copy an order number and an amount out of a message, and lexicons for what is wanted
and why.
"""

import re

from adapters.models.offline.task import Answer, Task
from adapters.models.offline.words import any_of, folded, folded_in_place, lexicon
from domain.amounts import find_amounts
from domain.refund import Reason, Wants

_PHRASES = lexicon("claim")
_REASONS = {reason: any_of(_PHRASES[reason]) for reason in (Reason(name) for name in _PHRASES if name in list(Reason))}
_REFUND = any_of(_PHRASES["refund"])
_NO_REFUND = any_of(_PHRASES["no_refund"])
_ABOUT_REFUNDS = any_of(_PHRASES["about_refunds"])
_ASKING = any_of(_PHRASES["asking"])
_ASKED_FOR = any_of(_PHRASES["refund"] + _PHRASES["asked_for"])

_READ_CHARS = 20_000
_QUOTE_CHARS = 380
_NEAR_CHARS = 45

_ORDER_WORD = (
    r"(?:orders?|purchase|bestellung(?:en)?|bestellnummer|bestell|auftrags?|commandes?|pedidos?|orden|compra|ordin[ei]|encomendas?|"
    r"bestelling(?:en)?|bestel)"
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
_NOT_NUMBERS = frozenset({"nan", "inf", "infinity", "-inf", "-infinity", "null", "unlimited"})

# A charge that should not be there is a complaint even if no refund is named; a higher one only where it is named,
# else it is a question.
_COMPLAINTS = frozenset({Reason.DUPLICATE_CHARGE, Reason.UNKNOWN_CHARGE})


def read_claim(task: Task) -> Answer:
    """Answer from the message alone; what it does not say word for word is null."""
    text = task.ticket[:_READ_CHARS]
    plain = folded(text)
    reason = _reason(plain)
    order = _order(text)
    wants = _wants(plain, reason, named=order is not None or bool(find_amounts(text)))
    amount = _amount(text) if wants is Wants.REFUND else None
    return Answer(value={"wants": wants.value, "reason": reason.value, "order_id": order, "amount": amount})


def _reason(plain: str) -> Reason:
    found = {reason: len(pattern.findall(plain)) for reason, pattern in _REASONS.items()}
    best = max(found, key=lambda reason: found[reason])  # the first of equals, in the lexicon's order
    return best if found[best] else Reason.OTHER


def _wants(plain: str, reason: Reason, *, named: bool) -> Wants:
    if _NO_REFUND.search(plain) or _ABOUT_REFUNDS.search(plain):
        return Wants.INFORMATION
    if _REFUND.search(plain):
        how_to = _ASKING.search(plain) is not None and reason is Reason.OTHER and not named
        return Wants.INFORMATION if how_to else Wants.REFUND
    complains = reason in _COMPLAINTS or (reason is Reason.OVERCHARGED and named)
    return Wants.REFUND if complains else Wants.INFORMATION


def _order(text: str) -> dict[str, str] | None:
    found: dict[str, re.Match[str]] = {}
    for pattern in (_CUED_ORDER, _SHAPED_ORDER):
        for match in pattern.finditer(text):
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
    return {"value": matches[0]["id"], "quote": quote}


def _amount(text: str) -> dict[str, str | None] | None:
    odd = _odd_amount(text)
    if odd is not None:
        return {"value": odd, "currency": None, "quote": odd}
    written = find_amounts(text)
    if not written:
        return None
    distinct = {re.sub(r"\s", "", w.text).casefold() for w in written}
    if len(distinct) > 1:
        asked = [
            w
            for w, before in zip(written, [None, *written], strict=False)
            if _is_asked_for(text, w.start, before.end if before else 0)
        ]
        if len({re.sub(r"\s", "", w.text).casefold() for w in asked}) == 1:
            written = asked
        else:
            quote = text[written[0].start : written[-1].end]
            return {
                "value": written[0].text,
                "currency": None,
                "quote": quote if len(quote) <= _QUOTE_CHARS else quote[:_QUOTE_CHARS],
            }
    return {"value": written[0].text, "currency": None, "quote": written[0].text}


def _is_asked_for(text: str, start: int, floor: int) -> bool:
    return _ASKED_FOR.search(folded(text[max(floor, start - _NEAR_CHARS) : start])) is not None


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
