"""Technical Support: knowledge articles, retrieval, and what a diagnosis may rely on."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from pydantic import BaseModel, Field

_WORD = re.compile(r"[^\W_]{2,}")
_K1, _B = 1.4, 0.6


class Article(BaseModel):
    """A knowledge article: symptoms as customers word them, the cause, the remedy in steps."""

    article_id: str
    version: int = 1
    area: str
    title: str
    symptoms: list[str]
    cause: str
    steps: list[str]
    escalate_if: str = ""


class Ranked(BaseModel):
    """An article and how well it fits: BM25 score, and the share of the message's weighted words that it covers (0 to
    1).
    """

    article: Article
    score: float
    coverage: float


class Diagnosis(BaseModel):
    """What the model concluded; `article_id` None means: no article explains it."""

    article_id: str | None = None
    cause: str = ""
    steps: list[str] = Field(default_factory=list)
    confidence: float = Field(default=0.0, ge=0.0, le=1.0)


def words(text: str) -> list[str]:
    """Return the folded words of a text, crudely stemmed so that `crashes` meets `crash`."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return [_stem(w) for w in _WORD.findall(folded)]


def _stem(word: str) -> str:
    for ending in ("ings", "ing", "ies", "es", "ed", "s"):
        if len(word) > len(ending) + 3 and word.endswith(ending):
            return word[: -len(ending)]
    return word


class KnowledgeIndex:
    """BM25 over the articles (Robertson & Zaragoza 2009); a few hundred articles need no more."""

    def __init__(self, articles: Sequence[Article]) -> None:
        self._articles = list(articles)
        self._counts = [Counter(words(" ".join([a.title, a.title, *a.symptoms, a.cause]))) for a in articles]
        self._lengths = [sum(c.values()) for c in self._counts]
        self._mean = (sum(self._lengths) / len(self._lengths)) if self._lengths else 1.0
        seen = Counter(w for c in self._counts for w in c)
        n = len(self._articles)
        self._idf = {w: math.log(1 + (n - df + 0.5) / (df + 0.5)) for w, df in seen.items()}

    def search(self, text: str, *, top: int = 3) -> list[Ranked]:
        """Return the best articles for a message, best first; none if no word is shared."""
        query = sorted(set(words(text[:4000])) & self._idf.keys())
        weight = sum(self._idf[w] for w in query)
        if not query or weight <= 0:
            return []
        ranked = []
        for article, counts, length in zip(self._articles, self._counts, self._lengths, strict=True):
            score = covered = 0.0
            for w in query:
                tf = counts.get(w, 0)
                if tf:
                    covered += self._idf[w]
                    score += self._idf[w] * tf * (_K1 + 1) / (tf + _K1 * (1 - _B + _B * length / self._mean))
            if score > 0:
                ranked.append(Ranked(article=article, score=round(score, 4), coverage=round(covered / weight, 4)))
        ranked.sort(key=lambda r: (-r.score, r.article.article_id))
        return ranked[:top]


def accept_diagnosis(diagnosis: Diagnosis, offered: Sequence[Article], *, min_confidence: float) -> Article | None:
    """Return the article that the answer may rely on: one that was offered, with enough confidence; else None (a
    person looks).
    """
    if diagnosis.article_id is None or diagnosis.confidence < min_confidence:
        return None
    return next((a for a in offered if a.article_id == diagnosis.article_id), None)
