"""What a customer asks of Billing, as read out of the message: how much of what, and how sure that is."""

from enum import StrEnum

from pydantic import BaseModel, Field

from domain.money.amount import Money

WHOLE_SHARE = 10_000  # basis points


class Origin(StrEnum):
    """Where a value came from; guessed values never act alone."""

    GIVEN = "given"  # a named field of the sender's payload
    QUOTED = "quoted"  # found word for word in the sender's text
    GUESSED = "guessed"  # the model said so and nothing else does


class Reason(StrEnum):
    """Why the customer wants money back."""

    DUPLICATE_CHARGE = "duplicate_charge"
    OVERCHARGED = "overcharged"
    NOT_RECEIVED = "not_received"
    DAMAGED = "damaged"
    WRONG_ITEM = "wrong_item"
    LATE_DELIVERY = "late_delivery"
    SERVICE_OUTAGE = "service_outage"
    CHANGED_MIND = "changed_mind"
    UNKNOWN_CHARGE = "unknown_charge"
    OTHER = "other"


FAULTS = frozenset({Reason.DAMAGED, Reason.WRONG_ITEM})
"""What is wrong with the goods themselves."""


class Wants(StrEnum):
    """What the customer asks of Billing."""

    REFUND = "refund"
    INFORMATION = "information"


class Scope(StrEnum):
    """How much is asked for."""

    ALL = "all"  # whatever policy grants
    PART = "part"  # an amount, a share or named items
    UNREAD = "unread"  # a part, and nobody could read which: never paid without a person


class Mood(StrEnum):
    """Whether the wish stands as it is written."""

    WANTED = "wanted"
    CONDITIONAL = "conditional"  # "not yet", "only if …"
    WITHDRAWN = "withdrawn"  # "please ignore my request"


class Doubt(StrEnum):
    """What stands in a message that the claim read from it does not account for. Each forbids paying without a
    person.
    """

    NUMBER = "number"  # a number, in digits or words
    PERCENT = "percent"
    CURRENCY = "currency"  # a mark, code or word of money
    PART = "part"  # "half", "only", "one of the"
    RANGE = "range"  # "at least", "up to"
    EXCEPTION = "exception"  # "all but", "except"
    ITEM = "item"  # goods, shipping or tax that the records have no price for
    OTHER_ORDER = "other_order"
    WITHDRAWN = "withdrawn"
    CONDITION = "condition"
    DISPUTE = "dispute"  # the bank has it, or had it
    OTHER_REMEDY = "other_remedy"  # a replacement, a voucher: wanted, or sent already
    OTHER_WISH = "other_wish"  # something else is asked as well
    LANGUAGE = "language"  # of which the rules know no words
    WISH = "wish"  # a refund that the customer's own words do not ask for
    REASON = "reason"  # a reason that the customer's own words do not tell, or tell besides another one
    WORDING = "wording"  # words around the wish of which the rules do not know that they are harmless


class Doubted(BaseModel):
    """A doubt and the words that raised it."""

    doubt: Doubt
    quote: str = Field(default="", max_length=120)


class Claim(BaseModel):
    """What the customer says, as read out of the message; amounts in minor units of `currency`.

    `share_bp` is the share of the price that is asked for, in basis points (2,500 are 25 percent). `figures` are other
    amounts of money in the message: the records must know each of them. `items` are the customer's words for what of
    the order is meant; `things` other words that may name goods, `singled` those of them that are one out of several,
    `returned` what is named where goods are to go back. `quotes` are the words that all of it was read from.
    """

    wants: Wants = Wants.INFORMATION
    reason: Reason = Reason.OTHER
    order_id: str | None = None
    order_origin: Origin = Origin.GUESSED
    amount: Money | None = None
    amount_origin: Origin = Origin.GUESSED
    share_bp: int | None = Field(default=None, gt=0, le=WHOLE_SHARE)
    items: list[str] = Field(default_factory=list)
    things: list[str] = Field(default_factory=list)
    singled: list[str] = Field(default_factory=list)
    returned: list[str] = Field(default_factory=list)
    is_time_told: bool = False  # "it took three weeks": of a late order a fault may be meant as its delay
    is_part_told: bool = False  # "a partial refund": the amount has to be less than all
    figures: list[Money] = Field(default_factory=list)
    numbers: list[str] = Field(default_factory=list)  # without a currency, as decimals: the records must know them too
    orders: list[str] = Field(default_factory=list)  # all that the message names
    mood: Mood = Mood.WANTED
    doubts: list[Doubted] = Field(default_factory=list)
    quotes: list[str] = Field(default_factory=list)
    unreadable: list[str] = Field(default_factory=list)  # names of fields that were given but could not be read

    @property
    def scope(self) -> Scope:
        """How much is asked for."""
        if self.unreadable or self.doubts:
            return Scope.UNREAD
        is_part = self.amount is not None or self.share_bp is not None or bool(self.items)
        return Scope.PART if is_part else Scope.ALL
