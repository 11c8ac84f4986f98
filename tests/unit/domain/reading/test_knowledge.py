"""Which article an answer may rely on, and how well a message fits one: thresholds, ties, and nothing to look in."""

import json
import math
from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.reading.knowledge import Article, Diagnosis, KnowledgeIndex, Library, accept_article, words
from tests.fakes.blueprint import FITTING


def article(name: str, *symptoms: str, title: str = "", cause: str = "") -> Article:
    return Article(article_id=name, area="technical", title=title, symptoms=list(symptoms), cause=cause, steps=["Wait"])


PRINTER = article("kb-printer", "printer jams", "paper stuck inside printer", title="Printer trouble")
ROUTER = article("kb-router", "router blinks red", "wifi drops", title="Router lights", cause="a loose cable")
LOGIN = article("kb-login", "password forgotten", "login rejected", title="Signing in")
DAY = date(2026, 11, 30)
INDEX = KnowledgeIndex([PRINTER, ROUTER, LOGIN])


def found(text: str, index: KnowledgeIndex = INDEX, *, top: int = 3) -> list[str]:
    return [r.article.article_id for r in index.search(text, top=top)]


# --- what an answer may rely on ---


@pytest.mark.parametrize(
    ("confidence", "least", "accepted"),
    [(0.0, 0.5, False), (0.4999, 0.5, False), (0.5, 0.5, True), (1.0, 1.0, True), (0.9999, 1.0, False), (0, 0, True)],
)  # fmt: skip
def test_a_diagnosis_counts_from_the_threshold_on(confidence: float, least: float, accepted: bool) -> None:
    found = accept_article("kb-printer", confidence, [ROUTER, PRINTER], min_confidence=least)
    assert found == (PRINTER if accepted else None)


@pytest.mark.parametrize(
    "article_id", [None, "", "kb-login", "KB-PRINTER", "kb-printer ", "kb-", "Printer trouble", "*"]
)
@pytest.mark.parametrize("offered", [[], [PRINTER, ROUTER]])
def test_an_article_that_was_not_offered_is_never_relied_on(article_id: str | None, offered: Sequence[Article]) -> None:
    assert accept_article(article_id, 1.0, offered, min_confidence=0.0) is None


def test_of_the_model_only_the_choice_counts_the_words_are_those_of_the_article() -> None:
    assert accept_article("kb-router", 1.0, [PRINTER, ROUTER], min_confidence=0.5) == ROUTER


def test_only_approved_articles_of_the_areas_are_searched() -> None:
    draft = PRINTER.model_copy(update={"article_id": "kb-draft", "approved": False})
    library = Library([ROUTER, PRINTER, draft])
    text = " ".join(PRINTER.symptoms)
    assert [r.article.article_id for r in library.search(text, areas=[PRINTER.area], day=DAY)][:1] == ["kb-printer"]
    assert all(r.article.approved for r in library.search(text, areas=[PRINTER.area], day=DAY, top=10))
    assert library.search(text, areas=["another"], day=DAY) == []
    assert library.search(text, areas=[], day=DAY) == []


# --- when an article may be quoted, and to whom ---


@pytest.mark.parametrize(
    ("valid_from", "valid_until", "quoted"),
    [
        (None, None, True),
        (DAY, DAY, True),
        (DAY + timedelta(days=1), None, False),
        (None, DAY - timedelta(days=1), False),
        (DAY - timedelta(days=9), DAY + timedelta(days=9), True),
    ],
)
def test_an_article_is_offered_on_the_days_of_its_validity_alone(
    valid_from: date | None, valid_until: date | None, quoted: bool
) -> None:
    library = Library([PRINTER.model_copy(update={"valid_from": valid_from, "valid_until": valid_until}), ROUTER])
    offered = [r.article.article_id for r in library.search("printer jams", areas=["technical"], day=DAY)]
    assert offered == (["kb-printer"] if quoted else [])


def test_the_day_after_its_last_an_article_is_gone_and_back_the_day_before() -> None:
    library = Library([PRINTER.model_copy(update={"valid_until": DAY})])
    days = (DAY, DAY + timedelta(days=1), DAY)
    assert [len(library.search("printer jams", areas=["technical"], day=d)) for d in days] == [1, 0, 1]


def in_language(name: str, lang: str, *symptoms: str) -> Article:
    return article(name, *symptoms).model_copy(update={"lang": lang})


def test_articles_in_the_language_of_the_message_come_first_then_those_in_the_default_one() -> None:
    both = ("drucker staut papier", "printer jams")
    library = Library(
        [article("kb-a", *both), in_language("kb-de", "de", *both), in_language("kb-fr", "fr-CA", *both)],
        default_lang="en",
    )

    def offered(lang: str) -> list[str]:
        return [r.article.article_id for r in library.search("drucker staut", areas=["technical"], day=DAY, lang=lang)]

    assert offered("de") == offered("de-AT") == offered("DE_ch") == ["kb-de", "kb-a"]
    assert offered("en") == offered("nl") == ["kb-a"], "no other language is offered"
    assert offered("fr") == ["kb-fr", "kb-a"]
    assert offered("und") == offered("") == ["kb-a", "kb-de", "kb-fr"], "it may be any"
    assert offered("de") == ["kb-de", "kb-a"], "whoever asked in between"


def test_an_article_in_the_right_language_about_something_else_does_not_go_first() -> None:
    library = Library([PRINTER, in_language("kb-de", "de", "printer"), in_language("kb-b", "de", "paper")])
    found = library.search("the printer jams, paper stuck inside printer", areas=["technical"], day=DAY, lang="de")
    assert found[0].article.article_id == "kb-printer"


def test_an_article_of_an_older_version_is_read_as_valid_for_good() -> None:
    old = {"article_id": "a", "area": "b", "title": "t", "symptoms": [], "cause": "c", "steps": []}
    read = Article.model_validate_json(json.dumps(old))
    assert (read.owner, read.lang, read.valid_on(date.min), read.valid_on(date.max)) == ("", "", True, True)
    dated = read.model_copy(update={"valid_from": DAY, "valid_until": DAY})
    assert Article.model_validate_json(dated.model_dump_json()) == dated, "a history keeps it"


@pytest.mark.parametrize("confidence", [math.nan, math.inf, -math.inf, -0.01, 1.01, "sure"])
def test_a_confidence_that_is_no_share_is_refused(confidence: object) -> None:
    with pytest.raises(ValidationError, match="confidence"):
        Diagnosis.model_validate({"article_id": "kb-router", "confidence": confidence})


# --- retrieval ---


@pytest.mark.parametrize("text", ["", "   ", "?!…", "x y z", "zebra quantum", "🙂", "\0", "打印机"])
def test_a_message_that_shares_no_word_finds_nothing(text: str) -> None:
    assert INDEX.search(text) == []


@pytest.mark.parametrize("articles", [[], [article("kb-empty")], [article("kb-marks", "?!", title="…")]])
def test_without_any_knowledge_nothing_is_found(articles: list[Article]) -> None:
    assert KnowledgeIndex(articles).search("printer jams") == []


def test_the_best_article_comes_first_whatever_the_order_and_the_spelling() -> None:
    for text in ("my printer jams", "PRINTERS JAMMED and my printer jams", "ｐｒｉｎｔｅｒ jams, wifi"):
        assert found(text)[0] == "kb-printer"
    assert found("wifi drops, then the printer jams: wifi, router blinks") == ["kb-router", "kb-printer"]
    ranked = INDEX.search("wifi drops, printer")
    assert [r.score for r in ranked] == sorted((r.score for r in ranked), reverse=True)
    assert INDEX.search("wifi drops")[0].coverage == 1.0
    assert all(0 < r.coverage < 1 for r in ranked)


def test_between_equals_the_name_decides_not_the_order_of_the_file() -> None:
    twins = [article(name, "screen flickers") for name in ("kb-b", "kb-a", "kb-c")]
    for rows in (twins, twins[::-1]):
        assert found("screen flickers", KnowledgeIndex(rows)) == ["kb-a", "kb-b", "kb-c"]
        assert found("screen flickers", KnowledgeIndex(rows), top=1) == ["kb-a"]
    assert found("screen flickers", KnowledgeIndex(twins), top=0) == []


def test_endings_meet_and_short_words_are_left_alone() -> None:
    assert words("crashes crashed crashing Crash") == ["crash"] * 4
    assert words("bus ring a its ｂｕｓ") == ["bus", "ring", "its", "bus"]


def test_a_flood_is_read_no_further_than_its_bound() -> None:
    assert found("x " * 2_000 + "printer jams") == []
    assert FITTING.content_words("x " * 2_000 + "printer") == frozenset()


# --- fit ---


@pytest.mark.parametrize("message", ["", "hello can you please help me with my problem", "?", "zebra"])
def test_a_message_without_a_word_that_counts_fits_nothing(message: str) -> None:
    assert (
        FITTING.fit(FITTING.content_words(message), title="Printer", symptoms=["hello my problem", "", "printer jams"])
        == 0.0
    )


def test_an_article_without_symptoms_is_judged_by_its_title() -> None:
    assert FITTING.fit(FITTING.content_words("printer"), title="Printer", symptoms=[]) == 1.0
    assert FITTING.fit(FITTING.content_words("printer"), title="", symptoms=[]) == 0.0


def test_the_best_symptom_counts_in_whatever_order_and_a_long_message_fits_no_worse() -> None:
    message = FITTING.content_words("router blinks red")
    worse = FITTING.fit(message, title="", symptoms=["router blinks slowly every evening"])
    for symptoms in (["router blinks red", "wifi drops"], ["wifi drops", "router blinks red"]):
        assert FITTING.fit(message, title="", symptoms=symptoms) == 1.0 > worse > 0
    long, longer = (message | {f"word{n}" for n in range(count)} for count in (20, 40))
    fits = [FITTING.fit(m, title="", symptoms=["router blinks red"]) for m in (long, longer)]
    assert 0.5 > fits[0] > fits[1] > 0.4  # only the share of all words falls, not that of the symptom


@given(st.text(max_size=60), st.lists(st.text(max_size=30), max_size=4), st.text(max_size=20))
def test_every_fit_is_a_share(message: str, symptoms: list[str], title: str) -> None:
    fit = FITTING.fit(FITTING.content_words(f"{message} {title}"), title=title, symptoms=symptoms)
    assert 0.0 <= fit <= 1.0
