"""Fits a head to messages: logistic regression held to the weights that are there, in numpy alone.

It minimises `STRENGTH` times the sum of the messages' log losses plus half the squared distance from the start, by
accelerated gradient steps. No random numbers: the same messages in the same order give the same head.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]

STRENGTH = 10.0
"""As the weights that ship were trained with."""
_STEPS = 300
_ENOUGH = 1e-4  # of a step's length


@dataclass(frozen=True)
class Features:
    """Messages as rows of a sparse matrix, and the same by columns; `columns` are the buckets in use."""

    columns: Ids
    rows: int
    values: Floats
    of_row: Ids
    of_column: Ids
    row_starts: Ids
    by_column: Ids
    column_starts: Ids
    longest: float

    @classmethod
    def of(cls, messages: Sequence[tuple[Ids, Floats]]) -> "Features":
        """Build it of buckets and values; a message without any is not among them."""
        lengths = np.array([len(buckets) for buckets, _ in messages])
        columns, of_column = np.unique(np.concatenate([buckets for buckets, _ in messages]), return_inverse=True)
        by_column = np.argsort(of_column, kind="stable")
        return cls(
            columns=columns,
            rows=len(messages),
            values=np.concatenate([values for _, values in messages]),
            of_row=np.repeat(np.arange(len(messages)), lengths),
            of_column=of_column,
            row_starts=np.concatenate([[0], np.cumsum(lengths)[:-1]]),
            by_column=by_column,
            column_starts=np.searchsorted(of_column[by_column], np.arange(len(columns))),
            longest=max(float(values @ values) for _, values in messages),
        )

    def times(self, weights: Floats) -> Floats:
        """Return the product with a weight for each bucket in use, a row per message."""
        return np.add.reduceat(self.values[:, None] * weights[self.of_column], self.row_starts, axis=0)

    def gathered(self, rows: Floats) -> Floats:
        """Return the product of the transposed matrix with numbers for each message, a row per bucket in use."""
        products = self.values[:, None] * rows[self.of_row]
        return np.add.reduceat(products[self.by_column], self.column_starts, axis=0)


def fit(features: Features, truth: Ids, start: Floats, bias: Floats) -> tuple[Floats, Floats]:
    """Return the weights of all buckets, and the bias.

    Args:
        features: of the messages.
        truth: the column that is right for each.
        start: weights to begin with and to keep near to, a row per bucket.
        bias: likewise.
    """
    weight = 1.0 / (STRENGTH * features.rows)
    given = features.times(start[features.columns]) + bias
    right = np.zeros_like(given)
    right[np.arange(features.rows), truth] = 1.0
    moved = np.zeros((len(features.columns) + 1, start.shape[1]), dtype=np.float32)  # the last row is the bias
    ahead = moved
    step = 1.0 / (0.5 * (features.longest + 1.0) + weight)
    pull = (weight * step) ** 0.5
    momentum = (1.0 - pull) / (1.0 + pull)
    for _ in range(_STEPS):
        said = _softmax(given + features.times(ahead[:-1]) + ahead[-1])
        wrong = ((said - right) / features.rows).astype(np.float32)
        slope = np.vstack([features.gathered(wrong), wrong.sum(axis=0)]) + weight * ahead
        further = (ahead - step * slope).astype(np.float32)
        shift = further - moved
        ahead, moved = (further + momentum * shift).astype(np.float32), further
        if float(np.abs(shift).max()) < _ENOUGH:
            break
    weights = start.copy()
    weights[features.columns] += moved[:-1]
    return weights, bias + moved[-1]


def _softmax(logits: Floats) -> Floats:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float32)
