"""A model call as Headgate sees it: the same for every provider."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, Field


class Tier(StrEnum):
    """Which of the blueprint's models a step uses: cheap ones for cheap steps, listed first. Not every profile has
    `EMBEDDED`, a free first look.
    """

    EMBEDDED = "embedded"
    SMALL = "small"
    LARGE = "large"


def is_cheaper(tier: Tier, other: Tier) -> bool:
    """Return whether a tier comes before another one.

    >>> is_cheaper(Tier.SMALL, Tier.LARGE), is_cheaper(Tier.SMALL, Tier.SMALL), is_cheaper(Tier.SMALL, Tier.EMBEDDED)
    (True, False, False)
    """
    order = list(Tier)
    return order.index(tier) < order.index(other)


class Message(BaseModel):
    """One turn of the prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


class ModelRequest(BaseModel):
    """One call: the prompt and the JSON schema that the answer must fit.

    `schema_name` names the task (`route`, `claim`, `diagnosis`, `lead`, `reply`); it is the name of the structured
    output on the wire. `max_output` is in tokens. `case_id` says which case (or specialist's workflow) asks,
    `asked_by` which step of which specialist (`billing/1.2`; empty: the router). `call_id` is the row of usage of this
    attempt, and `waited_s` for how many seconds it waited for its slot: the guards on its way fill them in. `may_wait`
    says that its step can wait for hours. None of these is sent.
    """

    tier: Tier
    schema_name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    json_schema: dict[str, Any]  # Any: a JSON schema is free-form
    messages: list[Message]
    max_output: int = Field(default=512, ge=1, le=32_000)
    case_id: str = ""
    asked_by: str = ""
    call_id: str = ""
    waited_s: float = 0.0
    may_wait: bool = False


class Usage(BaseModel):
    """What calls used and cost: tokens as billed by the provider, cost in millionths of a US dollar.

    `cached_input_tokens` are a part of `input_tokens`, `reasoning_tokens` a part of `output_tokens`. `degraded` says
    that the embedded stand-in gave some of the answers; `estimated` that some figures are estimates from above, as the
    provider counted nothing or counted nonsense.
    """

    calls: int = Field(default=0, ge=0, le=2**62)
    input_tokens: int = Field(default=0, ge=0, le=2**62)
    output_tokens: int = Field(default=0, ge=0, le=2**62)
    cost_micros: int = Field(default=0, ge=0, le=2**62)
    degraded: bool = False
    cached_input_tokens: int = Field(default=0, ge=0, le=2**62)
    reasoning_tokens: int = Field(default=0, ge=0, le=2**62)
    estimated: bool = False

    def plus(self, other: "Usage") -> "Usage":
        """Return the sum of both."""
        return Usage(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_micros=self.cost_micros + other.cost_micros,
            degraded=self.degraded or other.degraded,
            cached_input_tokens=self.cached_input_tokens + other.cached_input_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            estimated=self.estimated or other.estimated,
        )


class RateWindow(BaseModel):
    """One of a provider's limits as a reply told it; None is what it did not tell, or told as nonsense.

    `reset_s` is in how many seconds, from the reply on, all of it is free again.
    """

    limit: int | None = None
    remaining: int | None = None
    reset_s: float | None = None


class RateHeaders(BaseModel):
    """What a reply's headers told of the provider's limits."""

    requests: RateWindow = Field(default_factory=RateWindow)
    tokens: RateWindow = Field(default_factory=RateWindow)


class ModelReply(BaseModel):
    """The answer's text (JSON as the schema asks), or a refusal; `confidence` is the probability of a single-choice
    answer where known. Always whole: an answer that broke off is an error.

    `finish_reason` is the provider's own word, `provider_request_id` what its support asks for; empty: not told. `rate`
    is None where no header told of limits.
    """

    text: str
    refusal: str | None = None
    truncated: bool = False
    confidence: float | None = None
    model: str
    usage: Usage
    finish_reason: str = ""
    provider_request_id: str = ""
    rate: RateHeaders | None = None

    @property
    def why_ended(self) -> str:
        """Why it ended, in the provider's word or else in that of OpenTelemetry's conventions."""
        return self.finish_reason or ("length" if self.truncated else "stop")


class Price(BaseModel):
    """List price of a model, US dollars per million tokens (equal to millionths of a dollar per token), valid from a
    date on, until the next one of the same model begins or the last day (`until`) is over; dates as `2026-01-01`. Input
    read from the provider's cache costs `cached_input`; None: as much as any other.
    """

    model: str
    input: float = Field(ge=0)
    output: float = Field(ge=0)
    valid_from: str = "2026-01-01"
    cached_input: float | None = Field(default=None, ge=0)
    until: str | None = None
    batch: float | None = Field(default=None, gt=0, le=1)

    def in_batch(self) -> "Price":
        """Return what a call costs in a batch; as much as any other where no share is known, never nothing."""
        share = 1.0 if self.batch is None else self.batch
        cached = None if self.cached_input is None else self.cached_input * share
        changed = {"input": self.input * share, "output": self.output * share, "cached_input": cached}
        return self.model_copy(update=changed)

    def cost_micros(self, input_tokens: int, output_tokens: int, cached_input_tokens: int = 0) -> int:
        """Return the cost in millionths of a US dollar, rounded up; the cached ones are a part of the input."""
        cached = self.input if self.cached_input is None else self.cached_input
        fresh = input_tokens - cached_input_tokens
        exact = self.input * fresh + cached * cached_input_tokens + self.output * output_tokens
        return int(-(-exact // 1))


def price_on(prices: Sequence[Price], model: str, day: date) -> Price | None:
    """Return a model's price in force on a day; None where the list has none for it.

    Of several the one that began last counts; one of the future does not, nor one whose last day (`until`) is over.
    """
    begun = [p for p in prices if p.model == model and date.fromisoformat(p.valid_from) <= day]
    newest = max(begun, key=lambda p: p.valid_from, default=None)
    over = newest is not None and newest.until is not None and date.fromisoformat(newest.until) < day
    return None if over else newest


def price_of_call(prices: Sequence[Price], model: str, day: date, known: Price) -> Price:
    """Return what a call costs that was made: the price in force, or where the list ends the last that was (`known` at
    the start): an answer that came is never free.
    """
    begun = [p for p in prices if p.model == model and date.fromisoformat(p.valid_from) <= day]
    return max(begun, key=lambda p: p.valid_from, default=known)
