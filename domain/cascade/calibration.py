"""A model's confidence made honest: what share of the answers given with it is right."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from math import pi, sqrt
from operator import itemgetter
from typing import NamedTuple

BINS = 10
FEWEST_IN_BIN = 20
AIM = 0.03
"""What the error of a confidence shall be at most."""

_ONE_IN_TWENTY = 1.645  # standard deviations above the mean

Knot = tuple[float, float]
"""A score as the model states it, and the share of answers with it that is right."""


def fit_isotonic(judged: Iterable[tuple[float, bool]]) -> list[Knot]:
    """Return the rising curve nearest to scored answers, by pooling neighbours that fall (isotonic regression).

    A pool of n answers counts as if one more of them were half right: no score is ever certain.

    Args:
        judged: of each answer the score, and whether it was right.

    >>> fit_isotonic([(0.2, False), (0.9, True), (0.9, True)])
    [(0.2, 0.25), (0.9, 0.8333333333333334)]
    """
    pools: list[list[float]] = []  # sum of scores, right ones, answers
    for score, rows in groupby(sorted(judged, key=itemgetter(0)), key=itemgetter(0)):
        of_score = [right for _, right in rows]
        pools.append([score * len(of_score), float(sum(of_score)), float(len(of_score))])
        while len(pools) > 1 and pools[-2][1] * pools[-1][2] >= pools[-1][1] * pools[-2][2]:
            last = pools.pop()
            pools[-1] = [before + more for before, more in zip(pools[-1], last, strict=True)]
    knots: list[Knot] = []
    for scores, right, answers in pools:  # the smoothing may let a small pool fall below the one before it
        share = (right + 0.5) / (answers + 1)
        knots.append((scores / answers, max(share, knots[-1][1] if knots else 0.0)))
    return knots


def calibrated(score: float, knots: Sequence[Knot]) -> float:
    """Return the share that is right at a score, between two knots in a straight line; without knots the score itself.

    >>> calibrated(0.6, [(0.5, 0.4), (0.7, 0.8)])
    0.6
    """
    if not knots:
        return score
    above = bisect_right(knots, score, key=itemgetter(0))
    if above in (0, len(knots)):
        return knots[min(above, len(knots) - 1)][1]
    (left, low), (right, high) = knots[above - 1], knots[above]
    return round(low + (high - low) * (score - left) / (right - left), 9)


def expected_error(judged: Iterable[tuple[float, bool]]) -> float | None:
    """Return how far stated confidence is from the share that is right (ECE), over bins of equally many answers.

    Ten bins, fewer where they would hold less than twenty answers; None without answers.

    >>> expected_error([(0.9, True), (0.9, True), (0.9, False), (0.9, True)])
    0.15
    """
    ordered = sorted(judged, key=itemgetter(0))
    if not ordered:
        return None
    total = 0.0
    for start, end in _bins(len(ordered)):
        rows = ordered[start:end]
        total += abs(sum(score for score, _ in rows) - sum(right for _, right in rows))
    return round(total / len(ordered), 4)


class ChanceError(NamedTuple):
    """The error that a perfectly honest confidence shows on so many answers: on average, and in one case of twenty."""

    mean: float
    upper: float

    def hides(self, aim: float = AIM) -> bool:
        """Return whether the answers are too few to tell an error of `aim` from none."""
        return self.mean >= aim

    def explains(self, error: float) -> bool:
        """Return whether an error may be chance alone."""
        return error <= self.upper


def error_by_chance(scores: Iterable[float]) -> ChanceError | None:
    """Return what chance alone makes of `expected_error`, None without answers.

    What is right in a bin is drawn by its scores; the distance from them is about half of a normal distribution.

    Args:
        scores: with which answers were given.

    >>> error_by_chance([0.9] * 1000)
    ChanceError(mean=0.0239, upper=0.0333)
    """
    ordered = sorted(scores)
    if not ordered:
        return None
    spreads = [sum(score * (1 - score) for score in ordered[start:end]) for start, end in _bins(len(ordered))]
    mean = sqrt(2 / pi) * sum(map(sqrt, spreads))
    upper = mean + _ONE_IN_TWENTY * sqrt((1 - 2 / pi) * sum(spreads))
    return ChanceError(round(mean / len(ordered), 4), round(upper / len(ordered), 4))


def _bins(answers: int) -> Iterable[tuple[int, int]]:
    """Return where bins of equally many answers begin and end."""
    bins = max(1, min(BINS, answers // FEWEST_IN_BIN))
    return pairwise(answers * place // bins for place in range(bins + 1))
