"""Letters to customers: what each one says, as fields. The words are content of the blueprint (`letters/LANG/*.md`).

A specialist ends with a `Letter`; the wording is put in where it is sent, in the customer's language. Letters about
money are made of what was decided, never of a model's text.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from domain.knowledge import Article
from domain.money.amount import Money
from domain.money.refund import Rule


class RefundPaid(BaseModel):
    """Money was paid back; `partial` says that policy grants a part, `approved` that a person said yes."""

    kind: Literal["refund_paid"] = "refund_paid"
    money: Money
    order_id: str
    partial: bool = False
    approved: bool = False


class RefundDenied(BaseModel):
    """Nothing is paid, with the rule that says why."""

    kind: Literal["refund_denied"] = "refund_denied"
    rule: Rule


class DetailsAsked(BaseModel):
    """The customer is asked for what is missing; `candidate_orders` are orders that could be meant."""

    kind: Literal["details_asked"] = "details_asked"
    missing: list[Literal["customer", "order_id"]]
    candidate_orders: list[str] = Field(default_factory=list)


class ApprovalRejected(BaseModel):
    """A person did not approve the refund, with the reason that they gave."""

    kind: Literal["approval_rejected"] = "approval_rejected"
    money: Money
    order_id: str
    reason: str = ""


class ApprovalExpired(BaseModel):
    """Nobody decided on the refund in time."""

    kind: Literal["approval_expired"] = "approval_expired"
    money: Money
    order_id: str


class ArticleAnswer(BaseModel):
    """The answer stands in a knowledge article, which is named."""

    kind: Literal["article_answer"] = "article_answer"
    article: Article


class PersonAnswer(BaseModel):
    """What a person wrote, with greeting and close around it."""

    kind: Literal["person_answer"] = "person_answer"
    text: str


class DraftedReply(BaseModel):
    """What a model drafted and code checked, sent as it is; may hold tokens for personal data."""

    kind: Literal["drafted_reply"] = "drafted_reply"
    subject: str
    text: str


Letter = Annotated[
    RefundPaid
    | RefundDenied
    | DetailsAsked
    | ApprovalRejected
    | ApprovalExpired
    | ArticleAnswer
    | PersonAnswer
    | DraftedReply,
    Field(discriminator="kind"),
]


class Draft(BaseModel):
    """A letter in words: the text may hold tokens for personal data, put back only where it is sent."""

    subject: str
    text: str
    relied_on: list[str] = Field(default_factory=list)  # knowledge articles, with their version
