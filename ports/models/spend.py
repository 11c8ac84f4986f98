"""What model calls use, one row for each attempt, and the budgets that they are charged to."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, Self

from pydantic import BaseModel

from domain.model_call import ModelReply, Tier
from domain.spend.budgets import Budget, SpendRules, Unit


class CallToMake(BaseModel):
    """An attempt before it is made, with what it may cost at most: tokens, millionths of a US dollar."""

    call_id: str
    case_id: str  # the case itself, wherever its specialist works
    asked_by: str = ""  # the specialist's step
    kind: str  # `router`, or the specialist
    step: str  # the task: route, claim, …
    tier: Tier
    model: str
    question: str  # digest of all that the model is shown
    tokens_in: int
    tokens_out: int
    cost_micros: int
    waited_s: float = 0.0  # for its slot, seconds


class CallSpent(BaseModel):
    """What an attempt used; `estimated` where the provider did not say."""

    model: str = ""
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_reasoning: int = 0
    tokens_out: int = 0
    cost_micros: int = 0
    estimated: bool = False
    finish_reason: str = ""
    provider_request_id: str = ""

    @classmethod
    def by(cls, reply: ModelReply) -> Self:
        """Return what an answer used."""
        usage = reply.usage
        return cls(
            tokens_in=usage.input_tokens,
            tokens_cached=usage.cached_input_tokens,
            tokens_reasoning=usage.reasoning_tokens,
            tokens_out=usage.output_tokens,
            cost_micros=usage.cost_micros,
            estimated=usage.estimated,
            finish_reason=reply.why_ended,
            provider_request_id=reply.provider_request_id,
        )


class CallRefusal(BaseModel):
    """Why a call may not be made now: `reason` is short, `until` None waits for a person."""

    reason: str
    why: str
    until: datetime | None = None


class BudgetWindow(BaseModel):
    """How a budget stands in one of its days."""

    scope: str
    unit: Unit
    window: str
    cap: int
    used: int
    held: int
    cap_by: str = ""  # who set the cap of this day; empty: the blueprint
    ends_at: datetime


class SpendSum(BaseModel):
    """What calls of one day, tenant, step and model used; cached tokens are part of those in, those of reasoning part
    of those out.
    """

    day: str
    tenant: str
    step: str
    model: str
    calls: int
    tokens_in: int
    tokens_out: int
    cost_micros: int
    tokens_cached: int = 0
    tokens_reasoning: int = 0
    estimated: int = 0  # calls whose figures are no provider's, in part or in full
    waited_s: float = 0.0


class SpendStore(Protocol):
    """Where spending is kept. Every method raises TransientError if the store cannot be reached."""

    def reserve(self, call: CallToMake, rules: SpendRules, *, sending: bool = False) -> CallRefusal | None:
        """Hold what a call may cost in all its budgets at once; return why that cannot be, None if it is held.

        `sending`: it is sent as soon as this returns, and noted as sent in the same transaction.
        """
        ...

    def is_short(self, case_id: str, kind: str, budgets: Sequence[Budget]) -> bool:
        """Return whether a budget that a case's call of this kind comes under has come to its warning."""
        ...

    def sent(self, call_id: str) -> bool:
        """Note that a call is about to be sent; return False where it is not held any more: then it must not be."""
        ...

    def settle(self, call_id: str, spent: CallSpent) -> None:
        """Charge what a call used; the second time nothing changes, after its lease it is corrected."""
        ...

    def give_up(self, call_id: str) -> None:
        """Note that nobody will hear of a call: charged in full if it was sent, let go otherwise."""
        ...
