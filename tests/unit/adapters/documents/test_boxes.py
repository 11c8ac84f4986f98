"""Where text is on a page, from a map of how likely each dot is text."""

import math

import numpy as np
import pytest
from PIL import Image, ImageDraw

from adapters.documents.boxes import MOST_BOXES, Box, Floats, boxes_in, in_rows


def map_of(*rows: tuple[float, float, float, float], turned: float = 0.0, size: int = 320) -> Floats:
    picture = Image.new("L", (size, size))
    for row in rows:
        ImageDraw.Draw(picture).rectangle(row, fill=230)
    return np.asarray(picture.rotate(turned), np.float32) / 255


def test_lines_are_found_with_their_border() -> None:
    (box,) = boxes_in(map_of((100, 50, 219, 59)))
    assert (box.x, box.y, box.angle) == pytest.approx((159.5, 54.5, 0), abs=0.01)
    assert (box.length, box.height) == pytest.approx((120 + 14.77, 10 + 14.77), abs=0.1)


def test_nothing_is_found_on_an_empty_page_or_in_faint_marks() -> None:
    assert not boxes_in(map_of())
    assert not boxes_in(map_of((100, 50, 219, 59)) * 0.5)
    assert not boxes_in(map_of((100, 50, 101, 51)))


@pytest.mark.parametrize("turned", [-8, 8])
def test_a_turned_page_keeps_its_rows(turned: float) -> None:
    """On a page that is turned, the second box of the upper row lies beside the first one of the lower row."""
    boxes = boxes_in(map_of((40, 120, 140, 128), (180, 120, 280, 128), (40, 155, 140, 163), (180, 155, 200, 163),
                            turned=turned))  # fmt: skip
    rows = in_rows(boxes)
    assert [len(row) for row in rows] == [2, 2]
    assert all(row[0].x < row[1].x for row in rows)
    assert [math.degrees(box.angle) for row in rows for box in row] == pytest.approx([-turned] * 4, abs=1.5)


def test_text_that_runs_upwards_is_read_so() -> None:
    (box,) = boxes_in(map_of((100, 50, 109, 219)))
    assert box.length > 5 * box.height
    assert box.angle == pytest.approx(-math.pi / 2)
    left_above = box.corners()[0]
    assert left_above == pytest.approx((104.5 - box.height / 2, 134.5 + box.length / 2), abs=0.01)


def test_a_page_full_of_dots_has_an_end() -> None:
    grid = np.zeros((400, 400), np.float32)
    for y in range(0, 400, 8):
        for x in range(0, 400, 8):
            grid[y : y + 4, x : x + 4] = 1
    assert len(boxes_in(grid)) == MOST_BOXES


def test_no_boxes_are_no_rows() -> None:
    assert in_rows([]) == []
    assert in_rows([Box(1, 1, 4, 2, 0.0)]) == [[Box(1, 1, 4, 2, 0.0)]]
