"""The router's contract: exactly one of the blueprint's categories, or no route at all."""

import unicodedata
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

LONGEST_NAME = 60
MOST_EXAMPLES = 8
LONGEST_EXAMPLE = 160
OneLine = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f\u2028\u2029]+$")]


def _says_something(example: str) -> str:
    if not example.strip():
        raise ValueError("an example is blank: take it out")
    return example


Example = Annotated[OneLine, Field(max_length=LONGEST_EXAMPLE), AfterValidator(_says_something)]


class Category(BaseModel):
    """A queue that a case can be routed to, and who works it.

    `description` is the one line by which the router tells it from the others; `examples` are messages that belong to
    it, in few words: its prompt shows them. `knowledge` names the areas of articles
    that its specialist may answer from. `tools` narrows what the specialist may use (None: all that is granted to it).
    `tenants` says for whom it is there (empty: for all). `apart` has its specialist work as a workflow of its own, with
    a history and a failure of its own; else it works inside the case, which costs half.
    """

    model_config = ConfigDict(frozen=True)

    name: Annotated[OneLine, Field(max_length=LONGEST_NAME)]
    description: OneLine
    specialist: str
    knowledge: tuple[str, ...] = ()
    tools: tuple[str, ...] | None = None
    tenants: tuple[str, ...] = ()
    apart: Annotated[bool, Field(strict=True)] = False
    examples: tuple[Example, ...] = Field(default=(), max_length=MOST_EXAMPLES)

    def serves(self, tenant: str) -> bool:
        """Return whether cases of a tenant can be routed here."""
        return not self.tenants or tenant in self.tenants


BILLING, TECHNICAL_SUPPORT, SALES = "Billing", "Technical Support", "Sales"

DEFAULT_CATEGORIES: tuple[Category, ...] = (
    Category(
        name=BILLING,
        description="money that was or will be charged, invoices, fees, payments, refunds, wrong or double charges.",
        specialist="billing",
        knowledge=("billing",),
    ),
    Category(
        name=TECHNICAL_SUPPORT,
        description="something does not work, cannot be reached, cannot be logged in to, or shows an error.",
        specialist="technical_support",
        knowledge=("technical",),
    ),
    Category(
        name=SALES,
        description=(
            "somebody wants to buy, order, upgrade, get an offer, a price, a demonstration, or asks what is available."
        ),
        specialist="sales",
    ),
)


class Unroutable(StrEnum):
    """Why no category was given."""

    ABSTAINED = "abstained"
    NOT_A_CATEGORY = "not_a_category"
    EMPTY_MESSAGE = "empty_message"


class Route(BaseModel):
    """What the router found; `category` is None where a person must decide."""

    category: str | None = None
    unroutable: Unroutable | None = None
    confidence: float | None = None
    asked: int = 1


def folded(name: str) -> str:
    """Return a category's name as it is compared: NFKC, blanks and one final full stop stripped, case folded."""
    return unicodedata.normalize("NFKC", name).strip().removesuffix(".").strip().casefold()


def parse_route(answer: str, categories: Iterable[str]) -> str | None:
    """Return the category that the answer equals, or None.

    Equality, never "contains": "not Sales, it is Billing" holds two of them.

    >>> parse_route(" billing. ", ["Billing", "Sales"])
    'Billing'
    >>> parse_route("not Sales, it is Billing", ["Billing", "Sales"]) is None
    True
    """
    if len(answer) > 200:  # no category is so long, and whatever stands further on may be another one
        return None
    said = folded(answer)
    return next((name for name in categories if folded(name) == said), None)
