"""How an answer stands: what checks of its hits showed, and what follows. It gets stricter by itself, never laxer."""

import hashlib
import math

from pydantic import BaseModel, Field

from domain.model_steps import CacheRule, CacheRules

OBSERVED_S = 30 * 86_400.0
"""So long checks of an answer count, seconds: longer than answers are kept, which few are checked often within."""
WRONG_IN_A_ROW = 3
FIRST_CHECKS = 100
_CONFIDENCE = 0.95
_MOST_CHECKS, _MOST_WRONG = (
    10**9,
    1_000,
)  # what Redis says may be anybody's; the bound of a share takes time by the wrong ones


class AnswerStanding(BaseModel):
    """What is known of an answer in one scope.

    Attributes:
        checks: hits for which a model was asked, too.
        wrong: those of them where it said something else.
        in_a_row: wrong ones since the last right one.
        tightened: steps from the blueprint's rule towards off.
        quarantined: it serves nobody any more.
    """

    checks: int = Field(default=0, ge=0, le=_MOST_CHECKS)
    wrong: int = Field(default=0, ge=0, le=_MOST_WRONG)
    in_a_row: int = Field(default=0, ge=0, le=_MOST_WRONG)
    tightened: int = Field(default=0, ge=0, le=_MOST_WRONG)
    quarantined: bool = False

    def rule(self, rule: CacheRule) -> CacheRule | None:
        """Return the rule by which the answer is reused; None: it is not."""
        ladder = (CacheRule.BALANCED, CacheRule.STRICT)
        step = ladder.index(rule) + self.tightened
        return None if self.quarantined or step >= len(ladder) else ladder[step]


def checked(standing: AnswerStanding, *, right: bool, max_false_hit: float) -> AnswerStanding:
    """Return how an answer stands after one more check.

    A wrong one tightens it by a step as long as more false hits than are borne cannot be ruled out: by the upper bound
    of their share. Three wrong in a row put it in quarantine.
    """
    checks, wrong = min(standing.checks + 1, _MOST_CHECKS), min(standing.wrong + (not right), _MOST_WRONG)
    in_a_row = 0 if right else min(standing.in_a_row + 1, _MOST_WRONG)
    too_many = not right and upper_share(wrong, checks) > max_false_hit
    return AnswerStanding(
        checks=checks,
        wrong=wrong,
        in_a_row=in_a_row,
        tightened=min(standing.tightened + too_many, _MOST_WRONG),
        quarantined=standing.quarantined or in_a_row >= WRONG_IN_A_ROW,
    )


def is_checked(case_id: str, step: str, standing: AnswerStanding, rules: CacheRules) -> bool:
    """Return whether a hit of a case is checked: by lot, and a try again draws the same."""
    share = rules.shadow_first_share if standing.checks < FIRST_CHECKS else rules.shadow_share
    drawn = int.from_bytes(hashlib.sha256(f"shadow\0{case_id}\0{step}".encode()).digest()[:8], "big") / 2**64
    return drawn < share


def upper_share(found: int, of: int) -> float:
    """Return the upper 95 % bound of a share by Clopper and Pearson, one-sided; 1.0 where nothing was looked at.

    >>> round(upper_share(0, 100), 4), round(upper_share(4, 1000), 4), upper_share(0, 0), upper_share(3, 3)
    (0.0295, 0.0091, 1.0, 1.0)
    """
    if of <= 0 or found >= of:
        return 1.0
    low, high = found / of, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(found, of, middle) > 1 - _CONFIDENCE else (low, middle)
    return high


def _at_most(found: int, of: int, share: float) -> float:
    """Return the chance of at most so many, if each has this share."""
    if share <= 0:
        return 1.0
    if share >= 1:
        return 0.0
    logs = (
        math.lgamma(of + 1) - math.lgamma(n + 1) - math.lgamma(of - n + 1) + n * math.log(share)
        + (of - n) * math.log1p(-share)
        for n in range(found + 1)
    )  # fmt: skip
    return math.fsum(map(math.exp, logs))
