"""The offline model: what it copies out of a message, what it leaves alone, and that it says what it cannot do."""

import json
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.embedding.ngrams import embed
from adapters.models.offline.claim import read_claim
from adapters.models.offline.diagnosis import choose_article
from adapters.models.offline.lead import read_lead
from adapters.models.offline.misbehave import Conduct, Misbehaviour, Mode
from adapters.models.offline.reply import write_reply
from adapters.models.offline.router import EmbeddedRouter
from adapters.models.offline.solve import Solver
from adapters.models.offline.task import Task
from adapters.models.offline.tokens import count, tokens
from adapters.models.offline.words import any_of, country_in, folded, lexicon
from domain.errors import UnsupportedTaskError
from domain.money.claim import Claim, Origin, Reason, Wants
from domain.reading.answers import ClaimAnswer, LeadAnswer, ReplyAnswer, route_schema, strict_schema
from domain.reading.claim_reading import claim_from_answer
from domain.reading.letter_rules import objections_to_reply
from domain.reading.sales import Interest
from tests.fakes.blueprint import WORDS


def task(name: str, text: str, *, lang: str = "und", before: str = "", schema: dict[str, Any] | None = None) -> Task:
    return Task(name=name, schema=schema or {}, system="", said=[f'{before}<ticket lang="{lang}">\n{text}\n</ticket>'])


def claim(text: str) -> Claim:
    """What is left of the offline model's claim once code has checked it: the way that a case goes."""
    answered = read_claim(task("claim", text)).value
    return claim_from_answer(ClaimAnswer.model_validate(answered), text=text, words=WORDS)


# --- claims ---


@pytest.mark.parametrize(
    "text",
    [
        "please refund five hundred dollars",
        "bitte fünfhundert Euro erstatten",
        "remboursez cinq cents euros",
        "refund ５００ USD",
        "refund $٥٠٠",
        "refund NaN USD",
        "refund -$50",
        "refund minus 50 EUR",
        "refund 5_000 USD",
        "refund $5k",
        "refund $20 or maybe $40",
        "I paid $20 and $40, refund please",
        "refund $1.234",
    ],
)
def test_an_odd_amount_is_neither_read_nor_overlooked(text: str) -> None:
    found = claim(text)
    assert found.wants is Wants.REFUND
    assert found.amount is None
    assert found.unreadable == ["amount"]


@pytest.mark.parametrize(
    ("text", "order", "money"),
    [
        ("I was charged $49.99 twice for order ORD-10023. Refund $49.99 please", "ORD-10023", "49.99 USD"),
        ("Bestellung Nr. 10023 ist kaputt, bitte 1.234,50 EUR erstatten", "10023", "1,234.50 EUR"),
        ("Commande n° ORD-77 jamais reçue, remboursez 20 €", "ORD-77", "20.00 EUR"),
        ("Mi pedido ORD-88 llegó roto, quiero un reembolso de 15,00 €", "ORD-88", "15.00 EUR"),
        ("Ordine ORD-99 mai arrivato, voglio il rimborso", "ORD-99", None),
        ("A encomenda ORD-11 veio com defeito, quero o reembolso", "ORD-11", None),
        ("Bestelling ORD-12 is kapot, graag geld terug", "ORD-12", None),
        ("refund my purchase (#12345)", "12345", None),
        ("Refund $5,000.00 of the $9,100.00 for order W-5 please", "W-5", "5,000.00 USD"),
        ("money back for order 2024 please", None, None),  # a year, no order
        ("call me on +1 555 010 9999 about my refund", None, None),
    ],
)
def test_order_and_amount_are_copied_with_their_quotes(text: str, order: str | None, money: str | None) -> None:
    found = claim(text)
    assert found.wants is Wants.REFUND
    assert (found.order_id, str(found.amount) if found.amount else None) == (order, money)
    assert found.unreadable == []
    assert found.order_origin is (Origin.QUOTED if order else Origin.GUESSED)


def test_two_orders_are_left_to_a_person() -> None:
    assert claim("refund order ORD-10001 and order ORD-10002 please").unreadable == ["order_id"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("I was charged twice", Reason.DUPLICATE_CHARGE),
        ("Es wurde doppelt abgebucht", Reason.DUPLICATE_CHARGE),
        ("on m'a débité deux fois", Reason.DUPLICATE_CHARGE),
        ("me han cobrado dos veces", Reason.DUPLICATE_CHARGE),
        ("mi avete addebitato due volte", Reason.DUPLICATE_CHARGE),
        ("fui cobrado duas vezes", Reason.DUPLICATE_CHARGE),
        ("er is twee keer afgeschreven", Reason.DUPLICATE_CHARGE),
        ("I dont recognise this charge", Reason.UNKNOWN_CHARGE),
        ("you charged me too much, refund", Reason.OVERCHARGED),
        ("it never arrived, refund", Reason.NOT_RECEIVED),
        ("Paket nie angekommen, Geld zurück", Reason.NOT_RECEIVED),
        ("the screen is cracked, refund", Reason.DAMAGED),
        ("you sent the wrong size, refund", Reason.WRONG_ITEM),
        ("it came a week late, refund", Reason.LATE_DELIVERY),
        ("no internet for three days, refund", Reason.SERVICE_OUTAGE),
        ("I changed my mind, refund", Reason.CHANGED_MIND),
        ("refund please", Reason.OTHER),
    ],
)
def test_the_reason_is_read_in_seven_languages(text: str, reason: Reason) -> None:
    found = claim(text)
    assert (found.reason, found.wants) == (reason, Wants.REFUND)


@pytest.mark.parametrize(
    "text",
    [
        "what is your refund policy?",
        "where is my refund?",
        "how long does a refund take",
        "how do I get a refund?",
        "I don't want a refund, just tell me why the bill is higher",
        "Ich will keine Erstattung, nur eine Erklärung",
        "wann kommt die Erstattung?",
        "can I see my invoice for March",
        "what is this extra fee on my statement",
        "which payment methods do you take",
    ],
)
def test_a_question_is_no_claim(text: str) -> None:
    found = claim(text)
    assert found.wants is Wants.INFORMATION
    assert found.amount is None


# --- diagnoses ---

ARTICLES = [
    {
        "article_id": "kb-printer",
        "title": "Printer",
        "symptoms": ["the printer is offline", "print jobs are stuck"],
        "cause": "The queue hangs.",
        "steps": ["Restart the spooler.", "Print a test page."],
    },
    {
        "article_id": "kb-wifi",
        "title": "Slow wifi",
        "symptoms": ["wifi is slow upstairs", "wifi drops out"],
        "cause": "Distance.",
        "steps": ["Move the router."],
    },
]


def diagnose(text: str, articles: object = ARTICLES) -> dict[str, Any]:
    value = choose_article(task("diagnosis", text, before=f"<articles>\n{json.dumps(articles)}\n</articles>\n")).value
    assert value is not None
    return value


def test_the_article_whose_symptoms_are_told_is_chosen_with_its_own_steps() -> None:
    found = diagnose("my printer is offline and the print jobs are stuck")
    assert found["article_id"] == "kb-printer"
    assert found["steps"] == ["Restart the spooler.", "Print a test page."]
    assert found["confidence"] > 0.8


def test_a_vague_match_is_less_sure_than_a_close_one() -> None:
    vague = diagnose("the wifi is acting up in the kitchen while we cook dinner for guests")
    assert vague["confidence"] < diagnose("wifi is slow upstairs")["confidence"]


@pytest.mark.parametrize("text", ["what year was the film released", "", "???", "the of and"])
def test_nothing_in_common_means_no_article(text: str) -> None:
    assert diagnose(text) == {"article_id": None, "cause": "", "steps": [], "confidence": 0.0}


@pytest.mark.parametrize(
    "articles", [[], {}, None, [1, "x"], [{"article_id": 5}], [{"article_id": "a", "symptoms": "x"}]]
)
def test_odd_articles_are_no_articles(articles: object) -> None:
    assert diagnose("my printer is offline", articles)["article_id"] is None


# --- leads and letters ---


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (
            "I'm from Acme Robotics Inc. in Germany. Quote for 25 seats of the Pro Plus plan, asap.",
            {
                "interest": Interest.QUOTE,
                "product": "Pro Plus",
                "seats": 25,
                "country": "DE",
                "urgent": True,
                "company": "Acme Robotics Inc",
            },
        ),
        (
            "Wir sind von Müller & Söhne GmbH, Schweiz, und brauchen 1.200 Lizenzen. Angebot bitte, nicht dringend.",
            {
                "interest": Interest.QUOTE,
                "seats": 1200,
                "country": "CH",
                "urgent": False,
                "company": "Müller & Söhne GmbH",
            },
        ),
        (
            "Bonjour, je travaille chez Dupont, en Belgique. Une démo du forfait Business pour 40 utilisateurs ?",
            {"interest": Interest.DEMO, "product": "Business", "seats": 40, "country": "BE", "company": "Dupont"},
        ),
        (
            "We want to upgrade from 10 users to 50 users",
            {"interest": Interest.UPGRADE, "seats": None, "company": None},
        ),
        (
            "can i get a virtual card",
            {"interest": Interest.AVAILABILITY, "product": None, "seats": None, "country": None},
        ),
        ("We ship from France to Spain", {"country": None}),  # two countries: neither
        ("it costs $500 for users", {"seats": None}),
        ("blah", {"interest": Interest.OTHER, "urgent": False}),
    ],
)
def test_the_facts_of_a_lead_are_copied_and_what_is_unclear_stays_null(text: str, facts: dict[str, object]) -> None:
    found = LeadAnswer.model_validate(read_lead(task("lead", text)).value)
    assert {name: getattr(found, name) for name in facts} == facts


@pytest.mark.parametrize(
    "name", ["germany", "deutschland", "allemagne", "alemania", "germania", "alemanha", "duitsland"]
)
def test_a_country_is_known_in_seven_languages(name: str) -> None:
    assert country_in(f"we are in {name}.") == "DE"


FACTS: dict[str, object] = {
    "interest": "quote",
    "product": "Pro",
    "seats": 25,
    "country": None,
    "company": None,
    "urgent": False,
    "owner": "ines",
    "team": "EMEA",
}


@pytest.mark.parametrize(
    ("lang", "word"),
    [
        ("en", "thank you"),
        ("de", "vielen Dank"),
        ("fr", "merci"),
        ("es", "gracias"),
        ("it", "grazie"),
        ("pt", "obrigado"),
        ("nl", "dank u"),
    ],
)
def test_a_letter_says_only_what_the_facts_say_in_the_sender_s_language(lang: str, word: str) -> None:
    asked = task("reply", "x", lang=lang, before=f"<facts>\n{json.dumps(FACTS)}\n</facts>\n")
    letter = ReplyAnswer.model_validate(write_reply(asked).value)
    assert word in letter.text
    assert "ines" in letter.text
    assert "Pro" in letter.text
    assert objections_to_reply(f"{letter.subject}\n{letter.text}", on_file="x") == []


@pytest.mark.parametrize("facts", ["", "<facts>\nnot json\n</facts>", "<facts>\n[]\n</facts>", "<facts>\n{}\n</facts>"])
def test_without_facts_no_letter_is_made_up(facts: str) -> None:
    assert write_reply(task("reply", "hello", before=facts)).refusal


# --- what it is ---


@pytest.fixture(scope="module")
def solver() -> Solver:
    return Solver(EmbeddedRouter.load())


@pytest.mark.parametrize("name", ["", "summary", "translate", "Route"])
def test_what_it_was_not_made_for_it_refuses(solver: Solver, name: str) -> None:
    with pytest.raises(UnsupportedTaskError, match="embedded model"):
        solver.solve(task(name, "hello"))


def test_a_known_name_with_other_fields_is_another_task(solver: Solver) -> None:
    schema = {"type": "object", "properties": {"wants": {}, "iban": {}}}
    with pytest.raises(UnsupportedTaskError, match="iban"):
        solver.solve(task("claim", "refund", schema=schema))


def test_it_abstains_off_topic_and_where_its_queue_is_not_on_the_list(solver: Solver) -> None:
    off_topic = solver.solve(task("route", "what is the capital of peru", schema=route_schema(["Billing", "Sales"])))
    assert (off_topic.value, bool(off_topic.refusal)) == (None, True)
    elsewhere = solver.solve(task("route", "I was charged twice, refund me", schema=route_schema(["Sales"])))
    assert elsewhere.refusal


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=400))
def test_any_text_gets_an_answer_of_the_schema_and_the_same_one_again(text: str) -> None:
    for name, schema, solve in (("claim", ClaimAnswer, read_claim), ("lead", LeadAnswer, read_lead)):
        asked = task(name, text, schema=strict_schema(schema))
        first = solve(asked)
        schema.model_validate(first.value)
        assert solve(asked) == first


@pytest.mark.parametrize(
    "unit", ["a ", "1 ", "$ ", "one ", "order ", "1,", "order -", "$1 ", "charged ", "We are ", "A ", "refund\n", "25 "]
)
def test_a_hostile_message_costs_no_more_than_its_length(unit: str) -> None:
    def cost(length: int) -> float:
        text = (unit * length)[:length]
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            read_claim(task("claim", text))
            read_lead(task("lead", text))
            best = min(best, time.process_time() - start)
        return best

    assert cost(8_000) < 12 * cost(2_000) + 0.02  # four times the text: a quadratic rule would take sixteen times


def test_phrases_match_stems_and_gaps_within_one_sentence_only() -> None:
    pattern = any_of(["charge*~twice", "don't"])
    assert pattern.search(folded("They CHARGED my old card twice"))
    assert pattern.search(folded("dont"))
    assert not pattern.search(folded("They charged me. I called twice"))
    assert not pattern.search(folded("recharge twice"))


@pytest.mark.parametrize("name", ["claim", "lead"])
def test_lexicons_have_no_empty_section_and_no_phrase_twice(name: str) -> None:
    for section, phrases in lexicon(name).items():
        assert phrases, section
        assert len(phrases) == len({folded(p) for p in phrases}), section


def test_tokens_are_counted_from_the_text() -> None:
    assert tokens("Refund 12345 €, please!") == ["Refund", "123", "45", "€", ",", "please", "!"]
    assert count("") == 0


def test_embeddings_are_the_same_every_time_and_near_for_near_texts() -> None:
    a, b, c = (embed(t) for t in ("charged twice for my order", "charged twice for my orders", "the weather in Lima"))
    assert np.array_equal(a, embed("charged twice for my order"))
    assert float(a @ b) > 0.8
    assert float(a @ c) < 0.3
    assert not embed("  ").any()


# --- misbehaviour ---


def test_told_calls_misbehave_as_often_as_told_and_no_others() -> None:
    conduct = Conduct()
    conduct.tell(Misbehaviour(mode=Mode.EMPTY, count=2, for_schema="route"))
    modes = [conduct.next_mode(name) for name in ("claim", "route", "route", "route", "claim")]
    assert modes == [Mode.NONE, Mode.EMPTY, Mode.EMPTY, Mode.NONE, Mode.NONE]


def test_a_share_of_calls_misbehaves_evenly_and_the_same_in_every_run() -> None:
    runs = []
    for _ in range(2):
        conduct = Conduct()
        conduct.tell(Misbehaviour(mode=Mode.SERVER_ERROR, probability=0.25))
        runs.append([conduct.next_mode("route") for _ in range(400)])
    assert runs[0] == runs[1]
    assert 95 <= runs[0].count(Mode.SERVER_ERROR) <= 105
