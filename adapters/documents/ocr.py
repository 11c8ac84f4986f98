"""Text on a picture, by PP-OCRv6: one small network finds where text is, another one reads each line of it."""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from adapters.documents.boxes import Box, boxes_in, in_rows
from adapters.documents.passing import OCR
from adapters.weights.manifest import local_model
from adapters.weights.shelf import Shelf
from domain.errors import ConfigurationError
from domain.inbound.pictures import TextLine

LONGEST_SIDE = 1_280  # dots, a page of A4 at 110 to the inch; 1,600 read half a hundredth more words in 200 MB more
_SHORTEST_SIDE = 736
_STEP = 32  # what the network halves five times
_LINE = 48  # dots that a line is high when it is read
_NARROWEST = 320
_WIDEST = 3_200  # dots of such a line; longer ones are squeezed
_BATCH_WIDTH = 3_200  # dots of all lines that are read together: memory goes by it
_READABLE = 0.5  # below, what was read is a guess
_BLANK = 0

Floats = npt.NDArray[np.float32]


class PictureText:
    """Reads pictures. Holds no state between them, may be shared by threads.

    Args:
        shelf: where the model's files are.
        threads: of the processor, for each picture.

    Raises:
        ConfigurationError: a file is missing or another one than that of the manifest, or cannot be loaded.
    """

    def __init__(self, shelf: Shelf, threads: int = 1) -> None:
        import onnxruntime  # type: ignore[import-untyped]

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # others want the processor
        options.enable_cpu_mem_arena = False  # or the largest picture's memory is kept
        options.log_severity_level = 3
        model = local_model(OCR)
        try:
            self._where, self._what = (
                onnxruntime.InferenceSession(shelf.read(model, name), options, providers=["CPUExecutionProvider"])
                for name in ("det.onnx", "rec.onnx")
            )
            letters = self._what.get_modelmeta().custom_metadata_map["character"].split("\n")
        except (RuntimeError, ValueError, KeyError) as error:
            raise ConfigurationError(f"the model {OCR!r} cannot be loaded: {error}") from error
        self._letters = ["", *letters, " "]

    def lines_on(self, picture: Image.Image) -> list[TextLine]:
        """Return the lines of text from above to below, each from the left."""
        rows = in_rows(self._boxes(picture))
        read = dict(self._read(picture, [box for row in rows for box in row]))
        lines = ([read[box] for box in row if box in read] for row in rows)
        return [_joined(words) for words in lines if words]

    def _boxes(self, picture: Image.Image) -> list[Box]:
        width, height = picture.size
        scale = min(max(1.0, _SHORTEST_SIDE / min(width, height)), LONGEST_SIDE / max(width, height))
        size = [max(_STEP, round(side * scale / _STEP) * _STEP) for side in (width, height)]
        dots = _as_input(picture.resize((size[0], size[1]), Image.Resampling.BILINEAR))
        likely = self._where.run(None, {"x": dots[np.newaxis]})[0][0, 0]
        across, down = width / size[0], height / size[1]
        return [
            Box(box.x * across, box.y * down, box.length * across, box.height * down, box.angle)
            for box in boxes_in(likely)
        ]

    def _read(self, picture: Image.Image, boxes: Sequence[Box]) -> Iterator[tuple[Box, TextLine]]:
        """Yield what is readable in boxes; those of about a length are read together."""
        for batch in _batches(boxes):
            cut = [_as_input(_cut_out(picture, box)) for box in batch]
            dots = np.zeros((len(cut), 3, _LINE, max(_NARROWEST, *(one.shape[2] for one in cut))), np.float32)
            for row, one in zip(dots, cut, strict=True):
                row[:, :, : one.shape[2]] = one
            for box, chances in zip(batch, self._what.run(None, {"x": dots})[0], strict=True):
                if (line := self._spelt(chances)) is not None:
                    yield box, line

    def _spelt(self, chances: Floats) -> TextLine | None:
        """Return the letters that the network saw from left to right, each as long as it saw it."""
        best = chances.argmax(axis=1)
        kept = (best != _BLANK) & np.concatenate([[True], best[1:] != best[:-1]])
        if not kept.any():
            return None
        text = unicodedata.normalize("NFKC", "".join(self._letters[letter] for letter in best[kept])).strip()
        sure = float(chances.max(axis=1)[kept].mean())
        return TextLine(text=text, confidence=round(min(sure, 1.0), 3)) if text and sure >= _READABLE else None


def _as_input(picture: Image.Image) -> Floats:
    """Return colours (blue first, as the networks learned them) from -1 to 1."""
    dots = np.asarray(picture.convert("RGB"), np.float32)[:, :, ::-1]
    return np.ascontiguousarray((dots / 127.5 - 1).transpose(2, 0, 1), dtype=np.float32)


def _width(box: Box) -> int:
    """Return how wide a line is when it is read."""
    return min(_WIDEST, max(_LINE // 3, round(_LINE * box.length / box.height)))


def _batches(boxes: Sequence[Box]) -> Iterator[list[Box]]:
    batch: list[Box] = []
    for box in sorted(boxes, key=_width):
        if batch and max(_NARROWEST, _width(box)) * (len(batch) + 1) > _BATCH_WIDTH:
            yield batch
            batch = []
        batch.append(box)
    if batch:
        yield batch


def _cut_out(picture: Image.Image, box: Box) -> Image.Image:
    wide = _width(box)
    corners: Any = [value for corner in box.corners() for value in corner]
    return picture.transform((wide, _LINE), Image.Transform.QUAD, corners, Image.Resampling.BICUBIC)


def _joined(words: Sequence[TextLine]) -> TextLine:
    letters = sum(len(word.text) for word in words)
    sure = sum(word.confidence * len(word.text) for word in words) / letters
    return TextLine(text=" ".join(word.text for word in words), confidence=round(sure, 3))
