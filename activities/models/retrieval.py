"""Retrieval: which articles a question may be answered from, by words, and by meaning where an embedder is there."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import date

from activities.heartbeat import heartbeating
from domain.errors import HeadgateError
from domain.knowledge.ranking import Vector, by_meaning_and_words, nearness, texts_of
from domain.reading.knowledge import Article, Library, Ranked
from ports.models.embedding import Embedder

_LOGGER = logging.getLogger("headgate.knowledge")
_AT_ONCE = 64
_READ_CHARS = 4_000  # of a question

OpensEmbedder = Callable[[], Embedder]
"""Returns the embedder, loaded at the first call. Raises ConfigurationError if it cannot be used."""


class Retrieval:
    """Finds the articles nearest to a question.

    Args:
        library: of all articles.
        opened: what compares meanings; None: words alone count. It is loaded, and articles get their vectors, at the
            first question: not every process that could be asked is.
    """

    def __init__(self, library: Library, opened: OpensEmbedder | None) -> None:
        self.library = library
        self._opened = opened
        self._vectors: dict[str, list[Vector]] = {}
        self._embedding = asyncio.Lock()

    async def nearest(self, text: str, *, areas: Iterable[str], day: date, lang: str, top: int) -> list[Ranked]:
        """Return the best articles, those in the question's language first; arguments as of `Library.search`.

        Without the embedder, or while it fails, words alone count: a question is never held up by it.
        """
        wanted = frozenset(areas)
        articles = self.library.offered(areas=wanted, day=day, lang=lang)
        by_words = self.library.search(text, areas=wanted, day=day, lang=lang, top=len(articles))
        if self._opened is None or not text.strip() or not articles:
            return by_words[:top]
        try:
            async with heartbeating():
                cosines = await self._cosines(await asyncio.to_thread(self._opened), text[:_READ_CHARS], articles)
        except HeadgateError as error:
            _LOGGER.warning("articles are found by words alone: %s", error)
            return by_words[:top]
        return self.library.own_first(by_meaning_and_words(articles, cosines, by_words), lang)[:top]

    async def _cosines(self, embedder: Embedder, text: str, articles: Sequence[Article]) -> dict[str, float]:
        await self._embed_new(embedder, articles)
        (question,) = await embedder.embed([text])
        return await asyncio.to_thread(
            lambda: {a.article_id: nearness(question, self._vectors[a.article_id]) for a in articles}
        )

    async def _embed_new(self, embedder: Embedder, articles: Sequence[Article]) -> None:
        """Make the vectors of articles that have none yet, once for all questions."""
        async with self._embedding:
            new = [(a.article_id, text) for a in articles if a.article_id not in self._vectors for text in texts_of(a)]
            made: dict[str, list[Vector]] = {}
            for start in range(0, len(new), _AT_ONCE):
                some = new[start : start + _AT_ONCE]
                vectors = await embedder.embed([text for _, text in some])
                for (article_id, _), vector in zip(some, vectors, strict=True):
                    made.setdefault(article_id, []).append(vector)
            self._vectors |= made
