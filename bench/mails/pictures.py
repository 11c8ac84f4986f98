"""Text on pictures and scanned pages: how many words are read right, by the model and by tesseract where it is there.

    python -m bench.mails.pictures [--data FOLDER] [--tesseract PROGRAM]

FOLDER has `invoices/truth.jsonl` (`file`, and `scan_of`, the id of the same pages with their text) and the files. The
words of a page are those of its text; each counts once for each time that it stands there. Pages with text are drawn
and read as well: clean, and as a bad scan (grey, turned by two degrees, noisy, a JPEG of quality 40).
"""

import argparse
import io
import json
import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pypdfium2  # type: ignore[import-untyped]
from PIL import Image

from adapters.documents.ocr import PictureText
from adapters.documents.pages import pages_of
from adapters.weights.shelf import Shelf
from workers.local_models.files import models_folder

_WORD = re.compile(r"[^\W_]+")
_NOISE, _TURNED, _QUALITY = 22, 2.0, 40
Reading = Callable[[Image.Image], str]


@dataclass
class Score:
    """Words that are there, that were read, and that are both; seconds for each page."""

    there: int = 0
    read: int = 0
    right: int = 0
    pages: int = 0
    seconds: float = 0.0

    def add(self, text: str, truth: str, seconds: float) -> None:
        """Count a page."""
        said, meant = (Counter(_WORD.findall(words.casefold())) for words in (text, truth))
        self.there += meant.total()
        self.read += said.total()
        self.right += (said & meant).total()
        self.pages += 1
        self.seconds += seconds

    def __str__(self) -> str:
        found, sure = self.right / max(self.there, 1), self.right / max(self.read, 1)
        return (
            f"{self.pages} pages, {self.right} of {self.there} words right ({found:.1%}), {sure:.1%} of what was read, "
            f"{self.seconds / max(self.pages, 1):.1f} s of processor time a page"
        )


def texts_of(file: Path) -> list[str]:
    """Return the text of each page."""
    with pypdfium2.PdfDocument(file) as document:
        return [page.get_textpage().get_text_range() for page in document]


def badly_scanned(page: Image.Image, seed: int) -> Image.Image:
    """Return a page as a bad scanner would."""
    grey = page.convert("L").rotate(_TURNED, expand=True, fillcolor=255, resample=Image.Resampling.BICUBIC)
    dots = np.asarray(grey, np.int16)
    noisy = dots * 0.85 + 20 + np.random.default_rng(seed).normal(0, _NOISE, dots.shape)
    out = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=_QUALITY)
    return next(pages_of(out.getvalue()))


def by_tesseract(program: str) -> Reading:
    """Return what reads a page by the system's tesseract, in English and German."""

    def read(page: Image.Image) -> str:
        with tempfile.NamedTemporaryFile(suffix=".png") as file:
            page.save(file.name)
            command = [program, file.name, "-", "-l", "eng+deu", "--psm", "6"]
            env = {**os.environ, "OMP_THREAD_LIMIT": "1"}
            return subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout

    return read


def pages(folder: Path) -> Iterator[tuple[str, Image.Image, str]]:
    """Yield pages by kind, with their text."""
    rows = [json.loads(line) for line in (folder / "truth.jsonl").read_text("utf-8").splitlines()]
    for row in (row for row in rows if row["file"].endswith(".pdf")):
        source = folder / (f"pdf/{row['scan_of']}.pdf" if row.get("scan_of") else row["file"])
        shown = pages_of_all(folder / row["file"])
        for number, (page, text) in enumerate(zip(shown, texts_of(source), strict=True)):
            if row.get("scan_of"):
                yield "scans", page, text
            elif number == 0:
                yield "drawn", page, text
                yield "badly scanned", badly_scanned(page, number), text


def pages_of_all(file: Path) -> list[Image.Image]:
    """Return all pages of a file, as they are drawn for reading."""
    with pypdfium2.PdfDocument(file) as document:
        return [page.render(scale=2_000 / max(page.get_size())).to_pil().convert("RGB") for page in document]


def processor_s() -> float:
    """Return the processor time of this process and of those it waited for."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("HEADGATE_EVAL_DATA"), help="folder of documents")
    parser.add_argument("--tesseract", help="the program, as a baseline")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("no documents: give --data FOLDER or set HEADGATE_EVAL_DATA")
    model = PictureText(Shelf(models_folder()))
    readers: dict[str, Reading] = {"model": lambda page: "\n".join(line.text for line in model.lines_on(page))}
    if arguments.tesseract:
        readers["tesseract"] = by_tesseract(arguments.tesseract)
    scores: dict[tuple[str, str], Score] = {}
    for kind, page, text in pages(Path(arguments.data) / "invoices"):
        for name, read in readers.items():
            began = processor_s()
            said = read(page)
            scores.setdefault((kind, name), Score()).add(said, text, processor_s() - began)
    for (kind, name), score in sorted(scores.items()):
        print(f"{kind}, {name}: {score}", flush=True)


if __name__ == "__main__":
    main()
