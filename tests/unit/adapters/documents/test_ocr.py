"""The model reads pictures, turned and noisy ones too, where it is installed."""

import numpy as np
import pytest
from PIL import Image

from adapters.documents.ocr import PictureText
from tests.unit.adapters.documents.drawn import LETTER, drawn
from tests.unit.adapters.weights.installed import shelf_with


@pytest.fixture(scope="module")
def reader() -> PictureText:
    return PictureText(shelf_with("ocr"))


def test_lines_are_read_in_their_order(reader: PictureText) -> None:
    lines = reader.lines_on(drawn())
    assert [line.text.replace(" ", "") for line in lines] == [line.replace(" ", "") for line in LETTER]
    assert min(line.confidence for line in lines) > 0.9


def test_a_turned_and_noisy_page_keeps_its_words(reader: PictureText) -> None:
    dots = np.asarray(drawn(turned=3.0), np.int16)
    noise = np.random.default_rng(7).normal(0, 25, dots.shape)
    noisy = Image.fromarray((dots + noise).clip(0, 255).astype(np.uint8))
    words = " ".join(line.text for line in reader.lines_on(noisy)).split()
    assert {"ORD-10023", "45.50", "EUR", "anna@example.com"} <= set(words)


@pytest.mark.parametrize("size", [(16, 16), (2_000, 16), (16, 2_000), (400, 300)])
def test_a_page_without_text_has_no_lines(reader: PictureText, size: tuple[int, int]) -> None:
    assert reader.lines_on(Image.new("RGB", size, "white")) == []
