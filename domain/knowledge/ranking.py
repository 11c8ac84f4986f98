"""Articles by meaning and by words together: which are near enough to be offered, and in which order."""

from collections.abc import Mapping, Sequence

from domain.reading.knowledge import Article, Ranked

# Measured with `headgate eval knowledge` on MiniLM, bench/RESULTS.md: another model has other cosines.
NEAREST_TEXTS = 2
_WORDS_SHARE = 0.15  # what shared words add to a cosine at most
_NEAR_ENOUGH = 0.25

Vector = Sequence[float]


def texts_of(article: Article) -> list[str]:
    """Return what of an article is compared with messages: its title, and each symptom by itself."""
    return [article.title, *article.symptoms]


def nearness(question: Vector, texts: Sequence[Vector]) -> float:
    """Return how near a question is to an article: the mean cosine of the two of its texts that are nearest.

    Vectors are of unit length; 0 without any text.
    """
    cosines = sorted((sum(a * b for a, b in zip(question, text, strict=True)) for text in texts), reverse=True)
    nearest = cosines[:NEAREST_TEXTS]
    return sum(nearest) / len(nearest) if nearest else 0.0


def by_meaning_and_words(
    articles: Sequence[Article], cosines: Mapping[str, float], words: Sequence[Ranked]
) -> list[Ranked]:
    """Return the articles that are near enough in meaning, the best first; shared words count a little.

    Args:
        articles: that may be offered.
        cosines: of each, by its id.
        words: how they rank by words.
    """
    by_words = {ranked.article.article_id: ranked for ranked in words}
    most = max((ranked.score for ranked in words), default=0.0) or 1.0
    found = []
    for article in articles:
        cosine, ranked = cosines[article.article_id], by_words.get(article.article_id)
        if cosine < _NEAR_ENOUGH:
            continue
        score = cosine + (_WORDS_SHARE * ranked.score / most if ranked else 0.0)
        coverage = ranked.coverage if ranked else 0.0
        found.append(
            Ranked(article=article, score=round(score, 4), coverage=coverage, cosine=round(max(cosine, 0.0), 4))
        )
    return sorted(found, key=lambda r: (-r.score, r.article.article_id))
