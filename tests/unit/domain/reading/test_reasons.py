"""A reason counts only in the customer's own words: whatever a model invents, it is not paid without them."""

import pytest

from commands.measure.claim_scoring import ClaimLine, ClaimTruth, JudgedClaim, OrderFacts, verdict_on
from domain.money.claim import Claim, Doubt, Reason, Wants
from domain.reading.answers import ClaimAnswer, QuotedOrder
from domain.reading.claim_reading import claim_from_answer
from domain.reading.reasons import TOLD, likeliest, quoted_places, reasons_told
from domain.reading.sentences import MessageText
from tests.fakes.blueprint import BLUEPRINT, WORDS

ORDER, TOTAL = "ORD-2071", 12_000
LATE_SHARE = TOTAL * BLUEPRINT.case_policy("default").refund.late_percent // 100
LATE = {
    "en": f"Order {ORDER} came two weeks late. Please refund me.",
    "en not damaged": f"Order {ORDER} came late, it is not damaged. Please refund me.",
    "en promise": f"Your promise was broken: {ORDER} came two weeks late. Please refund me.",
    "en your promise": f"You broke your promise: {ORDER} took three weeks. Please refund me.",
    "en promise, not on time": f"You broke your promise, {ORDER} was not on time. Please refund me.",
    "en old camera": f"My old camera broke and {ORDER} took three weeks to arrive. Please refund me.",
    "en gift": f"My old camera broke, so I waited for {ORDER}. I want a refund.",
    "en trust": f"{ORDER} came after the promised day. You broke my trust. Please refund me.",
    "en slow": f"{ORDER}: the delivery was broken and slow. Please refund me.",
    "de Versprechen": f"Versprechen gebrochen: {ORDER} hat drei Wochen gedauert. Bitte erstatten Sie mir das Geld.",
    "fr promesse": f"Promesse brisée : la commande {ORDER} a mis trois semaines. Merci de me rembourser.",
    "es promesa": f"Promesa rota: el pedido {ORDER} tardó tres semanas. Quiero el reembolso.",
    "it promessa": f"Promessa rotta: l'ordine {ORDER} ci ha messo tre settimane. Chiedo il rimborso.",
    "pt promessa": f"Promessa quebrada: a encomenda {ORDER} demorou três semanas. Quero o reembolso.",
    "nl belofte": f"Belofte gebroken: bestelling {ORDER} was niet op tijd. Graag mijn geld terug.",
    "pl obietnica": f"Złamana obietnica: zamówienie {ORDER} nie w terminie. Proszę o zwrot pieniędzy.",
    "sv löfte": f"Ert löfte är krossat: {ORDER} tog tre veckor. Jag vill ha pengarna tillbaka.",
    "ar promise": f"وعد محطم: الطلب {ORDER} استغرق ثلاثة أسابيع. أرجو استرداد المبلغ.",
    "de": f"Die Bestellung {ORDER} kam zwei Wochen zu spät. Bitte erstatten Sie mir das Geld.",
    "fr": f"La commande {ORDER} est arrivée avec deux semaines de retard. Merci de me rembourser.",
    "es": f"El pedido {ORDER} llegó con dos semanas de retraso. Quiero el reembolso.",
    "it": f"L'ordine {ORDER} è arrivato con due settimane di ritardo. Chiedo il rimborso.",
    "pt": f"A encomenda {ORDER} chegou com duas semanas de atraso. Quero o reembolso.",
    "nl": f"Bestelling {ORDER} is twee weken te laat aangekomen. Graag mijn geld terug.",
    "pl": f"Zamówienie {ORDER} jest opóźnione o dwa tygodnie. Proszę o zwrot pieniędzy.",
    "sv": f"Min beställning {ORDER} var två veckor försenad. Jag vill ha pengarna tillbaka.",
    "ar": f"الطلب {ORDER} وصل متأخرا أسبوعين. أرجو استرداد المبلغ.",
}


def read(text: str, reason: Reason, *, quote: str | None = None, wish: str | None = None) -> Claim:
    """What is left of an answer that a refund is wanted for a reason; the whole message is quoted if nothing else."""
    answer = ClaimAnswer(
        wants=Wants.REFUND,
        wants_quote=text if wish is None else wish,
        reason=reason,
        reason_quote=text if quote is None else quote,
        order_id=QuotedOrder(value=ORDER, quote=ORDER),
        amount=None,
    )
    return claim_from_answer(answer, text=text, words=WORDS)


def judged(text: str, claim: Claim, **facts: object) -> JudgedClaim:
    order = OrderFacts.model_validate({"order_id": ORDER, "total_minor": TOTAL, "currency": "EUR", **facts})
    line = ClaimLine(id="one", text=text, order=order, expect=ClaimTruth(decision=["human"]))
    return verdict_on(line, claim, BLUEPRINT.case_policy("default").refund, suspicious=False)


def doubts(claim: Claim) -> set[Doubt]:
    return {doubted.doubt for doubted in claim.doubts}


@pytest.mark.parametrize("text", LATE.values(), ids=LATE)
@pytest.mark.parametrize("invented", Reason)
def test_a_late_parcel_is_worth_a_delay_whatever_the_model_says(text: str, invented: Reason) -> None:
    paid = judged(text, read(text, invented), promised_days_ago=18).minor
    assert paid == (LATE_SHARE if invented is Reason.LATE_DELIVERY and paid else 0)


def test_most_late_parcels_are_paid_their_share() -> None:
    plain = [text for name, text in LATE.items() if " " not in name]
    paid = [judged(text, read(text, Reason.LATE_DELIVERY), promised_days_ago=18).minor for text in plain]
    assert paid.count(LATE_SHARE) >= 8, paid


@pytest.mark.parametrize(
    ("quote", "proven"),
    [
        ("came broken", True),
        ("The kettle of ORD-2071", True),  # its sentence says so
        ("The  kettle\nof ORD-2071 came broken", True),  # blanks may differ
        ("Please refund it", False),
        ("it came damaged", False),  # nobody wrote that
        ("", False),
        ("   ", False),
    ],
)
def test_a_quote_has_to_stand_there_and_to_say_it(quote: str, proven: bool) -> None:
    claim = read(f"The kettle of {ORDER} came broken. Please refund it.", Reason.DAMAGED, quote=quote)
    assert (Doubt.REASON not in doubts(claim)) is proven


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("It is not broken.", set()),
        ("It isn't even slightly broken, it came late.", {Reason.LATE_DELIVERY}),
        ("Es ist nicht beschädigt, kam aber zu spät.", {Reason.LATE_DELIVERY}),
        ("Elle n'est pas cassée.", set()),
        ("No, it is broken.", {Reason.DAMAGED}),
        ("La lampe est en panne.", {Reason.DAMAGED}),
        ("Une panne d'internet.", {Reason.SERVICE_OUTAGE}),
        ("I have not received an answer. It came broken.", {Reason.DAMAGED}),
        ("Sorry for my late reply. It came broken.", {Reason.DAMAGED}),
        ("I have not received the parcel.", {Reason.NOT_RECEIVED}),
        ("Please return the money.", set()),
        ("I would like to return the chair.", {Reason.CHANGED_MIND}),
        ("I was charged\ntwice.", {Reason.DUPLICATE_CHARGE}),
        ("It came broken and two weeks late.", {Reason.DAMAGED, Reason.LATE_DELIVERY}),
    ],
)
def test_what_a_message_tells(text: str, told: set[Reason]) -> None:
    words = WORDS.claim["fr" if "panne" in text or "cass" in text else "de" if "Es ist" in text else "en"]
    assert set(reasons_told(MessageText(text), [words])) == told


@pytest.mark.parametrize(
    "text",
    [
        f"You broke your promise. Please refund {ORDER}.",
        f"My old camera broke, so I ordered {ORDER}. Please refund me.",
        f"{ORDER}: we had an agreement and you broke it. Please refund me.",
        f"The link in your mail is broken. Please refund {ORDER}.",
        f"Nothing about {ORDER} is broken. Please refund me.",
        f"Is {ORDER} broken? Please refund me.",
        f"I wonder whether it can be scratched. Please refund {ORDER}.",
        f"I dropped it and it is broken now. Please refund {ORDER}.",
        f"My dog broke it. Please refund {ORDER}.",
        f"The bow on the gift paper of {ORDER} was torn. Please refund me.",
        f"The pallet under it was cracked. Please refund {ORDER}.",
        f"Ihr Vertrag ist gebrochen, {ORDER}. Bitte erstatten Sie mir das Geld.",
    ],
)
def test_a_fault_of_something_else_is_none_of_the_goods(text: str) -> None:
    assert judged(text, read(text, Reason.DAMAGED)).minor == 0


def test_of_a_late_order_no_code_tells_a_fault_from_its_delay() -> None:
    """Whatever the words: "your shipping is faulty" has a word of damage, and none of time."""
    for text in (
        f"{ORDER} arrived damaged. Please refund me.",
        f"Your shipping is faulty: {ORDER} reached me when the party was over. Please refund me.",
        f"Eure Lieferung ist mangelhaft, {ORDER}. Bitte erstatten Sie mir das Geld.",
        f"Jullie bezorging werkt niet: {ORDER}. Graag mijn geld terug.",
    ):
        assert judged(text, read(text, Reason.DAMAGED), promised_days_ago=18).minor == 0
        assert judged(text, read(text, Reason.CHANGED_MIND), promised_days_ago=18).minor == 0
    text = f"{ORDER} arrived damaged. Please refund me."
    assert judged(text, read(text, Reason.DAMAGED)).minor == TOTAL


def test_two_reasons_of_another_worth_are_for_a_person() -> None:
    text = f"Order {ORDER} came two weeks late, and the lid is broken. Please refund it."
    for reason in (Reason.DAMAGED, Reason.LATE_DELIVERY, Reason.CHANGED_MIND):
        assert judged(text, read(text, reason), promised_days_ago=18).minor == 0
    # What never came is settled by the records, whatever else is told.
    text = f"Order {ORDER} is late, it never arrived. Please refund me."
    assert judged(text, read(text, Reason.NOT_RECEIVED), status="lost").minor == TOTAL


@pytest.mark.parametrize(("wish", "proven"), [("Please refund me", True), ("came broken", False), ("", False)])
def test_a_wish_for_money_needs_its_quote_too(wish: str, proven: bool) -> None:
    claim = read(f"{ORDER} came broken. Please refund me.", Reason.DAMAGED, wish=wish)
    assert (Doubt.WISH not in doubts(claim)) is proven


def test_what_was_charged_wrongly_needs_no_word_for_a_refund() -> None:
    claim = read(f"I was charged twice for {ORDER}.", Reason.DUPLICATE_CHARGE, wish="")
    assert claim.doubts == []


def test_a_returned_thing_is_not_the_whole_order() -> None:
    for text in (
        f"I would like to return the chair of order {ORDER}. Please refund it.",
        f"I changed my mind about the lamp ({ORDER}), please refund me.",
        f"The lamp of {ORDER} is defective, I want to return it. Please refund me.",
    ):
        for reason in (Reason.CHANGED_MIND, Reason.DAMAGED):
            assert judged(text, read(text, reason)).minor == 0, text
    whole = f"I changed my mind, please refund order {ORDER}."
    assert judged(whole, read(whole, Reason.CHANGED_MIND)).minor == TOTAL
    one = {"lines": [{"name": "Office chair", "quantity": 1, "amount_minor": TOTAL}]}
    chair = f"I changed my mind about the chair, please refund order {ORDER}."
    assert judged(chair, read(chair, Reason.CHANGED_MIND), **one).minor == TOTAL


def test_every_reason_but_the_rest_has_words_in_every_language_that_has_any() -> None:
    assert set(TOLD) == set(Reason) - {Reason.OTHER}
    lacking = [(lang, reason) for lang, words in WORDS.claim.items() for reason in TOLD if not getattr(words, reason)]
    assert lacking == []


def test_nothing_told_is_no_reason_and_endless_texts_are_read_in_time() -> None:
    assert likeliest({}) is Reason.OTHER
    endless = MessageText("it came broken, " * 2_000)
    assert likeliest(reasons_told(endless, [WORDS.claim["en"]])) is Reason.DAMAGED
    assert len(quoted_places("broken", endless)) == 50
