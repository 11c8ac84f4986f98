"""A model call as Headgate sees it: the same for every provider."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, Field


class Tier(StrEnum):
    """Which of the blueprint's models a step uses: cheap ones for cheap steps."""

    SMALL = "small"
    LARGE = "large"


class Message(BaseModel):
    """One turn of the prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


class ModelRequest(BaseModel):
    """One call: the prompt and the JSON schema that the answer must fit.

    `schema_name` names the task (`route`, `claim`, `diagnosis`, `lead`, `reply`); it is the name of the structured
    output on the wire. `max_output` is in tokens. `case_id` says which case (or specialist's workflow) asks,
    `asked_by` which step of which specialist (`billing/1.2`; empty: the router). Neither is sent.
    """

    tier: Tier
    schema_name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    json_schema: dict[str, Any]  # Any: a JSON schema is free-form
    messages: list[Message]
    max_output: int = Field(default=512, ge=1, le=32_000)
    case_id: str = ""
    asked_by: str = ""


class Usage(BaseModel):
    """What calls used and cost: tokens as billed by the provider, cost in millionths of a US dollar.

    `degraded` says that the embedded stand-in gave some of the answers.
    """

    calls: int = Field(default=0, ge=0, le=2**62)
    input_tokens: int = Field(default=0, ge=0, le=2**62)
    output_tokens: int = Field(default=0, ge=0, le=2**62)
    cost_micros: int = Field(default=0, ge=0, le=2**62)
    degraded: bool = False

    def plus(self, other: "Usage") -> "Usage":
        """Return the sum of both."""
        return Usage(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_micros=self.cost_micros + other.cost_micros,
            degraded=self.degraded or other.degraded,
        )


class ModelReply(BaseModel):
    """The answer's text (JSON as the schema asks), or a refusal; `confidence` is the probability of a single-choice
    answer where known.
    """

    text: str
    refusal: str | None = None
    truncated: bool = False
    confidence: float | None = None
    model: str
    usage: Usage


class Price(BaseModel):
    """List price of a model, US dollars per million tokens (equal to millionths of a dollar per token), valid from a
    date.
    """

    model: str
    input: float = Field(ge=0)
    output: float = Field(ge=0)
    valid_from: str = "2026-01-01"

    def cost_micros(self, input_tokens: int, output_tokens: int) -> int:
        """Return the cost in millionths of a US dollar, rounded up."""
        exact = self.input * input_tokens + self.output * output_tokens
        return int(-(-exact // 1))
