"""The questions to models that a blueprint may tune under `[steps.NAME]`, and what they are without it."""

from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from domain.model_call import Tier

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Minor = Annotated[int, Field(gt=0)]


class ModelStep(StrEnum):
    """A question to a model: the name of its prompt, and of its structured output on the wire."""

    ROUTE = "route"
    CLAIM = "claim"
    DIAGNOSIS = "diagnosis"
    ARTICLE = "article"
    LEAD = "lead"
    REPLY = "reply"


class DenserWhen(StrEnum):
    """Why the next denser tier is asked; listed in the order in which reasons are told."""

    ABSTAINED = "abstained"  # it declined, cannot do the task (422), or says that none of what was offered fits
    UNFIT = "unfit"  # no answer fitted, the one after the reason was named included
    NO_EVIDENCE = "no_evidence"  # what it says does not stand in the message, or names what was not offered
    LOW_CONFIDENCE = "low_confidence"  # below `min_confidence`
    HIGH_STAKES = "high_stakes"  # the message names an amount of `high_stakes_minor` or more


class StepRules(BaseModel):
    """How one question is asked.

    Attributes:
        tier: asked first; a profile without it is asked by its next denser one.
        max_output: of each answer, tokens.
        denser_when: reasons to ask the next denser tier, once.
        min_confidence: for `low_confidence`, from 0 to 1.
        high_stakes_minor: for `high_stakes`, minor units by currency; one that is not listed is always high.
        cheaper_when_short: asked first in place of `tier` once a budget has come to its warning; None: `tier` stands.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tier: Tier
    max_output: int = Field(ge=1, le=32_000)
    denser_when: tuple[DenserWhen, ...] = ()
    min_confidence: float | None = Field(default=None, gt=0, le=1)
    high_stakes_minor: dict[Currency, Minor] = Field(default_factory=dict)
    cheaper_when_short: Tier | None = None


_SMALL, _LARGE = Tier.SMALL, Tier.LARGE
DEFAULT_STEPS = MappingProxyType(
    {
        ModelStep.ROUTE: StepRules(tier=_SMALL, max_output=64),  # `{"route": "Technical Support"}` is about ten tokens
        ModelStep.CLAIM: StepRules(tier=_SMALL, max_output=600),
        ModelStep.DIAGNOSIS: StepRules(tier=_LARGE, max_output=800),
        ModelStep.ARTICLE: StepRules(tier=_LARGE, max_output=80),
        ModelStep.LEAD: StepRules(tier=_SMALL, max_output=300),
        ModelStep.REPLY: StepRules(tier=_LARGE, max_output=900),
    }
)

_ALWAYS = frozenset({DenserWhen.ABSTAINED, DenserWhen.UNFIT})
_CHOSEN = _ALWAYS | {DenserWhen.NO_EVIDENCE, DenserWhen.LOW_CONFIDENCE}
KNOWN_TO_STEP = MappingProxyType(
    {
        ModelStep.ROUTE: _ALWAYS | {DenserWhen.LOW_CONFIDENCE},
        ModelStep.CLAIM: _ALWAYS | {DenserWhen.NO_EVIDENCE, DenserWhen.HIGH_STAKES},
        ModelStep.DIAGNOSIS: _CHOSEN,
        ModelStep.ARTICLE: _CHOSEN,
        ModelStep.LEAD: _ALWAYS | {DenserWhen.NO_EVIDENCE},
        ModelStep.REPLY: _ALWAYS,
    }
)
"""Which reasons a step can see at all."""


def with_defaults(steps: Any) -> Any:  # noqa: ANN401 - as it stands in the file, before it is checked
    """Fill in the tier and the output of steps that name only some of their keys."""
    if not isinstance(steps, dict):
        return steps
    known = {step.value: rules.model_dump(include={"tier", "max_output"}) for step, rules in DEFAULT_STEPS.items()}
    return {
        name: {**known.get(name, {}), **given} if isinstance(given, dict) else given for name, given in steps.items()
    }


BATCH_WINDOW_S = 86_400.0
"""Both providers end a batch after a day, answered or not."""


class BatchRules(BaseModel):
    """How work that may wait is asked; without `steps` everything is asked live.

    Attributes:
        steps: the questions that go into batches.
        deadline_s: how long a step may take from its question on, seconds. The last quarter of it, an hour at most, is
            for asking live.
        look_every_s: how often batches are sent and looked after, seconds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: tuple[ModelStep, ...] = ()
    deadline_s: float = Field(default=21_600.0, ge=3600, le=BATCH_WINDOW_S, allow_inf_nan=False)
    look_every_s: float = Field(default=300.0, ge=10, le=3600, allow_inf_nan=False)
