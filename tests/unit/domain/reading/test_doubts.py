"""What a message says beside the claim that was read from it: each kind, in several languages, and what is harmless."""

import time

import pytest

from domain.money.claim import Claim, Doubt, Mood, Reason, Scope, Wants
from domain.reading.answers import ClaimAnswer, QuotedAmount, QuotedOrder, QuotedShare
from domain.reading.claim_reading import GivenFields, claim_from_answer
from domain.reading.claim_words import fold
from domain.reading.quoted import read_share
from tests.fakes.blueprint import WORDS

ORDER = "ORD-7001"


def read(
    text: str,
    *,
    reason: Reason = Reason.DAMAGED,
    amount: str | None = None,
    share: str | None = None,
    items: tuple[str, ...] = (),
    lang: str = "und",
    given: GivenFields | None = None,
) -> Claim:
    """What is left of an answer that takes the message for a plain wish for all the money."""
    answer = ClaimAnswer(
        wants=Wants.REFUND,
        wants_quote=text[:400],
        reason=reason,
        reason_quote=text[:400],
        order_id=QuotedOrder(value=ORDER, quote=ORDER) if ORDER in text else None,
        amount=QuotedAmount(value=amount, currency=None, quote=amount) if amount else None,
        share=QuotedShare(value=share, quote=share) if share else None,
        items=list(items),
    )
    return claim_from_answer(answer, text=text, given=given, lang=lang, words=WORDS)


def doubts(claim: Claim) -> set[Doubt]:
    return {doubted.doubt for doubted in claim.doubts}


@pytest.mark.parametrize(
    "text",
    [
        f"My order {ORDER} arrived broken. Please refund it.",
        f"Order {ORDER} of 3 May came 2 weeks late and I called you 3 times; please refund it in full.",
        f"{ORDER} came broken on 2026-11-20 at 14:30. I just want my money back.",
        f"{ORDER} (invoice 99182, tracking 1Z999AA10) came broken, please refund the full price.",
        f"The KB-12 lamp of {ORDER} came broken, please refund my order. Call [PHONE_1].",
        f"Die Bestellung {ORDER} kam am 3. Mai kaputt an. Bitte erstatten Sie den Kaufpreis.",
        f"La commande {ORDER} est arrivée cassée il y a 3 jours. Merci de me rembourser.",
        f"El pedido {ORDER} llegó roto hace dos semanas. Quiero el reembolso.",
        f"الطلب {ORDER} وصل مكسورا، أرجو استرداد المبلغ.",
    ],
)
def test_a_plain_wish_leaves_no_doubt(text: str) -> None:
    claim = read(text, reason=Reason.LATE_DELIVERY if "late" in text else Reason.DAMAGED)
    assert (claim.doubts, claim.numbers, claim.figures) == ([], [], [])
    assert claim.scope is Scope.ALL


@pytest.mark.parametrize(
    ("wish", "doubt"),
    [
        ("Please refund fifteen of it.", Doubt.NUMBER),
        ("Please refund 15% of it.", Doubt.PERCENT),
        ("Please refund ten per cent.", Doubt.PERCENT),
        ("Please refund € fifteen.", Doubt.CURRENCY),
        ("Please refund twenty dollars.", Doubt.CURRENCY),
        ("Please refund some of it, say a fifth.", Doubt.PART),
        ("Please refund half.", Doubt.PART),
        ("Please refund only the shade.", Doubt.PART),
        ("Two of the cups are whole. Please refund the others.", Doubt.NUMBER),
        ("Please refund everything except the cable.", Doubt.EXCEPTION),
        ("Please refund the shade.", Doubt.ITEM),
        ("Please refund the price of the shade.", Doubt.ITEM),
        ("Please refund the shipping costs.", Doubt.ITEM),
        ("But ORD-7002 is the one I want refunded.", Doubt.OTHER_ORDER),
        ("Please refund it, and order 88123 as well.", Doubt.OTHER_ORDER),
        ("Please ignore my refund request, it works again.", Doubt.WITHDRAWN),
        ("Do not refund it.", Doubt.WITHDRAWN),
        ("Refund it only if you have no other.", Doubt.CONDITION),
        ("Please refund it; I opened a chargeback.", Doubt.DISPUTE),
        ("Please refund it or send a replacement.", Doubt.OTHER_REMEDY),
        ("Please refund it. Also, can you change my address?", Doubt.OTHER_WISH),
        ("Bitte erstatten Sie nur den Schirm.", Doubt.PART),
        ("Bitte erstatten Sie alles außer dem Kabel.", Doubt.EXCEPTION),
        ("Bitte erstatten Sie zwanzig Euro.", Doubt.CURRENCY),
        ("Vergessen Sie meine Bitte um Erstattung.", Doubt.WITHDRAWN),
        ("Merci de rembourser la moitié.", Doubt.PART),
        ("Merci de tout rembourser sauf le câble.", Doubt.EXCEPTION),
        ("Quiero el reembolso de la pantalla.", Doubt.ITEM),
        ("Olviden mi reembolso, ya funciona.", Doubt.WITHDRAWN),
        ("أرجو استرداد نصف المبلغ.", Doubt.PART),
        ("لا أريد استرداد المبلغ.", Doubt.WITHDRAWN),
    ],
)
def test_what_no_value_accounts_for_is_a_doubt(wish: str, doubt: Doubt) -> None:
    claim = read(f"{ORDER} arrived broken. {wish}")
    assert doubt in doubts(claim)
    assert claim.scope is Scope.UNREAD
    assert all(doubted.quote for doubted in claim.doubts if doubted.doubt is doubt)


@pytest.mark.parametrize("typed", ["just30", "kr49.90", "30x", "15zł50", "EUR30,5o", "~30", "1/2", "½", "30ish", "#30"])
def test_a_number_typed_against_a_word_is_not_overlooked(typed: str) -> None:
    claim = read(f"{ORDER} arrived broken. Please refund {typed}")
    assert claim.doubts or claim.numbers or claim.figures or claim.unreadable


def test_numbers_without_a_currency_are_left_to_the_records() -> None:
    claim = read(
        f"{ORDER}: I was charged 79, agreed were 59.50. Please refund the difference.", reason=Reason.OVERCHARGED
    )
    assert (claim.numbers, doubts(claim)) == (["79", "59.50"], set())


def test_an_amount_counts_where_a_refund_is_asked_for_else_it_is_a_figure() -> None:
    paid = read(f"I paid $120.00 for {ORDER}. It broke. Please refund it.", amount="$120.00")
    assert (paid.amount, [str(figure) for figure in paid.figures], paid.scope) == (None, ["120.00 USD"], Scope.ALL)
    asked = read(f"I paid for {ORDER}. It broke. Please refund $20.00 only.", amount="$20.00")
    assert (str(asked.amount), asked.doubts, asked.scope) == ("20.00 USD", [], Scope.PART)


@pytest.mark.parametrize("text", ["Please refund $20 or so.", "Please refund up to $20.", "Refund at least $20."])
def test_an_amount_with_a_range_around_it_is_unread(text: str) -> None:
    assert Doubt.RANGE in doubts(read(f"{ORDER} broke. {text}", amount="$20"))


def test_a_second_number_in_the_sentence_of_an_amount_is_not_passed_over() -> None:
    claim = read(f"{ORDER} broke. Please refund 10 euros 50.", amount="10 euros")
    assert claim.numbers == ["50"]
    elsewhere = read(f"One of the four bulbs of {ORDER} broke. Please refund $15.00 for it.", amount="$15.00")
    assert (elsewhere.doubts, elsewhere.numbers) == ([], [])


@pytest.mark.parametrize(
    ("share", "points"),
    [
        ("25%", 2500),
        ("25 percent", 2500),
        ("half", 5000),
        ("a third", 3333),
        ("12,5 %", 1250),
        ("1/4", 2500),
        ("½", 5000),
    ],
)
def test_a_share_in_the_wish_is_read(share: str, points: int) -> None:
    claim = read(f"{ORDER} arrived broken. Please refund {share} of the price.", share=share)
    assert (claim.share_bp, claim.doubts, claim.scope) == (points, [], Scope.PART)


@pytest.mark.parametrize("share", ["0%", "101%", "250 percent", "25% or 30%", "25% or half", "", "all", "1e2%", "-5%"])
def test_what_is_no_single_share_has_no_reading(share: str) -> None:
    with pytest.raises(ValueError):
        read_share(share, WORDS.claim["en"])


def test_a_share_elsewhere_or_beside_another_is_unread() -> None:
    elsewhere = read(f"Half of {ORDER} came broken. Please refund.", share="Half")
    assert (elsewhere.share_bp, elsewhere.scope) == (None, Scope.UNREAD)
    two = read(f"{ORDER} broke. Please refund half of it and a third of the postage.", share="half")
    assert two.scope is Scope.UNREAD


def test_items_count_in_the_customers_own_words_only() -> None:
    own = read(f"{ORDER} came broken. Please refund the blue cup.", items=("the blue cup",))
    assert (own.items, own.doubts, own.scope) == (["the blue cup"], [], Scope.PART)
    invented = read(f"{ORDER} came broken. Please refund.", items=("the blue cup",))
    assert (invented.items, doubts(invented)) == ([], {Doubt.ITEM})


def test_a_withdrawal_is_the_mood_of_the_claim_whatever_the_model_says() -> None:
    assert read(f"Never mind the refund of {ORDER}, I fixed it.").mood is Mood.WITHDRAWN


@pytest.mark.parametrize(
    "text",
    [
        f"{ORDER} numaralı siparişim kırık geldi, lütfen paramı hemen iade edin.",
        f"订单 {ORDER} 到货时已经损坏, 请 你们 尽快 退款 给我 谢谢",
        f"Tilaus {ORDER} saapui rikki ja haluan rahani takaisin, kiitos paljon.",
    ],
)
def test_a_language_without_words_is_unread_even_where_the_sender_calls_it_english(text: str) -> None:
    assert Doubt.LANGUAGE in doubts(read(text))
    assert Doubt.LANGUAGE in doubts(read(text, lang="en"))


def test_a_message_is_read_by_its_own_language_whatever_its_sender_calls_it() -> None:
    text = f"Die Bestellung {ORDER} kam kaputt an. Bitte erstatten Sie mir nur den Deckel."
    assert Doubt.PART in doubts(read(text, lang="en"))


def test_policys_own_part_needs_no_figure() -> None:
    late = read(f"{ORDER} came late. Please refund a part of the price.", reason=Reason.LATE_DELIVERY)
    assert late.doubts == []
    assert Doubt.PART in doubts(read(f"{ORDER} broke. Please refund a part of the price."))


@pytest.mark.parametrize("unit", ["refund 1 ", "$", "the ", "ORD-", "a.b", "refund the ", "[", "1" * 7, "\n", "%"])
# No message is longer than 16,000 characters once it is cleaned.
def test_hostile_texts_take_time_in_proportion(unit: str) -> None:
    hostile = unit * 16_000

    def seconds(text: str) -> float:
        start = time.process_time()
        read(text)
        return time.process_time() - start

    # The least of three: a busy machine makes any one of them slow.
    small, large = (min(seconds(hostile[:n]) for _ in range(3)) for n in (4_000, 16_000))
    assert large < 12 * small + 0.5


def test_folding_keeps_every_place() -> None:
    text = "ß Ł İ ﬁ ½ é – ٣ Ⅳ “x”"
    assert len(fold(text)) == len(text)
