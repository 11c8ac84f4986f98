"""Gaps of knowledge: questions that people had to answer, those that are alike together."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from pydantic import BaseModel, Field

from domain.inbound.shown import quoted
from domain.knowledge.asked import PersonAsked
from domain.knowledge.ranking import Vector

ALIKE_IN_WORDS = 0.5
ALIKE_IN_MEANING = 0.65  # both measured, bench/RESULTS.md: the second with MiniLM
SUBJECTS_SHOWN = 3
_READ_CHARS = 1_000  # what a message is about stands at its beginning
_SUBJECT_CHARS = 80

Likeness = Callable[[int, int], float]


class NearestArticle(BaseModel):
    """The article that is nearest to a gap; the distance is 0 for the same and 1 for nothing in common."""

    article_id: str
    version: int
    title: str
    distance: float


class Gap(BaseModel):
    """Questions that are alike, none of which knowledge answered; subjects have personal data replaced by tokens."""

    count: int
    languages: dict[str, int] = Field(default_factory=dict)
    categories: dict[str, int] = Field(default_factory=dict)
    why: dict[str, int] = Field(default_factory=dict)
    subjects: list[str] = Field(default_factory=list)
    case_ids: list[str] = Field(default_factory=list)
    last_at: datetime
    nearest: NearestArticle | None = None


def asked_about(question: PersonAsked) -> str:
    """Return what questions are compared by."""
    return f"{question.subject}\n{question.text}".strip()[:_READ_CHARS]


def grouped(n: int, likeness: Likeness, enough: float) -> list[list[int]]:
    """Put each of `n` questions, in order, to the group whose first one it is most like, or begin another group.

    Args:
        n: how many.
        likeness: of two, by their numbers.
        enough: from which likeness on they belong together.

    >>> grouped(4, lambda a, b: 1.0 if a % 2 == b % 2 else 0.0, 0.5)
    [[0, 2], [1, 3]]
    """
    groups: list[list[int]] = []
    for number in range(n):
        likes = [(likeness(group[0], number), -place) for place, group in enumerate(groups)]
        best, place = max(likes, default=(-1.0, 0))
        if best >= enough:
            groups[-place].append(number)
        else:
            groups.append([number])
    return groups


def alike_in_words(one: frozenset[str], other: frozenset[str]) -> float:
    """Return how alike two questions are by the words that carry meaning, 0 to 1."""
    return len(one & other) / math.sqrt(len(one) * len(other)) if one and other else 0.0


def alike_in_meaning(one: Vector, other: Vector) -> float:
    """Return the cosine of two questions' vectors, which are of unit length."""
    return sum(a * b for a, b in zip(one, other, strict=True))


def gap_of(questions: Sequence[PersonAsked], nearest: NearestArticle | None) -> Gap:
    """Return what owners are told of questions that are alike."""
    newest = sorted(questions, key=lambda q: (q.at, q.case_id), reverse=True)
    return Gap(
        count=len(questions),
        languages=_counted(q.lang for q in questions),
        categories=_counted(q.category or "none" for q in questions),
        why=_counted(q.why.value for q in questions),
        subjects=list(dict.fromkeys(_subject(q) for q in newest if _subject(q)))[:SUBJECTS_SHOWN],
        case_ids=[q.case_id for q in newest],
        last_at=newest[0].at,
        nearest=nearest,
    )


def nearest_of(found: Iterable[NearestArticle | None]) -> NearestArticle | None:
    """Return the article that is nearest to any question of a group."""
    near = [article for article in found if article is not None]
    return min(near, key=lambda article: (article.distance, article.article_id), default=None)


def in_order(gaps: Sequence[Gap]) -> list[Gap]:
    """Return those first that were asked most often, of equals the newest."""
    return sorted(gaps, key=lambda gap: (-gap.count, -gap.last_at.timestamp(), gap.case_ids))


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items(), key=lambda found: (-found[1], found[0])))


def _subject(question: PersonAsked) -> str:
    said = question.subject.strip() or question.text.strip()
    return quoted(said, _SUBJECT_CHARS) if said else ""
