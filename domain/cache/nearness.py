"""How near a question must be to those that were answered, in figures."""

from typing import NamedTuple

from domain.model_steps import CacheRule


class Nearness(NamedTuple):
    """The nearest question must be as similar as `threshold` (cosine), `agree` of the nearest five must have its
    answer, and the nearest with any other answer must be `margin` farther than the first of these, and `mean_margin`
    farther than they are on average: one near question with three far ones behind it is one witness, not four.
    """

    threshold: float
    margin: float
    mean_margin: float = 0.0
    agree: int = 4


NEIGHBOURHOOD = 5
# bench/RESULTS.md says what each comes to; the margins tell more than the threshold.
NEARNESS = {
    CacheRule.STRICT: Nearness(threshold=0.80, margin=0.12, mean_margin=0.10),
    CacheRule.BALANCED: Nearness(threshold=0.75, margin=0.10, mean_margin=0.06),
}
