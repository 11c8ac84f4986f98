"""The curve from what the router states to the share that is right, fitted on sources that trained nothing."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from domain.cascade.calibration import Knot, calibrated, expected_error, fit_isotonic

Answers = Sequence[tuple[float, bool]]
"""Of each message that was answered: the score, and whether the answer was right."""


def fit_curve(
    held: Mapping[str, Answers], same: Mapping[str, Collection[str]], thinned: Mapping[str, int]
) -> tuple[list[Knot], dict[str, Any]]:
    """Return the curve of all sources, and its error on each source by a curve that the source did not shape.

    Args:
        held: answers by source, each by a model that never saw the source.
        same: sources with the same texts.
        thinned: by source, of how many answers one shapes the curve.
    """
    every = [row for name, rows in held.items() for row in rows[:: thinned[name]]]
    figures: dict[str, Any] = {}
    pooled: list[tuple[float, bool]] = []
    for name, rows in held.items():
        others = [other for other in held if other not in same.get(name, {name})]
        curve = fit_isotonic(row for other in others for row in held[other][:: thinned[other]])
        sure = [(calibrated(score, curve), right) for score, right in rows]
        pooled += sure
        figures[name] = {"answers": len(rows), "ece_raw": expected_error(rows), "ece": expected_error(sure)}
    figures["all"] = {"answers": len(pooled), "ece": expected_error(pooled)}
    return [(round(score, 6), round(share, 6)) for score, share in fit_isotonic(every)], figures
