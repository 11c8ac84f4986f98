"""Knowledge articles: retrieval, how well a message fits one, and what an answer may rely on."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field, Strict

_WORD = re.compile(r"[^\W_]{2,}")
_K1, _B = 1.4, 0.6
UNKNOWN_LANG = "und"
_NO_LANGS = ("", UNKNOWN_LANG)
# An article in the reader's language goes before one that fits better, if it fits at least half as well.
_OWN_LANGUAGE_SHARE = 0.5

_Day = Annotated[date, Strict()]  # a number is no day


class Article(BaseModel):
    """A knowledge article: symptoms as customers word them, the cause, the remedy in steps.

    Attributes:
        owner: who keeps it right, a person or a team.
        lang: of its title, cause and steps, such as `de`; empty: the blueprint's default language.
        valid_from: the first day on which it may be quoted, UTC; None: from ever.
        valid_until: the last one; None: for good.
    """

    article_id: str
    version: int = 1
    area: str
    title: str
    symptoms: list[str]
    cause: str
    steps: list[str]
    escalate_if: str = ""
    approved: bool = True  # a draft (false) answers nobody
    owner: str = ""
    lang: str = ""
    valid_from: _Day | None = None
    valid_until: _Day | None = None

    @property
    def named(self) -> str:
        """What people call it: id, version and title."""
        return f"{self.article_id} v{self.version}: {self.title}"

    def valid_on(self, day: date) -> bool:
        """Say whether it may be quoted on a day."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day <= self.valid_until
        )


class Ranked(BaseModel):
    """An article and how well it fits: its score among the others, the share of the message's weighted words that it
    covers (0 to 1), and how near it is in meaning where that was asked for.
    """

    article: Article
    score: float
    coverage: float
    cosine: float | None = None


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


class Library:
    """The approved articles, searched by area, day and language; safe to share between threads.

    Args:
        articles: all that there are.
        default_lang: of the articles that name none.
    """

    def __init__(self, articles: Sequence[Article], *, default_lang: str = "en") -> None:
        self._approved = [a for a in articles if a.approved]
        self._default = _base(default_lang)
        self._langs = frozenset(self.lang_of(a) for a in self._approved)
        self._indexes: dict[tuple[frozenset[str], str], tuple[list[Article], KnowledgeIndex]] = {}

    def lang_of(self, article: Article) -> str:
        """Return the language of an article, without its region."""
        return _base(article.lang) or self._default

    def is_in(self, article: Article, lang: str) -> bool:
        """Say whether an article is in a language."""
        return self.lang_of(article) == _base(lang)

    def offered(self, *, areas: Iterable[str], day: date, lang: str = UNKNOWN_LANG) -> list[Article]:
        """Return the articles that a message of a language may be answered from on a day: those in its language and in
        the default one; all of them where its language is not known.
        """
        wanted, own = frozenset(areas), _base(lang)
        known = own not in _NO_LANGS
        return [
            a
            for a in self._approved
            if a.area in wanted and a.valid_on(day) and (not known or self.lang_of(a) in (own, self._default))
        ]

    def search(
        self, text: str, *, areas: Iterable[str], day: date, lang: str = UNKNOWN_LANG, top: int = 3
    ) -> list[Ranked]:
        """Return the best articles for a message, those in its language first; none if no word is shared.

        Args:
            text: the message.
            areas: of the articles.
            day: on which it is answered.
            lang: the message's; `und`: not known.
            top: how many at most.
        """
        wanted = frozenset(areas)
        articles = self.offered(areas=wanted, day=day, lang=lang)
        return self.own_first(self._index(wanted, _base(lang), articles).search(text, top=len(articles)), lang)[:top]

    def own_first(self, ranked: Sequence[Ranked], lang: str) -> list[Ranked]:
        """Put the articles in a language before better ones in another, but for those that fit much worse."""
        enough = ranked[0].score * _OWN_LANGUAGE_SHARE if ranked else 0.0
        return sorted(ranked, key=lambda r: not (self.is_in(r.article, lang) and r.score >= enough))

    def _index(self, areas: frozenset[str], lang: str, articles: list[Article]) -> KnowledgeIndex:
        """Return the index of these articles; one is kept for each language that there are articles in."""
        key = (areas, lang if lang in self._langs or lang in _NO_LANGS else self._default)
        before = self._indexes.get(key)
        if before is not None and before[0] == articles:
            return before[1]
        index = KnowledgeIndex(articles)
        self._indexes[key] = (articles, index)
        return index


def _base(lang: str) -> str:
    """Return a language without its region: `pt` for `pt-BR`."""
    return lang.lower().replace("_", "-").partition("-")[0]


def accept_article(
    article_id: str | None, confidence: float, offered: Sequence[Article], *, min_confidence: float
) -> Article | None:
    """Return the article that an answer may rely on: one that was offered, with enough confidence; else None (a person
    looks).
    """
    if article_id is None or confidence < min_confidence:
        return None
    return next((a for a in offered if a.article_id == article_id), None)


_LONG_MESSAGE = 12  # a long message fits no worse for its length


_BEST, _WHOLE = 0.8, 0.2  # weight of the best symptom and of all of them together
_READ_CHARS = 4_000


class Fitting:
    """How well messages fit articles, by the words that carry meaning.

    Args:
        common: words that every message has, of all languages; sharing them says nothing.

    >>> fitting = Fitting(["my", "the"])
    >>> fitting.fit(fitting.content_words("my printer jams"), title="Printer", symptoms=["the printer jams"])
    1.0
    """

    def __init__(self, common: Iterable[str]) -> None:
        self._common = frozenset(words(" ".join(common)))

    def content_words(self, text: str) -> frozenset[str]:
        """Return the words of a text that carry meaning, folded and stemmed."""
        return frozenset(words(text[:_READ_CHARS])) - self._common

    def fit(self, message: frozenset[str], *, title: str, symptoms: Sequence[str]) -> float:
        """Return how well a message fits an article, from 0 to 1.

        Args:
            message: its content words.
            title: the article's, read as one more symptom.
            symptoms: as customers word them.
        """
        if not message:
            return 0.0
        worded = [self.content_words(s) for s in [*symptoms, title]]
        best = max(_overlap(message, symptom) for symptom in worded)
        everything = frozenset().union(*worded)
        return round(_BEST * best + _WHOLE * len(message & everything) / len(message), 4)


def _overlap(message: frozenset[str], symptom: frozenset[str]) -> float:
    shared = len(message & symptom)
    return min(1.0, shared / math.sqrt(len(symptom) * min(len(message), _LONG_MESSAGE))) if shared else 0.0
