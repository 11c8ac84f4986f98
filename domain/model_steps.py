"""The questions to models that a blueprint may tune under `[steps.NAME]`, `[batch]` and `[cache]`, and what they are
without it.
"""

from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictStr

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
    REPAIR = "repair"


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
        ModelStep.REPAIR: StepRules(tier=_SMALL, max_output=800),
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
        ModelStep.REPAIR: _ALWAYS | {DenserWhen.NO_EVIDENCE},
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


CACHE_WINDOW_S = 86_400.0
"""No answer is reused for longer, however often it is."""
REUSABLE = frozenset({ModelStep.DIAGNOSIS, ModelStep.ARTICLE})
"""Questions whose answer is an approved article: wording alone. Routes, claims, leads and letters are never reused."""


class CacheRule(StrEnum):
    """How near a question must be to those that were answered."""

    STRICT = "strict"
    BALANCED = "balanced"


class MeasuredError(BaseModel):
    """What `headgate eval cache` measured for a language: of the hits, the false ones at most (upper 95 % bound), with
    one embedder and rule. With another of either, nothing is known.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lang: StrictStr = Field(pattern=r"^[a-z]{2,3}$")
    embedder: StrictStr = Field(min_length=1)
    rule: CacheRule
    false_upper: float = Field(ge=0, le=1, allow_inf_nan=False)


class CacheRules(BaseModel):
    """When an answer is reused.

    Attributes:
        steps: the questions whose answers are; none: nothing is reused.
        categories: of cases whose answers are.
        rule: where nothing speaks against it; shadow checks may tighten it.
        window_s: how long an answer is reused, seconds from when it was given, a day at most; no hit prolongs it.
        max_false_hit: share of false hits that is borne, 0 to 1: what a hit saves, over what a wrong answer costs.
        measured: error by language; one without is off.
        shadow_share: share of hits that a model is asked about all the same, 0 to 1.
        shadow_first_share: the same of an answer's first hundred checks.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: tuple[ModelStep, ...] = ()
    categories: tuple[StrictStr, ...] = ()
    rule: CacheRule = CacheRule.STRICT
    window_s: float = Field(default=CACHE_WINDOW_S, gt=0, le=CACHE_WINDOW_S, allow_inf_nan=False)
    max_false_hit: float = Field(default=0.006, gt=0, lt=1, allow_inf_nan=False)
    measured: tuple[MeasuredError, ...] = ()
    shadow_share: float = Field(default=0.02, gt=0, le=1, allow_inf_nan=False)
    shadow_first_share: float = Field(default=0.2, gt=0, le=1, allow_inf_nan=False)

    @property
    def rules_allowed(self) -> tuple[CacheRule, ...]:
        """The rules that may be gone by, the first that is good enough."""
        return (CacheRule.STRICT,) if self.rule is CacheRule.STRICT else (CacheRule.BALANCED, CacheRule.STRICT)

    def rule_for(self, lang: str, embedder: str) -> CacheRule | None:
        """Return the rule by which questions of a language are answered; None: its error is unknown or too high.

        Where only the strict rule is good enough, it is the strict one.
        """
        for rule in self.rules_allowed:
            found = [m for m in self.measured if (m.lang, m.embedder, m.rule) == (lang, embedder, rule)]
            if found and max(m.false_upper for m in found) <= self.max_false_hit:
                return rule
        return None
