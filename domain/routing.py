"""The router's contract: exactly one of the blueprint's categories, or no route at all."""

import unicodedata
from collections.abc import Sequence
from enum import StrEnum

from pydantic import BaseModel


class Category(StrEnum):
    """The three queues that a case can be routed to."""

    BILLING = "Billing"
    TECHNICAL_SUPPORT = "Technical Support"
    SALES = "Sales"


CATEGORIES: tuple[str, ...] = tuple(Category)


class Unroutable(StrEnum):
    """Why no category was given."""

    ABSTAINED = "abstained"
    NOT_A_CATEGORY = "not_a_category"
    EMPTY_MESSAGE = "empty_message"


class Route(BaseModel):
    """What the router found; `category` is None where a person must decide."""

    category: Category | None = None
    unroutable: Unroutable | None = None
    confidence: float | None = None
    asked: int = 1


def parse_route(answer: str, categories: Sequence[str] = CATEGORIES) -> Category | None:
    """Return the category that the answer equals, or None.

    NFKC, blanks and one final full stop stripped, case folded, then equality: never "contains", because "not Sales,
    it is Billing" holds two of them.

    >>> parse_route(" billing. ")
    <Category.BILLING: 'Billing'>
    >>> parse_route("not Sales, it is Billing") is None
    True
    """
    if len(answer) > 200:  # no category is so long, and whatever stands further on may be another one
        return None
    text = unicodedata.normalize("NFKC", answer).strip()
    folded = text.removesuffix(".").strip().casefold()
    return next((Category(name) for name in categories if name.casefold() == folded), None)
