"""Articles by meaning and by words: what is far is not offered, shared words decide between near ones."""

import pytest

from domain.knowledge.ranking import by_meaning_and_words, nearness, texts_of
from domain.reading.knowledge import Article, Ranked
from tests.contracts.spending.answer_cache import towards


def article(name: str) -> Article:
    return Article(article_id=name, area="it", title=f"about {name}", symptoms=["s1", "s2"], cause="", steps=[])


A, B, C = (article(name) for name in ("kb-a", "kb-b", "kb-c"))


def order(cosines: dict[str, float], words: dict[str, float] | None = None) -> list[str]:
    by_words = [Ranked(article=article(n), score=s, coverage=0.5) for n, s in (words or {}).items()]
    return [r.article.article_id for r in by_meaning_and_words([A, B, C], cosines, by_words)]


def test_what_is_far_is_not_offered_whatever_words_it_shares() -> None:
    assert order({"kb-a": 0.24, "kb-b": 0.25, "kb-c": -0.4}, {"kb-a": 99.0}) == ["kb-b"]
    assert order({"kb-a": 0.1, "kb-b": 0.1, "kb-c": 0.1}) == []


def test_the_nearest_comes_first_and_shared_words_decide_between_near_ones() -> None:
    assert order({"kb-a": 0.5, "kb-b": 0.7, "kb-c": 0.6}) == ["kb-b", "kb-c", "kb-a"]
    assert order({"kb-a": 0.5, "kb-b": 0.6, "kb-c": 0.3}, {"kb-a": 8.0, "kb-b": 1.0}) == ["kb-a", "kb-b", "kb-c"]
    assert order({"kb-a": 0.4, "kb-b": 0.6, "kb-c": 0.3}, {"kb-a": 8.0, "kb-b": 1.0})[0] == "kb-b"
    assert order({"kb-c": 0.5, "kb-a": 0.5, "kb-b": 0.5}) == ["kb-a", "kb-b", "kb-c"], "of equals the name decides"


def test_an_article_is_as_near_as_the_two_texts_of_it_that_are_nearest() -> None:
    question = towards(0.0)
    assert nearness(question, [towards(0.0), towards(90.0), towards(60.0)]) == pytest.approx(0.75)
    assert nearness(question, [towards(60.0)]) == pytest.approx(0.5)
    assert nearness(question, []) == 0.0
    assert texts_of(A) == ["about kb-a", "s1", "s2"]
