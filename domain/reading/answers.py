"""What each task's answer must look like, and what of it counts once checked against the message itself.

A model only proposes. `claim_from_answer` and `lead_from_answer` keep a value if it stands in the message word for
word; an amount counts only with a quote, and the one in a named field of the payload beats the text.
"""

import re
from collections.abc import Sequence
from copy import deepcopy
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from domain.money.claim import Mood, Reason, Wants
from domain.reading.knowledge import Diagnosis
from domain.reading.sales import Interest, Junk, LeadFacts
from domain.repair.patching import PATCH_NAMES_AT_MOST, FieldPatch

_WORD = re.compile(r"[^\W\d_]{2}")
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_Short = Annotated[str, Field(max_length=200)]
_Quote = Annotated[str, Field(max_length=400)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RouteAnswer(_Answer):
    """The one category, word for word."""

    route: _Short


class QuotedOrder(_Answer):
    """An order number and the words of the message that it stands in."""

    value: _Short
    quote: _Quote


class QuotedAmount(_Answer):
    """An amount as written, its currency if named (ISO 4217), and the words of the message that it stands in."""

    value: _Short
    currency: _Short | None
    quote: _Quote


class QuotedShare(_Answer):
    """A share of the price as written ("25 percent", "half"), and the words of the message that it stands in."""

    value: _Short
    quote: _Quote


class ClaimAnswer(_Answer):
    """What the customer asks of Billing. `items` are the words for what of the order is meant, if not all of it; the
    quotes of `wants` and `reason` are the words of the message that say so.
    """

    wants: Wants
    wants_quote: _Quote | None = None
    reason: Reason
    reason_quote: _Quote | None = None
    order_id: QuotedOrder | None
    amount: QuotedAmount | None
    share: QuotedShare | None = None
    items: Annotated[list[_Short], Field(max_length=20)] = []
    mood: Mood = Mood.WANTED
    dispute: bool = False
    other_wish: bool = False


class DiagnosisAnswer(_Answer):
    """Which of the offered articles explains the trouble; null if none does. `confidence` from 0 to 1."""

    article_id: _Short | None
    cause: Annotated[str, Field(max_length=1000)]
    steps: Annotated[list[Annotated[str, Field(max_length=500)]], Field(max_length=20)]
    confidence: Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]

    def diagnosis(self) -> Diagnosis:
        """Return it as the rules of `domain.reading.knowledge` read it."""
        return Diagnosis(article_id=self.article_id, cause=self.cause, steps=self.steps, confidence=self.confidence)


class ArticleChoice(_Answer):
    """Which of the offered articles answers the question; null if none does. `confidence` from 0 to 1."""

    article_id: _Short | None
    confidence: Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]


class LeadAnswer(_Answer):
    """What a sender who may buy is after, and the words of the message that say so (`interest_quote`); `country` as ISO
    3166-1 alpha-2.
    """

    interest: Interest
    interest_quote: _Quote | None = None
    product: _Short | None
    seats: Annotated[int, Field(ge=1, le=1_000_000)] | None
    country: _Short | None
    urgent: bool
    company: _Short | None


class FieldsAnswer(_Answer):
    """What the message says of fields that a document lacks."""

    fields: Annotated[list[FieldPatch], Field(max_length=PATCH_NAMES_AT_MOST)]


class ReplyAnswer(_Answer):
    """A letter to the sender."""

    # One line: it becomes a header of a mail.
    subject: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f\u2028\u2029]*$")]
    text: Annotated[str, Field(min_length=1, max_length=6000)]


def strict_schema(answer: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of an answer in the form that strict structured output asks for.

    Every property required, no others allowed, references written out, nothing but types, enums and nullability:
    lengths and ranges are checked by pydantic here, because not every server knows those words.
    """
    return deepcopy(_strict_schema(answer))


@cache
def _strict_schema(answer: type[BaseModel]) -> dict[str, Any]:
    schema = answer.model_json_schema()
    return _strict(schema, schema.pop("$defs", {}))


def route_schema(categories: Sequence[str]) -> dict[str, Any]:
    """Return the schema of a route: one of the categories, in the order given."""
    schema = strict_schema(RouteAnswer)
    schema["properties"]["route"] = {"type": "string", "enum": list(categories)}
    return schema


_KEPT = ("type", "enum", "description")


def _strict(node: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in node:
        return _strict(defs[node["$ref"].rpartition("/")[2]], defs)
    if "anyOf" in node:
        return {"anyOf": [_strict(n, defs) for n in node["anyOf"]]}
    kept = {key: node[key] for key in _KEPT if key in node}
    if node.get("type") == "object":
        properties = {name: _strict(n, defs) for name, n in node.get("properties", {}).items()}
        return kept | {"properties": properties, "required": list(properties), "additionalProperties": False}
    if node.get("type") == "array":
        return kept | {"items": _strict(node["items"], defs)}
    return kept


def lead_from_answer(answer: LeadAnswer, *, text: str, junk: Junk | None = None) -> LeadFacts:
    """Return what of the proposed facts counts: product, company and seats only if they stand in the message, the
    interest only with a quote of it that holds a word, the country if it is a code. `junk` is taken over.
    """
    folded = " ".join(text.casefold().split())

    def in_text(value: str | None) -> str | None:
        cleaned = " ".join(value.split()) if value else ""
        return cleaned if cleaned and cleaned.casefold() in folded else None

    country = (answer.country or "").strip().upper()
    seats = answer.seats
    numbers = {re.sub(r"[.,'’ ]", "", n) for n in re.findall(r"[0-9]+(?:[.,'’ ][0-9]{3})*", text)}
    quoted = in_text(answer.interest_quote)
    return LeadFacts(
        interest=answer.interest if quoted is not None and _WORD.search(quoted) else Interest.OTHER,
        product=in_text(answer.product),
        seats=seats if seats is not None and str(seats) in numbers else None,
        country=country if _COUNTRY.fullmatch(country) else None,
        urgent=answer.urgent,
        company=in_text(answer.company),
        junk=junk,
    )
