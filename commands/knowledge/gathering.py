"""What `headgate knowledge` gathers: articles with their use, and the gaps between them."""

from collections.abc import Sequence
from datetime import UTC, datetime

from activities.models.retrieval import Retrieval
from domain.knowledge.asked import PersonAsked
from domain.knowledge.gaps import (
    ALIKE_IN_MEANING,
    ALIKE_IN_WORDS,
    Gap,
    NearestArticle,
    alike_in_meaning,
    alike_in_words,
    asked_about,
    gap_of,
    grouped,
    in_order,
    nearest_of,
)
from domain.knowledge.validity import standing_on
from domain.reading.knowledge import Article, Fitting, Library
from workers.bootstrap import Parts

_PLACED_BY = 3  # of a group's questions say which article is nearest to it
LOOKED_AT = 1000  # questions; each is compared with the first one of every group


def articles_in_use(parts: Parts) -> list[dict[str, object]]:
    """Return the articles of the blueprint, those first that are quoted most. Raises TransientError without a store."""
    uses = parts.knowledge_in_use.uses()
    today = datetime.now(UTC).date()
    default = parts.blueprint.letters.fallback
    rows: list[tuple[int, Article, dict[str, object]]] = []
    for article in parts.knowledge:
        own = [use for use in uses if use.article_id == article.article_id]
        letters = sum(use.letters for use in own)
        row: dict[str, object] = {
            **article.model_dump(mode="json", include={"article_id", "version", "area", "title", "owner"}),
            "lang": article.lang or default,
            "valid_from": article.valid_from,
            "valid_until": article.valid_until,
            "standing": standing_on(article, today).value,
            "used": letters,
            "used_this_version": sum(use.letters for use in own if use.version == article.version),
            "last_used": max((use.last_at for use in own), default=None),
        }
        rows.append((letters, article, row))
    rows.sort(key=lambda found: (-found[0], found[1].article_id))
    return [row for _, _, row in rows]


async def find_gaps(parts: Parts, since: datetime) -> tuple[list[Gap], int]:
    """Return the gaps since then, the biggest first, and of how many questions they are made: the newest thousand.

    Raises:
        HeadgateError: the store cannot be reached, or the embedder cannot be used.
    """
    asked = parts.knowledge_in_use.asked_of_people(since, LOOKED_AT)
    asked.sort(key=lambda question: (question.received_at, question.case_id))  # an answer moves none
    groups = await _alike(parts, asked)
    library = Library(parts.knowledge, default_lang=parts.blueprint.letters.fallback)
    retrieval = Retrieval(library, parts.opens_article_embedder)
    fitting = Fitting(parts.blueprint.words.common)
    gaps = []
    for group in groups:
        questions = [asked[number] for number in group]
        near = [await _nearest(question, retrieval, fitting, parts.knowledge) for question in questions[:_PLACED_BY]]
        gaps.append(gap_of(questions, nearest_of(near)))
    return in_order(gaps), len(asked)


async def _alike(parts: Parts, asked: Sequence[PersonAsked]) -> list[list[int]]:
    """Group questions by meaning where articles are found by it, else by the words that they share."""
    texts = [asked_about(question) for question in asked]
    opened = parts.opens_article_embedder
    if opened is not None:
        vectors = await opened().embed(texts)
        return grouped(len(asked), lambda a, b: alike_in_meaning(vectors[a], vectors[b]), ALIKE_IN_MEANING)
    fitting = Fitting(parts.blueprint.words.common)
    words = [fitting.content_words(text) for text in texts]
    return grouped(len(asked), lambda a, b: alike_in_words(words[a], words[b]), ALIKE_IN_WORDS)


async def _nearest(
    question: PersonAsked, retrieval: Retrieval, fitting: Fitting, articles: Sequence[Article]
) -> NearestArticle | None:
    text = asked_about(question)
    ranked = await retrieval.nearest(
        text, areas={a.area for a in articles}, day=datetime.now(UTC).date(), lang=question.lang, top=1
    )
    if not ranked:
        return None
    article, near = ranked[0].article, ranked[0].cosine
    if near is None:
        near = fitting.fit(fitting.content_words(text), title=article.title, symptoms=article.symptoms)
    return NearestArticle(
        article_id=article.article_id, version=article.version, title=article.title, distance=round(1 - near, 2)
    )
