"""What the customer wrote, for whoever decides on it: the sentences that a request rests on, quoted, links dead."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from domain.inbound.cleaned import MAX_TEXT_CHARS
from domain.inbound.shown import cut, quoted
from domain.money.claim import Claim, Wants
from domain.reading.sentences import sentences
from domain.reading.written import find_amounts

QUOTED_AT_MOST, QUOTED_CHARS = 3, 300
_EVIDENCE_AT_MOST, _PLACES_AT_MOST = 20, 20  # quotes of a claim that are looked for, and places for each
_LONG_QUOTE = 20  # characters; a shorter one may stand within a word by chance

# Which sentences speak of money to be given back, by word stems. They choose what is shown, nothing else: where a
# language is missing, its messages are shown by order number, amounts, or their first sentences.
_GIVE_BACK = re.compile(
    r"refund|reimburs|compensat|charge ?back|money back|\b(?:give|pay|paid|send|want|get)\b.{0,20}\bback\b"
    r"|\breturn\b.{0,20}\b(?:money|amount|payments?|one|them)\b|\bcredit m[ey]\b"
    r"|erstatt|rückzahl|zurück|gutschr|rembours|reembols|devol[uv]|devuel|rimbors|indietro"
    r"|terugbetal|terugstort|geld terug|zwrot|zwróć|zwrac|återbetal|tilbagebetal|tilbakebetal|refusjon|vrác|vrať"
    r"|vrátit|hyvit|palaut|visszatér|ramburs|returnare|iade|верн|возврат|возмещ|поверн|відшкод|επιστροφ|استرداد|استرجاع|إرجاع|ارجاع"
    r"|退款|退钱|退錢|返金|払い戻|환불|hoàn tiền|hoàn lại",
    re.IGNORECASE,
)
_SHARE = re.compile(r"\d\s?(?:[%٪]|per ?cent|prozent|pour cent|por ciento|por cento|per cento|procent)", re.IGNORECASE)


class _Sentence(NamedTuple):
    """A sentence with what speaks for showing it, and where in it that is said."""

    number: int
    text: str
    weight: int
    said_at: int


def request_lines(text: str, claim: Claim | None = None) -> list[str]:
    """Return the customer's sentences that a request rests on, quoted, and how the claim was read; [] for no text.

    At most three sentences, in the order of the message: those that the claim was read from, ask for money back, name
    an amount or the order; else the first ones. Only what stands in the message is ever quoted, whatever the claim
    says. Takes time in proportion to the text, of which the first 16,000 characters are read.

    Args:
        text: the message, personal data replaced by tokens.
        claim: what was read out of it; None where nobody read a claim.

    >>> request_lines("Hello. My lamp broke. Please refund 20 percent of it! Bye")
    ['“Please refund 20 percent of it!”']
    """
    each = list(dict.fromkeys(sentences(text[:MAX_TEXT_CHARS])))
    evidence = _evidence(each, claim) if claim is not None else {}
    orders = _orders(claim) if claim is not None else []
    found = [_weighed(number, sentence, evidence.get(number), orders) for number, sentence in enumerate(each)]
    if not found:
        return []
    telling = sorted((s for s in found if s.weight), key=lambda s: -s.weight)
    shown = sorted(telling[:QUOTED_AT_MOST]) or found[:QUOTED_AT_MOST]
    lines = [_quoted(sentence) for sentence in shown]
    if (more := len(telling) - len(shown)) > 0:
        lines.append(f"not shown: {more} more sentence{'s' if more > 1 else ''} about it")
    return [*lines, *([f"read as: {_reading(claim)}"] if claim is not None else [])]


def request_rows(lines: Sequence[str]) -> list[tuple[str, str]]:
    """Return the lines of a request with a name each: the customer's quotes, and what is said about them.

    >>> request_rows(["“Please refund it.”", "read as: all of it"])
    [('the customer', '“Please refund it.”'), ('read as', 'all of it')]
    """
    rows = []
    for line in lines:
        name, colon, rest = line.partition(": ")
        ours = not line.startswith("“") and colon
        rows.append((name, rest) if ours else ("the customer", line))
    return rows


def asks_for_money(text: str) -> bool:
    """Return whether a text speaks of money to be given back.

    >>> asks_for_money("Please refund it."), asks_for_money("I am away until Monday.")
    (True, False)
    """
    return _GIVE_BACK.search(text[:MAX_TEXT_CHARS]) is not None


def short_request(lines: Sequence[str], at_most: int) -> str:
    """Return the most telling quote of `request_lines` in at most `at_most` characters; "" where there is none.

    >>> short_request(["“Hello.”", "“Please refund all of order ORD-1.”", "read as: all of it"], 24)
    '“Please refund all of…”'
    """
    quotes = [line for line in lines if line.startswith("“")]
    if not quotes:
        return ""
    quote = max(quotes, key=_tells)
    return quote if len(quote) <= at_most else cut(quote, at_most - 2) + "…”"


def _tells(sentence: str) -> int:
    """Return how much a sentence tells of the money that is wanted back."""
    figure = _SHARE.search(sentence) is not None or bool(find_amounts(sentence))
    return 4 * (_GIVE_BACK.search(sentence) is not None) + 2 * figure


def _weighed(number: int, sentence: str, said_at: int | None, orders: Sequence[str]) -> _Sentence:
    asks, share, amounts = _GIVE_BACK.search(sentence), _SHARE.search(sentence), find_amounts(sentence)
    places = [m.start() for m in (asks, share) if m is not None] + [w.start for w in amounts[:1]]
    weight = _tells(sentence)
    if orders:
        letters = _letters(sentence)
        weight += any(order in letters for order in orders)
    if said_at is not None:
        weight += 8
        places = [said_at]
    return _Sentence(number, sentence, weight, min(places, default=0))


def _orders(claim: Claim) -> list[str]:
    """Return the order numbers that a claim names, letters and digits alone."""
    named = [claim.order_id or "", *claim.orders[:_EVIDENCE_AT_MOST]]
    return [order for order in dict.fromkeys(map(_letters, named)) if order]


def _evidence(each: Sequence[str], claim: Claim) -> dict[int, int]:
    """Return which sentences a claim was read from, by number, and where in them it stands.

    Whoever read it may have made quotes up, or cut them within words and across sentences.
    """
    quotes = [*claim.quotes, *(doubted.quote for doubted in claim.doubts)]
    folded = [sentence.casefold() for sentence in each]
    starts = list(accumulate((len(sentence) + 1 for sentence in folded), initial=0))
    whole, found = " ".join(folded), dict[int, int]()
    for quote in dict.fromkeys(" ".join(quote.casefold().split()) for quote in quotes[:_EVIDENCE_AT_MOST]):
        at = _place(whole, quote)
        if at < 0:
            continue
        end, middle = at + len(quote), at + len(quote) // 2
        for number in range(bisect_right(starts, at) - 1, bisect_right(starts, end - 1)):
            first, last = starts[number], starts[number + 1] - 1
            if first <= middle <= last or (at <= first and last <= end):
                found.setdefault(number, max(0, at - first))
    return found


def _place(text: str, quote: str) -> int:
    """Return where a quote stands in a text, -1 for nowhere; a short one must stand there in whole words."""
    at = text.find(quote) if quote else -1
    for _ in range(_PLACES_AT_MOST):
        end = at + len(quote)
        cut_before = text[at - 1 : at].isalnum() and quote[:1].isalnum()
        cut_behind = text[end : end + 1].isalnum() and quote[-1:].isalnum()
        if at < 0 or len(quote) >= _LONG_QUOTE or not (cut_before or cut_behind):
            return at
        at = text.find(quote, at + 1)
    return -1


def _letters(text: str) -> str:
    """Return the letters and digits of a text alone: however people write a number, it is the same one."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def _quoted(sentence: _Sentence) -> str:
    if len(sentence.text) <= QUOTED_CHARS or sentence.said_at < QUOTED_CHARS // 2:
        return quoted(sentence.text, QUOTED_CHARS)
    return quoted("…" + sentence.text[sentence.said_at - QUOTED_CHARS // 3 :], QUOTED_CHARS)


def _reading(claim: Claim) -> str:
    """Say in a few words how much the claim asks for."""
    if claim.wants is not Wants.REFUND:
        return "a question; no money is asked for"
    if (mood := claim.mood) != "wanted":
        return "money back, but " + ("the wish is withdrawn" if mood == "withdrawn" else "under a condition")
    doubts = dict.fromkeys(str(doubted.doubt).replace("_", " ") for doubted in claim.doubts)
    if unread := [*doubts, *(name.replace("_", " ") for name in claim.unreadable)]:
        return f"money back, but not all of it could be read for sure ({', '.join(unread)})"
    return _how_much(claim)


def _how_much(claim: Claim) -> str:
    share, items = claim.share_bp, claim.items
    amount = f"{claim.amount} ({claim.amount_origin})" if claim.amount is not None else ""
    if share is not None:
        return f"a share: {share / 100:g} % of the price" + (f", {amount}" if amount else "")
    if items:
        return f"a part: {len(items)} named item{'s' if len(items) > 1 else ''}" + (f", {amount}" if amount else "")
    if amount:
        return amount
    others = ", ".join(map(str, [*claim.figures, *claim.numbers][:5]))
    return "all of it; " + (f"figures named: {others}" if others else "no amount and no part is named")
