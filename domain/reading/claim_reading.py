"""What of a proposed claim counts once it is checked against the message itself, and what the claim leaves open."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from domain.money.amount import CURRENCIES, Money
from domain.money.claim import Claim, Doubt, Doubted, Mood, Origin, Reason, Wants
from domain.reading.answers import ClaimAnswer, QuotedAmount, QuotedOrder
from domain.reading.claim_words import ClaimWords, fold, pattern
from domain.reading.doubts import Doubts, spoken_words
from domain.reading.plain_speech import Accounted
from domain.reading.quoted import (
    AmountReader,
    OrdersNamed,
    ReadShare,
    has_siblings,
    normal_order_id,
    orders_named,
    quoted_share,
    whole_places,
)
from domain.reading.reasons import is_proven, is_wished, reasons_told
from domain.reading.sentences import MessageText, Span
from domain.reading.words import Words
from domain.reading.written import Written, find_amounts, read_amount, read_decimal

_MOST_FIGURES = 8  # amounts and numbers that records are asked about; a message with more is for a person
_MOST_QUOTES = 10
_MOST_THINGS = 10
# How much is owed follows from the records alone: a wish for "a part" or "the difference" is a wish for just that.
_FIXED_BY_POLICY = frozenset({Reason.DUPLICATE_CHARGE, Reason.OVERCHARGED, Reason.LATE_DELIVERY, Reason.SERVICE_OUTAGE})

_CHARGED_WRONGLY = frozenset({Reason.DUPLICATE_CHARGE, Reason.OVERCHARGED})


class GivenFields(NamedTuple):
    """Named fields of the sender's payload; with a value they win over the text."""

    order_id: str | None = None
    amount: str | None = None
    currency: str | None = None  # ISO 4217


def claim_from_answer(
    answer: ClaimAnswer,
    *,
    text: str,
    given: GivenFields | None = None,
    lang: str = "und",
    words: Words,
    superseded: str = "",
    filled: Sequence[Span] = (),
    claimed: Reason | None = None,
) -> Claim:
    """Return what of a proposed claim counts, and what of the message it does not account for.

    Args:
        answer: the model's proposal.
        text: the whole message, of which the model may have seen a part.
        given: the payload's own fields; a different verified value in the text makes the field unreadable.
        lang: language of the message; it decides what `1,234` means.
        words: of all languages.
        superseded: the part of it whose order numbers count no more, since we asked for another one.
        filled: places in it that are the values of fields which we asked for.
        claimed: why money is to go back, as a field of the message's document says: the words need not say it again,
            and must say nothing else.
    """
    message = MessageText(text)
    return _ClaimReader(answer, message, given or GivenFields(), lang, words, claimed).claim(superseded, filled)


class _ReadOrder(NamedTuple):
    order_id: str | None
    origin: Origin
    clash: bool = False  # what was said of it contradicts itself
    places: Sequence[Span] = ()


class _ReadMoney(NamedTuple):
    money: Money | None
    origin: Origin
    clash: bool = False
    places: Sequence[Span] = ()


class _ClaimReader:
    """Reads one claim, and gathers the doubts on the way."""

    def __init__(
        self,
        answer: ClaimAnswer,
        message: MessageText,
        given: GivenFields,
        lang: str,
        words: Words,
        claimed: Reason | None,
    ) -> None:
        if claimed is not None and answer.wants is Wants.REFUND and answer.reason is Reason.OTHER:
            answer = answer.model_copy(update={"reason": claimed})
        self._answer = answer
        self._claimed = claimed
        self._message = message
        self._given = given
        self._lang = lang
        self._amounts = AmountReader(message.text, words, currency=given.currency, lang=lang)
        spoken = spoken_words(message, words.claim, lang)
        self._words: ClaimWords = spoken.words
        self._told = reasons_told(message, spoken.languages)
        self._doubts = [] if spoken.is_known else [Doubted(doubt=Doubt.LANGUAGE)]

    def claim(self, superseded: str, filled: Sequence[Span]) -> Claim:
        order, money = _read_order(self._answer.order_id, self._message.text, self._given.order_id), self._money()
        share = self._share() if money.money is None else None
        items = self._items()
        slips = orders_named(MessageText(superseded), claimed=None).ids if superseded else []
        named = orders_named(self._message, claimed=order.order_id, but=slips)
        amounts = list(money.places) if money.money is not None else [share.place] if share is not None else []
        spans = [*order.places, *amounts, *items.values(), *filled]
        spans += named.places if len(named.ids) == 1 else []
        looking = Doubts(
            self._message,
            self._words,
            Accounted(
                spans,
                is_part=money.money is not None or share is not None or bool(items),
                is_amount=money.money is not None,
                is_share=share is not None,
                is_policys=self._answer.reason in _FIXED_BY_POLICY,
                amounts=amounts,
                order_id=order.order_id,
                filled=filled,
                needs_no_wish=self._answer.reason in _CHARGED_WRONGLY or self._claimed is not None,
            ),
        )
        figures, numbers = self._figures(looking.figures), self._numbers(looking.numbers)
        self._doubts += [*looking.found(), *self._said_doubts(named), *self._unproven()]
        withdrawn = any(doubted.doubt is Doubt.WITHDRAWN for doubted in self._doubts)
        return Claim(
            wants=self._answer.wants if self._claimed is None else Wants.REFUND,
            reason=self._answer.reason,
            order_id=None if order.clash else order.order_id,
            order_origin=order.origin,
            amount=None if money.clash else money.money,
            amount_origin=money.origin,
            share_bp=share.points if share else None,
            items=list(items),
            things=looking.things[:_MOST_THINGS],
            singled=looking.singled[:_MOST_THINGS],
            returned=self._returned(looking)[:_MOST_THINGS],
            is_time_told=bool(self._message.places(pattern(self._words.times))),
            is_part_told=looking.is_part_told,
            figures=figures,
            numbers=numbers,
            orders=named.ids,
            mood=Mood.WITHDRAWN if withdrawn else self._answer.mood,
            doubts=self._doubts,
            quotes=[self._message.text[s.start : s.end][:200] for s in sorted(set(spans))][:_MOST_QUOTES],
            unreadable=[name for name, read in (("order_id", order), ("amount", money)) if read.clash],
        )

    def _money(self) -> _ReadMoney:
        quoted = _ReadMoney(None, Origin.GUESSED)
        if self._answer.amount is not None:
            quoted = self._quoted_money(self._answer.amount)
        currency = (self._given.currency or "").strip().upper()
        if currency and currency not in CURRENCIES:  # "EURO": whose money is meant is not sure
            return _ReadMoney(None, Origin.GUESSED, clash=True)
        if self._given.amount is None or not self._given.amount.strip():
            return quoted if quoted.clash or self._is_wished(quoted.places) else _ReadMoney(None, Origin.GUESSED)
        try:
            named = read_amount(self._given.amount, currency=self._given.currency, lang=self._lang)
        except ValueError:
            return _ReadMoney(None, Origin.GUESSED, clash=True)
        clash = quoted.money not in (None, named)
        is_said_too = quoted.money == named and self._is_wished(quoted.places)
        return _ReadMoney(named, Origin.QUOTED if is_said_too else Origin.GIVEN, clash, quoted.places)

    def _quoted_money(self, proposed: QuotedAmount) -> _ReadMoney:
        try:
            read = self._amounts.read(proposed)
        except ValueError:
            return _ReadMoney(None, Origin.GUESSED, clash=True)
        return _ReadMoney(read.money, Origin.QUOTED, places=read.places)

    def _is_wished(self, places: Sequence[Span]) -> bool:
        """Say whether an amount is what is wanted, not only what was paid: its sentence is about a refund.

        Where no sentence is known to be, any may.
        """
        wish = self._message.with_any(pattern(self._words.refunds))
        return not wish or any(self._message.sentence_at(place) in wish for place in places)

    def _share(self) -> ReadShare | None:
        if self._answer.share is None:
            return None
        try:
            return quoted_share(self._answer.share, self._message, self._words)
        except ValueError:
            self._doubts.append(Doubted(doubt=Doubt.PERCENT, quote=self._answer.share.quote[:120]))
            return None

    def _items(self) -> dict[str, Span]:
        """Return the customer's words for items with their places; words that are not the customer's are a doubt."""
        found: dict[str, Span] = {}
        for item in map(str.strip, self._answer.items):
            start = self._message.text.find(item) if item else -1
            if start >= 0 and not self._tells_how_much(item):
                found[item] = Span(start, start + len(item))
            else:
                self._doubts.append(Doubted(doubt=Doubt.ITEM, quote=item[:120]))
        return found

    def _tells_how_much(self, item: str) -> bool:
        """Say whether words for an item hold money or a share: "5 EUR for the mugs" is no item."""
        words = self._words
        shares = (words.halves, words.thirds, words.quarters, words.percents, words.currencies)
        said = fold(item)
        return (
            bool(find_amounts(item))
            or re.search(r"[%٪]|\d[.,]\d", said) is not None
            or any(pattern(phrases).search(said) for phrases in shares)
        )

    def _figures(self, written: Sequence[Written]) -> list[Money]:
        """Return the other amounts of the message, for the records to know; one that cannot be read is a doubt."""
        found: list[Money] = []
        for one in written:
            try:
                found.append(read_amount(one.text, currency=self._given.currency, lang=self._lang))
            except ValueError:
                self._doubts.append(Doubted(doubt=Doubt.CURRENCY, quote=one.text[:120]))
        if len(found) > _MOST_FIGURES:
            self._doubts.append(Doubted(doubt=Doubt.CURRENCY, quote=f"{len(found)} amounts"))
        return list(dict.fromkeys(found))[:_MOST_FIGURES]

    def _numbers(self, places: Sequence[Span]) -> list[str]:
        """Return numbers without a currency as decimals, for the records; one that cannot be read is a doubt."""
        found: list[str] = []
        for place in places:
            try:
                found.append(read_decimal(self._message.plain[place.start : place.end], self._lang))
            except ValueError:
                self._doubts.append(Doubted(doubt=Doubt.NUMBER, quote=self._message.quote(place)))
        if len(found) > _MOST_FIGURES:
            self._doubts.append(Doubted(doubt=Doubt.NUMBER, quote=f"{len(found)} numbers"))
        return list(dict.fromkeys(found))[:_MOST_FIGURES]

    def _returned(self, looking: Doubts) -> list[str]:
        """Return what is named where goods are to go back: "I want to return the chair"."""
        if Reason.CHANGED_MIND not in self._told:
            return []
        reasons = [place for places in self._told.values() for place in places]
        named = [place for place in looking.named if not any(reason.meets(place) for reason in reasons)]
        return list(dict.fromkeys(self._message.text[place.start : place.end] for place in named))

    def _unproven(self) -> list[Doubted]:
        """Return a doubt for a wish and for a reason that the customer's own words do not prove."""
        answer, message, words = self._answer, self._message, self._words
        if self._claimed is not None:
            same = answer.wants is Wants.REFUND and answer.reason is self._claimed and {*self._told} <= {self._claimed}
            return [] if same else [Doubted(doubt=Doubt.REASON, quote="its document says another one")]
        if answer.wants is not Wants.REFUND or answer.reason in (Reason.UNKNOWN_CHARGE, Reason.OTHER):  # never paid
            return []
        proven = is_proven(answer.reason, answer.reason_quote, message, self._told)
        # What was charged wrongly is owed even if nobody names a refund.
        wished = (proven and answer.reason in _CHARGED_WRONGLY) or is_wished(answer.wants_quote, message, words)
        unproven = {Doubt.WISH: not wished, Doubt.REASON: not proven}
        quotes = {Doubt.WISH: answer.wants_quote, Doubt.REASON: answer.reason_quote}
        return [Doubted(doubt=doubt, quote=(quotes[doubt] or "")[:120]) for doubt, so in unproven.items() if so]

    def _said_doubts(self, named: OrdersNamed) -> list[Doubted]:
        """Return what the model itself doubts, and several orders."""
        answer = self._answer
        said = {
            Doubt.WITHDRAWN: answer.mood is Mood.WITHDRAWN,
            Doubt.CONDITION: answer.mood is Mood.CONDITIONAL,
            Doubt.DISPUTE: answer.dispute,
            Doubt.OTHER_WISH: answer.other_wish,
        }
        several = [Doubted(doubt=Doubt.OTHER_ORDER, quote=", ".join(named.ids)[:120])] if len(named.ids) > 1 else []
        return [*several, *(Doubted(doubt=doubt) for doubt, so in said.items() if so)]


def _read_order(proposed: QuotedOrder | None, text: str, given: str | None) -> _ReadOrder:
    said = normal_order_id(proposed.value) if proposed else None
    places = whole_places(proposed.value, proposed.quote, text) if proposed is not None and said is not None else []
    if given is not None and given.strip():
        named = normal_order_id(given)
        return _ReadOrder(named, Origin.GIVEN, named is None or (bool(places) and said != named), places)
    if proposed is None or said is None:
        return _ReadOrder(None, Origin.GUESSED)
    if not places:
        return _ReadOrder(said, Origin.GUESSED)
    return _ReadOrder(said, Origin.QUOTED, has_siblings(said, proposed.quote), places)
