"""What a document asks of Billing by its fields, and where a message only repeats what stands in them."""

import re
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain

from domain.money.amount import CURRENCIES
from domain.money.claim import Claim, Doubt, Doubted, Origin, Reason, Wants
from domain.reading.claim_reading import GivenFields
from domain.reading.claim_words import fold
from domain.reading.doubts import Doubts, spoken_words
from domain.reading.plain_speech import Accounted
from domain.reading.quoted import normal_order_id
from domain.reading.sentences import MessageText, Span
from domain.reading.words import Words
from domain.reading.written import read_amount

_TOKEN = re.compile(r"\w+")
_PLACES_AT_MOST = 50
_BEFORE_LABEL, _BEHIND_LABEL = r"(?:^|\n|(?<=[,;.]))[ \t>*•-]*(?:\w+[ \t]+)?", r"[ \t]*(?:\w+[ \t]*)?[:=]?[ \t]*\Z"


def filled_places(text: str, values: Sequence[str], labels: Sequence[str]) -> list[Span]:
    r"""Return where words of a customer are the values of fields that we asked for, each with the name before it.

    >>> filled_places("Hello,\nVAT id: DE1", ["DE1"], ["VAT id", "city"])
    [Span(start=7, end=18)]
    """
    either = "|".join(re.escape(label) for label in sorted(labels, key=len, reverse=True)) or r"(?!)"
    named = re.compile(rf"(?:{_BEFORE_LABEL})(?P<label>{either}){_BEHIND_LABEL}", re.IGNORECASE)
    found: list[Span] = []
    for value in filter(str.strip, values):
        for place in re.finditer(rf"(?<!\w){re.escape(value)}(?!\w)", text):
            line = max(text.rfind("\n", 0, place.start()) + 1, place.start() - 200)
            label = named.search(text[line : place.start()])
            found.append(Span(line + label.start("label") if label is not None else place.start(), place.end()))
            if len(found) == _PLACES_AT_MOST:
                return found
    return found


def claim_from_fields(
    reason: Reason, given: GivenFields, *, text: str, filled: Sequence[Span], words: Words, lang: str = "und"
) -> Claim:
    """Return the claim that a document makes by its fields alone.

    Args:
        reason: why money is to go back, as a field says.
        given: the order, amount and currency that the case goes by.
        text: what the customer wrote beside it, the answers to our letter; any word of it that is not plain is a doubt.
        filled: the places in it that are values of fields.
        words: of all languages.
        lang: language of the message.
    """
    order_id = normal_order_id(given.order_id) if given.order_id is not None else None
    unreadable = ["order_id"] if given.order_id is not None and order_id is None else []
    money, currency = None, (given.currency or "").strip().upper()
    if given.amount is not None and given.amount.strip():
        with suppress(ValueError):
            money = read_amount(given.amount, currency=given.currency, lang=lang)
        unreadable += ["amount"] * (money is None)
    if currency and currency not in CURRENCIES:
        money, unreadable = None, [*unreadable, "amount"]
    return Claim(
        wants=Wants.REFUND,
        reason=reason,
        order_id=order_id,
        order_origin=Origin.GIVEN,
        amount=money,
        amount_origin=Origin.GIVEN,
        orders=[order_id] if order_id is not None else [],
        doubts=_said_besides(MessageText(text), filled, order_id, words, lang),
        unreadable=unreadable,
    )


def _said_besides(
    message: MessageText, filled: Sequence[Span], order_id: str | None, words: Words, lang: str
) -> list[Doubted]:
    """Return doubts for what is said beside the values: every word has to be one that says nothing."""
    left = [Span(*found.span()) for found in _TOKEN.finditer(message.plain)]
    left = [place for place in left if not any(span.meets(place) for span in filled)]
    if not left and not filled:
        return []
    spoken = spoken_words(message, words.claim, lang)
    plain = {fold(word) for word in chain(spoken.words.plain, spoken.words.polite, spoken.words.thanks)}
    odd = [place for place in left if message.plain[place.start : place.end] not in plain]
    found = Doubts(
        message, spoken.words, Accounted(filled, order_id=order_id, filled=filled, needs_no_wish=True)
    ).found()
    return [*found, *(Doubted(doubt=Doubt.WORDING, quote=message.quote(place)) for place in odd[:1])]
