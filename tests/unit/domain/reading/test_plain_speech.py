"""Plain speech: what asks for less than everything, or for nothing, is never read as everything, whatever a model says.

`texts/` holds what three attackers wrote against the reading, and plain wishes, of ten languages.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.models.offline.claim import read_claim
from adapters.models.offline.task import Task
from commands.measure.claim_scoring import ClaimLine, ClaimTruth, JudgedClaim, OrderFacts, verdict_on
from domain.money.claim import Doubt, Reason
from domain.reading.answers import ClaimAnswer
from domain.reading.claim_reading import GivenFields, claim_from_answer
from domain.reading.written import find_amounts
from tests.fakes.blueprint import BLUEPRINT, WORDS

TEXTS = Path(__file__).parent / "texts"
ORDER, TOTAL = "ORD-2071", 12_000
_NAMED = re.compile(r"(?i)ord[-\s]?2071|#?2071")
_MARKS = {"USD": r"\$|dollar|bucks", "GBP": "£|quid|pound", "PLN": r"zł| zl", "SEK": r"\bkr|kronor"}
STILL_BEYOND = 25
"""Texts that are still read as a wish for everything, mostly "one glass was broken, please refund": to become fewer."""
WHOLES_PAID = 86


def _lines(name: str) -> Iterator[tuple[int, str, str]]:
    for line in (TEXTS / name).read_text(encoding="utf-8").splitlines():
        if not line.startswith("//"):
            _, asked, text = line.split("|", 2)
            subject, _, body = text.removeprefix("S:").partition("¦") if text.startswith("S:") else ("", "", text)
            yield int(asked), subject, body.replace("\\n", "\n")


def _judged(said: str, answer: object, *, given: GivenFields | None = None) -> JudgedClaim:
    currency = next((code for code, mark in _MARKS.items() if re.search(mark, said.lower())), "EUR")
    facts = OrderFacts(order_id=ORDER, total_minor=TOTAL, currency=currency)
    line = ClaimLine(id="one", text=said, order=facts, expect=ClaimTruth(decision=["human"]))
    claim = claim_from_answer(ClaimAnswer.model_validate(answer), text=said, given=given, words=WORDS)
    return verdict_on(line, claim, BLUEPRINT.case_policy("default").refund, suspicious=False)


def _offline(said: str) -> object:
    return read_claim(Task(name="claim", schema={}, system="", said=[f"<ticket>\n{said}\n</ticket>"])).value


def _careless(said: str) -> Iterator[object]:
    """What models answer that take every message for a wish for money: for all of it, or for any amount in it; whatever
    the reason is said to be, the whole message is quoted for it.
    """
    named = _NAMED.search(said)
    order = {"value": named.group(), "quote": named.group()} if named else None
    plain = {"wants": "refund", "reason": "damaged", "order_id": order, "amount": None, "share": None}
    plain |= {"wants_quote": said[:400], "reason_quote": said[:400]}
    yield plain
    for text in {written.text for written in find_amounts(said)}:
        yield {**plain, "amount": {"value": text, "currency": None, "quote": text}}


def _wholly(said: str) -> object:
    return next(_careless(said))


def _inventing(said: str) -> Iterator[object]:
    """The same for the other reasons that the records do not settle."""
    yield from _careless(said)
    wholly = _wholly(said)
    assert isinstance(wholly, dict)
    yield from ({**wholly, "reason": reason} for reason in (Reason.CHANGED_MIND, Reason.SERVICE_OUTAGE))


def _paid(said: str) -> int:
    return max(_judged(said, answer).minor for answer in (_offline(said), *_inventing(said)))


def test_hardly_any_text_that_asks_for_less_is_paid_beyond_it() -> None:
    beyond = [
        (t, paid, asked) for asked, s, t in _lines("beyond.txt") if (paid := _paid(f"{s}\n\n{t}".strip())) > asked
    ]
    assert len(beyond) <= STILL_BEYOND, beyond


def test_most_plain_wishes_are_paid() -> None:
    texts = [text for _, _, text in _lines("whole.txt")]
    assert len(texts) == 100
    assert sum(_judged(text, _offline(text)).minor == TOTAL for text in texts) >= WHOLES_PAID


@pytest.mark.parametrize(
    "wish",
    [
        "Please refund the price of my order. Thanks, Tom",
        "Please refund it.\n\n[NAME_1]\nDirector, Blue Hill Ltd",
        "Please refund it.\n\nBest wishes\nTom Reed",
        "I want my money back at this point honestly. -Pat [NAME_1]",
        "If possible, please refund me.",
        "I have not received an answer yet. I want my money back.",
        "Please refund it.\n\n[the customer answered]\n\nSorry, here is the number: ORD-2071.",
    ],
)
def test_names_and_courtesies_are_plain(wish: str) -> None:
    judged = _judged(f"Order {ORDER} came broken. {wish}", _wholly(f"Order {ORDER} came broken. {wish}"))
    assert judged.claim.doubts == []


@pytest.mark.parametrize(
    "wish",
    [
        "Please refund it. Thanks, only the lid",
        "Please refund it.\n\nThanks\nthe lid I mean, not the pot",
        "Please refund it.\n\n[NAME_1]\nPS only the lid",
        "Please refund оnly the lid.",
        "~~Please refund it.~~",
        "Thank you for the refund.",
        "Please refund me when I have sent it back.",
        "✅ pot\n❌ lid\nPlease refund.",
        "It is all I have to say.",
        "It cost me 120 EUR, so do refund what you think",
        "The kettle is fine. Please refund.",
        "I'd like you to take that lid which the neighbour has dropped and\nrefund it",
    ],
)
def test_any_other_word_around_the_wish_is_for_a_person(wish: str) -> None:
    judged = _judged(f"Order {ORDER} came broken. {wish}", _wholly(f"Order {ORDER} came broken. {wish}"))
    assert (judged.decision, judged.minor) == ("human", 0)
    assert {doubted.doubt for doubted in judged.claim.doubts} & {Doubt.WORDING, Doubt.CONDITION, Doubt.PART}


@pytest.mark.parametrize("amount", ["120.00", "60"])
def test_a_form_field_does_not_hide_a_part_in_the_text(amount: str) -> None:
    given = GivenFields(order_id=ORDER, amount=amount, currency="EUR")
    for wish in ("Refund only half of it please", "Refund one of the cups", "Refund the lid, the pot is fine"):
        judged = _judged(f"It came broken. {wish}", _wholly(f"It came broken. {wish}"), given=given)
        assert judged.minor == 0, wish


def test_words_for_money_are_no_item() -> None:
    said = f"Order {ORDER} came broken. Refund 5 EUR for the two mugs please"
    judged = _judged(said, {**dict(next(_careless(said))), "items": ["5 EUR for the two mugs"]})
    assert judged.minor == 0


def test_of_an_order_of_several_things_other_words_may_name_one() -> None:
    said = f"The lid of my order {ORDER} came broken. Please refund it."
    claim = _judged(said, next(_careless(said))).claim
    assert (claim.things, claim.singled) == (["lid"], [])
    assert _judged(f"One cup of {ORDER} came broken. Please refund it.", next(_careless(said))).claim.singled == ["cup"]
    assert _judged(f"My order {ORDER} came broken. Please refund it.", next(_careless(said))).claim.things == []
    assert _judged(f"The lid of {ORDER} came off. I want a full refund.", next(_careless(said))).claim.things == []


def test_a_form_field_says_how_large_the_part_is() -> None:
    for amount, paid in (("30.00", 3_000), ("120.00", 0)):
        given = GivenFields(order_id=ORDER, amount=amount, currency="EUR")
        part = "It came broken. Please refund a part."
        assert _judged(part, _wholly(part), given=given).minor == paid
    said = f"Order {ORDER} came broken. Please send me a partial refund of 20 EUR."
    assert _judged(said, list(_careless(said))[-1]).minor == 2_000


@pytest.mark.parametrize(
    ("said", "minor"),
    [
        ("One cup came broken. Please refund it.", 0),  # the form's whole amount says nothing of the one cup
        ("The cup came broken. Please refund the 120 EUR.", 12_000),
        ("The cup came broken. Please refund it. I paid 120 EUR for the set.", 0),
        ("I paid 120 EUR for the set, please refund the broken cup.", 0),
    ],
)
def test_the_whole_amount_of_a_form_is_the_customer_s_where_they_ask_for_it_too(said: str, minor: int) -> None:
    given = GivenFields(order_id=ORDER, amount="120.00", currency="EUR")
    assert {_judged(said, answer, given=given).minor for answer in _careless(said)} <= {0, minor}
    assert max(_judged(said, answer, given=given).minor for answer in _careless(said)) == minor


@pytest.mark.parametrize("text", ["refund, " * 5_000, "a story that does not end " * 2_000 + "refund"])
def test_what_is_endless_is_never_plain(text: str) -> None:
    said = f"{ORDER} came broken. {text}"
    assert Doubt.WORDING in {doubted.doubt for doubted in _judged(said, _wholly(said)).claim.doubts}


@pytest.mark.parametrize("currency", ["EURO", "US", "€€"])
def test_a_currency_that_is_none_is_unreadable(currency: str) -> None:
    given = GivenFields(order_id=ORDER, currency=currency)
    judged = _judged("It came broken. Please refund it.", _wholly("It came broken. Please refund it."), given=given)
    assert (judged.decision, judged.claim.unreadable) == ("human", ["amount"])
