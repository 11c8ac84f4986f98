"""Junk is no lead, whatever a model makes of it, and honest inquiries of ten languages are."""

import time

import pytest

from adapters.models.offline.words import default_words
from domain.conversations.leads import lacks
from domain.reading.answers import LeadAnswer, lead_from_answer
from domain.reading.sales import Interest, Junk, LeadFacts
from domain.reading.words import Words
from domain.writers.junk import JunkSigns
from tests.unit.domain.reading.texts_of import sections

SIGNS = JunkSigns(default_words())
JUNK = [*sections("junk.txt"), *sections("junk_unseen.txt")]
HONEST = [*sections("inquiries.txt"), *sections("inquiries_unseen.txt")]


def believed(text: str) -> LeadFacts:
    """Return what counts of the answer of a model that takes every message for an order and quotes all of it."""
    product = text.split(maxsplit=1)[0][:100]
    answer = LeadAnswer(
        interest=Interest.QUOTE, interest_quote=text[:400], product=product, seats=20, country="DE", urgent=True,
        company=None,
    )  # fmt: skip
    return lead_from_answer(answer, text=text, junk=SIGNS.verdict(text))


def test_there_are_enough_texts_to_judge_by() -> None:
    assert (len(JUNK) >= 150, len({kind for kind, _ in JUNK})) == (True, 15)
    assert (len(HONEST) >= 80, len({lang for lang, _ in HONEST})) == (True, 10)


@pytest.mark.parametrize(("kind", "text"), JUNK)
def test_junk_with_a_company_in_it_is_no_lead_even_where_the_model_believes_it(kind: str, text: str) -> None:
    assert lacks(believed(text), reachable=True) is not None, kind


@pytest.mark.parametrize(("lang", "text"), HONEST)
def test_a_plain_inquiry_is_a_lead(lang: str, text: str) -> None:
    assert lacks(believed(text), reachable=True) is None, lang


@pytest.mark.parametrize("kind", ["noise", "lorem"])
def test_what_is_no_language_is_called_that(kind: str) -> None:
    verdicts = [SIGNS.verdict(text) for of, text in sections("junk.txt") if of == kind]
    assert verdicts.count(Junk.NO_LANGUAGE) >= len(verdicts) - 1


@pytest.mark.parametrize(
    "text",
    [
        "倉庫用のアクセスポイントを30台購入したいです。見積もりをお願いします。",
        "请给我们发一份二十个许可证的报价。",
        "Нам нужно 20 лицензий, сколько это стоит?",
        "Potřebujeme 20 licencí, jaká je cena?",
        "Szeretnénk húsz licencet rendelni az irodánkba.",
        "20 lisans için fiyat teklifi istiyoruz, teşekkürler.",
        "Trebuie să comandăm 20 de licențe pentru birou, vrem o ofertă.",
        "Tarvitsemme 20 lisenssiä, mikä on hinta?",
        "PLEASE SEND A PRICE FOR 20 GMBH LICENCES",
        "Price?",
        "[NAME_1] needs 4 x SKU 22-B, price please",
    ],
)
def test_other_languages_capitals_and_short_words_are_no_noise(text: str) -> None:
    assert SIGNS.verdict(text) is None


@pytest.mark.parametrize(
    ("facts", "is_lead"),
    [
        (LeadFacts(interest=Interest.QUOTE), True),
        (LeadFacts(seats=20), False),  # a number is no wish
        (LeadFacts(product="Pro", seats=20, company="Acme"), False),
        (LeadFacts(interest=Interest.QUOTE, junk=Junk.OFFER), False),
        (LeadFacts(interest=Interest.QUOTE, company="Acme", junk=Junk.NO_LANGUAGE), False),
    ],
)
def test_a_lead_needs_a_wish_in_words_and_no_sign_of_junk(facts: LeadFacts, is_lead: bool) -> None:
    assert (lacks(facts, reachable=True) is None) == is_lead


def test_one_hint_is_none_two_different_ones_are_an_offer() -> None:
    words = Words.model_validate(
        {
            "sales": {
                "small": ["the", "a"],
                "needs": ["price"],
                "offers": ["backlink*"],
                "hints": ["our team", "your site"],
            }
        }
    )
    signs = JunkSigns(words)
    assert signs.verdict("our team would like to know the price, and so would our team in Leeds") is None
    assert signs.verdict("our team saw the price on your site") is Junk.OFFER
    assert signs.verdict("the price for backlinks") is Junk.OFFER
    assert signs.verdict("the kind is not for our team") is Junk.NO_NEED


@pytest.mark.parametrize(
    "unit", ["a ", "we offer ", "zzz ", "price ", "lorem ", "your site ", "'", "x" * 50, "\u0301", "1 "]
)
def test_a_flood_is_judged_in_no_time(unit: str) -> None:
    start = time.perf_counter()
    SIGNS.verdict(unit * 100_000)
    assert time.perf_counter() - start < 2
