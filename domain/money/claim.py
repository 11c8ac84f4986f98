"""What a customer asks of Billing, as read out of the message."""

from enum import StrEnum

from pydantic import BaseModel, Field

from domain.money.amount import Money


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


class Wants(StrEnum):
    """What the customer asks of Billing."""

    REFUND = "refund"
    INFORMATION = "information"


class Claim(BaseModel):
    """What the customer says, as read out of the message; amounts in minor units of `currency`."""

    wants: Wants = Wants.INFORMATION
    reason: Reason = Reason.OTHER
    order_id: str | None = None
    order_origin: Origin = Origin.GUESSED
    amount: Money | None = None
    amount_origin: Origin = Origin.GUESSED
    unreadable: list[str] = Field(default_factory=list)  # names of fields that were given but could not be read
