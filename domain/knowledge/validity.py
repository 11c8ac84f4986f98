"""Which articles have expired, or soon will: what their owners are told."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum

from domain.reading.knowledge import Article

SOON_DAYS = 14


class Validity(StrEnum):
    """Whether an article may be quoted on a day, and why not."""

    VALID = "valid"
    DRAFT = "draft"
    NOT_YET = "not yet"
    EXPIRED = "expired"


def standing_on(article: Article, day: date) -> Validity:
    """Return how an article stands on a day."""
    if not article.approved:
        return Validity.DRAFT
    if article.valid_on(day):
        return Validity.VALID
    return Validity.EXPIRED if article.valid_until is not None and article.valid_until < day else Validity.NOT_YET


def expired(articles: Sequence[Article], day: date) -> list[Article]:
    """Return the approved articles that are no longer quoted on a day, those first that expired first."""
    gone = [a for a in articles if a.approved and a.valid_until is not None and a.valid_until < day]
    return sorted(gone, key=_by_end)


def expiring(articles: Sequence[Article], day: date) -> list[Article]:
    """Return the approved articles whose last day is this one, or comes within the 14 after it, the next first."""
    soon = [
        a for a in articles if a.approved and a.valid_until is not None and 0 <= (a.valid_until - day).days <= SOON_DAYS
    ]
    return sorted(soon, key=_by_end)


def validity_lines(articles: Sequence[Article], day: date) -> list[str]:
    """Return a line for each article that has expired or soon will, with its owner."""
    return [
        *(f"{a.named}{_owned(a)} expired: {a.valid_until} was its last day" for a in expired(articles, day)),
        *(f"{a.named}{_owned(a)} expires: {a.valid_until} is its last day" for a in expiring(articles, day)),
    ]


def _by_end(article: Article) -> tuple[date, str]:
    return article.valid_until or date.max, article.article_id


def _owned(article: Article) -> str:
    return f" ({article.owner})" if article.owner else ""
