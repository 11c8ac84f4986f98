"""What a blueprint says of reusing answers under `[cache]`; without it nothing is reused."""

from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StrictStr

from domain.model_steps import ModelStep

WINDOW_S = 86_400.0
"""No answer is reused for longer, however often it is."""
REUSABLE = frozenset({ModelStep.DIAGNOSIS, ModelStep.ARTICLE})
"""Questions whose answer is an approved article: wording alone. Routes, claims, leads and letters are never reused."""


class CacheRule(StrEnum):
    """How near a question must be to those that were answered."""

    STRICT = "strict"
    BALANCED = "balanced"


class Nearness(NamedTuple):
    """The nearest question must be as similar as `threshold` (cosine), `agree` of the nearest five must have its
    answer, and the nearest with any other answer must be `margin` farther.
    """

    threshold: float
    margin: float
    agree: int = 4


NEIGHBOURHOOD = 5
NEARNESS = {
    CacheRule.STRICT: Nearness(threshold=0.80, margin=0.15),
    CacheRule.BALANCED: Nearness(threshold=0.75, margin=0.10),
}


class MeasuredError(BaseModel):
    """What `headgate bench cache` measured for a language: of the hits, the false ones at most (upper 95 % bound), with
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
    window_s: float = Field(default=WINDOW_S, gt=0, le=WINDOW_S, allow_inf_nan=False)
    max_false_hit: float = Field(default=0.006, gt=0, lt=1, allow_inf_nan=False)
    measured: tuple[MeasuredError, ...] = ()
    shadow_share: float = Field(default=0.02, gt=0, le=1, allow_inf_nan=False)
    shadow_first_share: float = Field(default=0.2, gt=0, le=1, allow_inf_nan=False)

    def rule_for(self, lang: str, embedder: str) -> CacheRule | None:
        """Return the rule by which questions of a language are answered; None: its error is unknown or too high.

        Where only the strict rule is good enough, it is the strict one.
        """
        for rule in (CacheRule.STRICT,) if self.rule is CacheRule.STRICT else (CacheRule.BALANCED, CacheRule.STRICT):
            found = [m for m in self.measured if (m.lang, m.embedder, m.rule) == (lang, embedder, rule)]
            if found and max(m.false_upper for m in found) <= self.max_false_hit:
                return rule
        return None
