"""How near a question must be to those that were answered, in figures."""

from typing import NamedTuple

from domain.model_steps import CacheRule


class Nearness(NamedTuple):
    """The nearest question must be as similar as `threshold` (cosine), `agree` of the nearest five must have its
    answer, and the nearest with any other answer must be `margin` farther.
    """

    threshold: float
    margin: float
    agree: int = 4


NEIGHBOURHOOD = 5
# bench/RESULTS.md says what each comes to; the margin tells more than the threshold.
NEARNESS = {
    CacheRule.STRICT: Nearness(threshold=0.80, margin=0.15),
    CacheRule.BALANCED: Nearness(threshold=0.75, margin=0.10),
}
