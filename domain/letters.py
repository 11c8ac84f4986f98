"""Letters to customers: what each one says, as fields. The words are content of the blueprint (`letters/LANG/*.md`).

A specialist ends with a `Letter`; the wording is put in where it is sent, in the customer's language. Letters about
money are made of what was decided, never of a model's text.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from domain.money.amount import Money
from domain.money.refund import DENYING, Rule
from domain.reading.knowledge import Article


class RefundPaid(BaseModel):
    """Money was paid back; `partial` says that it is a part of the payment, `asked` that the customer asked for this
    part (else policy grants no more), `approved` that a person said yes, `pending` that the payment provider has not
    done it yet.
    """

    kind: Literal["refund_paid"] = "refund_paid"
    money: Money
    order_id: str
    partial: bool = False
    asked: bool = False
    approved: bool = False
    pending: bool = False


class RefundPaidBefore(BaseModel):
    """What the customer asks for was paid back before, on these days if they are known; `share` says that it is all
    that policy provides for, `pending` that the payment provider has not done it yet.
    """

    kind: Literal["refund_paid_before"] = "refund_paid_before"
    money: Money
    order_id: str
    dates: list[str] = Field(default_factory=list)
    share: bool = False
    pending: bool = False


class RefundDenied(BaseModel):
    """Nothing is paid, with the rule that says why."""

    kind: Literal["refund_denied"] = "refund_denied"
    rule: Rule


class DetailsAsked(BaseModel):
    """The customer is asked for what is missing; `candidate_orders` are orders that could be meant.

    `not_found`: they gave an order number that is none of theirs. Whether it is somebody else's is never said.
    """

    kind: Literal["details_asked"] = "details_asked"
    missing: list[Literal["customer", "order_id"]]
    candidate_orders: list[str] = Field(default_factory=list)
    not_found: bool = False


class FieldsAsked(BaseModel):
    """The customer is asked for what their document lacks; `fields` are its names in their language, of `missing`."""

    kind: Literal["fields_asked"] = "fields_asked"
    missing: list[str] = Field(min_length=1)
    fields: list[str] = Field(min_length=1)


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


class AlreadyOpen(BaseModel):
    """The same request is being looked at already; this message was put to it."""

    kind: Literal["already_open"] = "already_open"
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
    | RefundPaidBefore
    | RefundDenied
    | DetailsAsked
    | FieldsAsked
    | ApprovalRejected
    | ApprovalExpired
    | AlreadyOpen
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


# The templates of a language and the fields that each may use. `frame` is put around all of them, `subject` stands
# where the customer's own cannot be answered with.
TEMPLATES: Mapping[str, tuple[str, ...]] = {
    kind.model_fields["kind"].default: tuple(name for name in kind.model_fields if name != "kind")
    for kind in (
        RefundPaid,
        RefundPaidBefore,
        RefundDenied,
        DetailsAsked,
        FieldsAsked,
        ApprovalRejected,
        ApprovalExpired,
        AlreadyOpen,
        ArticleAnswer,
        PersonAnswer,
    )
} | {"frame": ("body",), "subject": ()}

ONLY_WITH_DOCUMENTS = "fields_asked"
"""The template that languages need only where a source sends documents."""


def sample_letters() -> Iterator[Letter]:
    """Yield letters of every kind that is put into words, with every field once there and once not."""
    about = {"money": Money(minor=500_000, currency="USD"), "order_id": "ORD-10065"}
    for flags in product((False, True), repeat=4):
        said = dict(zip(("partial", "asked", "approved", "pending"), flags, strict=True))
        yield RefundPaid.model_validate({**about, **said})
    days: tuple[list[str], ...] = ([], ["2026-03-05"], ["2026-03-05", "2026-03-09"])
    for dates, share, pending in product(days, (False, True), (False, True)):
        yield RefundPaidBefore.model_validate({**about, "dates": dates, "share": share, "pending": pending})
    yield from (RefundDenied(rule=rule) for rule in (Rule.NO_RULE, *DENYING))
    for missing, orders in product((["customer"], ["order_id"], ["customer", "order_id"]), ([], ["ORD-1", "ORD-2"])):
        yield DetailsAsked.model_validate({"missing": missing, "candidate_orders": orders})
    yield from (DetailsAsked(missing=["order_id"], candidate_orders=o, not_found=True) for o in ([], ["ORD-1"]))
    yield from (FieldsAsked(missing=names, fields=names) for names in (["vat id"], ["vat id", "city"]))
    yield from (ApprovalRejected.model_validate({**about, "reason": why}) for why in ("", "the goods were kept"))
    yield ApprovalExpired.model_validate(about)
    yield AlreadyOpen(order_id="ORD-10065")
    for steps, escalate_if in product(([], ["Plug it in."], ["Plug it in.", "Switch it on."]), ("", "it smokes")):
        yield ArticleAnswer(
            article=Article(
                article_id="kb-7",
                version=3,
                area="technical",
                title="No light",
                symptoms=["it stays dark"],
                cause="A loose cable.",
                steps=steps,
                escalate_if=escalate_if,
            )
        )
    yield PersonAnswer(text="We have sent you a new one.")
