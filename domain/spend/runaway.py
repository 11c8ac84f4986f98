"""Cases that run in a circle: so many calls, so many tokens, or the same question again and again."""

from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field


class RunawayRules(BaseModel):
    """How much one case may ask before a person looks: calls, tokens, and steps that ask the very same."""

    model_config = ConfigDict(extra="forbid")

    calls: int = Field(default=40, ge=1)
    tokens: int = Field(default=400_000, ge=1)
    same_question: int = Field(default=3, ge=1)


class CaseSoFar(NamedTuple):
    """What a case asked since a person last let it go on.

    `same_question` counts steps that asked what is to be asked now, in the same words. Tries of one step count once:
    how often a step is tried is bounded by its ladder.
    """

    calls: int
    tokens: int
    same_question: int


def why_stopped(rules: RunawayRules, so_far: CaseSoFar, step: str) -> str | None:
    """Return why a case may ask no more before a person has looked, None if it may.

    >>> why_stopped(RunawayRules(), CaseSoFar(39, 100, 2), "claim")
    >>> why_stopped(RunawayRules(), CaseSoFar(40, 1000, 0), "claim")
    'it made 40 calls (at most 40), 1,000 tokens in all, and now asks for claim'
    """
    if so_far.same_question >= rules.same_question:
        return f"{so_far.same_question} steps asked the very same ({step}), and nothing of the case changed between"
    if so_far.calls >= rules.calls:
        used = f"{so_far.tokens:,} tokens in all"
        return f"it made {so_far.calls} calls (at most {rules.calls}), {used}, and now asks for {step}"
    if so_far.tokens >= rules.tokens:
        return f"it used {so_far.tokens:,} tokens (at most {rules.tokens:,}) in {so_far.calls} calls"
    return None
