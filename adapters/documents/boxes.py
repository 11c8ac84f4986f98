"""Where text is on a page: a map of how likely each dot is text becomes boxes around lines of it (Liao et al. 2020)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]

_INK = 0.3  # from here on a dot is text
_SURE = 0.5  # mean of a box below which it is none
_GROWN = 1.6  # the network marks the core of a line; its border lies this share of area by outline further out
_THINNEST = 3.0  # dots
_LONG = 4.0  # as long as high: from here on a box tells how the page is turned
_UPRIGHT = 1.5  # as high as long: such a box is text that runs from below to above
MOST_BOXES = 600


@dataclass(frozen=True, slots=True)
class Box:
    """A line of text: its middle, its length along the text and its height in dots, the angle of the text in radians
    (to the right and downwards is positive).
    """

    x: float
    y: float
    length: float
    height: float
    angle: float

    def corners(self) -> list[tuple[float, float]]:
        """Return the corners, above left first, then below left, below right, above right, as the text is read."""
        along = np.array([np.cos(self.angle), np.sin(self.angle)]) * self.length / 2
        down = np.array([-np.sin(self.angle), np.cos(self.angle)]) * self.height / 2
        middle = np.array([self.x, self.y])
        ends = (middle - along - down, middle - along + down, middle + along + down, middle + along - down)
        return [(float(x), float(y)) for x, y in ends]


def boxes_in(likely: Floats) -> list[Box]:
    """Return the boxes of a map of probabilities, the surest `MOST_BOXES` of them."""
    found = [piece for rows in _pieces(likely > _INK) if (piece := _Piece.of(rows, likely)) is not None]
    turned = [piece.angle for piece in found if piece.tells_angle]
    page = float(np.median(turned)) if turned else 0.0
    boxes = [(piece.sure, piece.box(page)) for piece in found]
    best = sorted(((sure, box) for sure, box in boxes if box.height >= _THINNEST), key=lambda one: -one[0])
    return [box for _, box in best[:MOST_BOXES]]


def in_rows(boxes: Sequence[Box]) -> list[list[Box]]:
    """Return boxes as they are read: rows from above, each from the left."""
    if not boxes:
        return []
    angle = float(np.median([box.angle for box in boxes]))
    down = {box: box.y * np.cos(angle) - box.x * np.sin(angle) for box in boxes}
    rows: list[list[Box]] = []
    for box in sorted(boxes, key=lambda one: down[one]):
        last = rows[-1][-1] if rows else None
        if last is not None and down[box] - down[last] < min(box.height, last.height) / 2:
            rows[-1].append(box)
        else:
            rows.append([box])
    return [sorted(row, key=lambda one: one.x) for row in rows]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Dots that hang together: as rows of (y, first x, x behind the last)."""

    points: Floats  # the ends of its rows: nothing of it lies outside
    spread: tuple[float, float]  # variance along and across it
    angle: float
    sure: float

    @classmethod
    def of(cls, rows: Ints, likely: Floats) -> "_Piece | None":
        y, first, behind = rows.T
        wide = behind - first
        if len(rows) < _THINNEST or wide.max() < _THINNEST:
            return None
        ys = np.repeat(y, wide)
        xs = np.arange(wide.sum()) - np.repeat(np.cumsum(wide) - wide, wide) + np.repeat(first, wide)
        sure = float(likely[ys, xs].mean())
        if sure < _SURE:
            return None
        (xx, xy), (_, yy) = np.cov(xs, ys)
        angle = 0.5 * float(np.arctan2(2 * xy, xx - yy))
        middle, half = (xx + yy) / 2, float(np.hypot((xx - yy) / 2, xy))
        points = np.concatenate([np.column_stack([first, y]), np.column_stack([behind - 1, y])]).astype(float)
        return cls(points, (middle + half, max(middle - half, 1e-6)), angle, sure)

    @property
    def tells_angle(self) -> bool:
        """Whether it is long, and rather level: one that stands is turned with the page."""
        return self.spread[0] >= _LONG**2 * self.spread[1] and abs(self.angle) < np.pi / 4

    def box(self, page: float) -> Box:
        """Return its box; a short one does not tell how it is turned, so it is turned as the page is."""
        angle = self.angle if self.tells_angle else page
        along = np.array([np.cos(angle), np.sin(angle)])
        across = np.array([-along[1], along[0]])
        spans = [(float(at.min()), float(at.max()) + 1) for at in (self.points @ along, self.points @ across)]
        (left, right), (top, bottom) = spans
        length, height = right - left, bottom - top
        grown = length * height * _GROWN / (2 * (length + height))
        x, y = along * (left + right - 1) / 2 + across * (top + bottom - 1) / 2
        length, height = length + 2 * grown, height + 2 * grown
        if height >= _UPRIGHT * length:
            return Box(float(x), float(y), height, length, angle - np.pi / 2)
        return Box(float(x), float(y), length, height, angle)


def _pieces(ink: npt.NDArray[np.bool_]) -> list[Ints]:
    """Return the pieces of ink that hang together, each as its rows."""
    edges = np.diff(np.pad(ink.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    y, first = np.nonzero(edges == 1)
    behind = np.nonzero(edges == -1)[1]
    parent = list(range(len(y)))

    def root(one: int) -> int:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    starts = np.searchsorted(y, np.arange(ink.shape[0] + 1))
    for (a, b), (_, c) in pairwise(pairwise(starts.tolist())):
        above, below = a, b
        while above < b and below < c:
            if first[above] <= behind[below] and first[below] <= behind[above]:  # a corner is enough
                parent[root(below)] = root(above)
            if behind[above] < behind[below]:
                above += 1
            else:
                below += 1
    groups: dict[int, list[int]] = defaultdict(list)
    for one in range(len(y)):
        groups[root(one)].append(one)
    rows = np.column_stack([y, first, behind])
    return [rows[members] for members in groups.values()]
