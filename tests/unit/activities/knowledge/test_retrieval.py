"""Retrieval: words alone without an embedder or while it fails; with one, articles that share no word are found."""

from collections.abc import Sequence
from datetime import date

import pytest

from activities.models.retrieval import Retrieval
from domain.errors import ConfigurationError, HeadgateError, TransientError
from domain.reading.knowledge import Article, Library
from tests.contracts.spending.answer_cache import towards

DAY = date(2026, 11, 30)
DEGREES = {"signing in": 0.0, "cannot log in": 5.0, "fax": 90.0, "the fax is dead": 95.0, "I forgot my secret": 10.0}
ARTICLES = [
    Article(article_id=name, area="it", title=title, symptoms=[symptom], cause="", steps=[])
    for name, title, symptom in (("kb-login", "signing in", "cannot log in"), ("kb-fax", "fax", "the fax is dead"))
]


class FakeEmbedder:
    name, size = "fake", 8

    def __init__(self, fails: HeadgateError | None = None) -> None:
        self.fails = fails
        self.asked: list[str] = []

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        if self.fails is not None:
            raise self.fails
        self.asked += texts
        return [towards(DEGREES[text]) for text in texts]


async def found(retrieval: Retrieval, text: str, *, day: date = DAY, areas: Sequence[str] = ("it",)) -> list[str]:
    return [r.article.article_id for r in await retrieval.nearest(text, areas=areas, day=day, lang="en", top=3)]


async def test_a_question_in_other_words_is_found_by_meaning_alone() -> None:
    assert await found(Retrieval(Library(ARTICLES), None), "I forgot my secret") == []
    ranked = await Retrieval(Library(ARTICLES), FakeEmbedder).nearest(
        "I forgot my secret", areas=["it"], day=DAY, lang="en", top=3
    )
    assert [(r.article.article_id, r.coverage) for r in ranked] == [("kb-login", 0.0)]
    assert ranked[0].cosine == pytest.approx(0.99, abs=0.01)


async def test_articles_are_embedded_once_and_only_those_that_may_be_offered() -> None:
    embedder = FakeEmbedder()
    late = ARTICLES[1].model_copy(update={"valid_from": date(2027, 1, 1)})
    retrieval = Retrieval(Library([ARTICLES[0], late]), lambda: embedder)
    assert await found(retrieval, "the fax is dead") == []
    assert embedder.asked == ["signing in", "cannot log in", "the fax is dead"]
    assert await found(retrieval, "the fax is dead", day=date(2027, 1, 1)) == ["kb-fax"]
    assert embedder.asked[3:] == ["fax", "the fax is dead", "the fax is dead"]
    assert await found(retrieval, "the fax is dead", areas=()) == []
    assert await found(retrieval, " ") == []
    assert len(embedder.asked) == 6, "nothing to look in, nothing to look for: nothing is asked"


@pytest.mark.parametrize("fails", [TransientError("away"), ConfigurationError("another size")])
async def test_an_embedder_that_fails_holds_no_question_up(fails: HeadgateError) -> None:
    assert await found(Retrieval(Library(ARTICLES), lambda: FakeEmbedder(fails)), "my fax") == ["kb-fax"]

    def broken() -> FakeEmbedder:
        raise fails

    retrieval = Retrieval(Library(ARTICLES), broken)
    assert await found(retrieval, "my fax") == ["kb-fax"]
    assert await found(retrieval, "I forgot my secret") == []
