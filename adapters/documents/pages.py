"""A file to pictures of its pages, within bounds; what a file is goes by its content, never by its label."""

import io
from collections.abc import Iterator

from PIL import Image, ImageOps

from adapters.documents.passing import MAX_BYTES
from domain.errors import PoisonError

MAX_PIXELS = 40_000_000  # of a picture before it is made smaller: 120 MB
MAX_PAGES = 3
_LONGEST_SIDE = 2_000  # dots, of what is handed on: a page of A4 at 170 to the inch
_SMALLEST = 16  # dots a side: below it is a dot that tells somebody that a mail was opened
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP")
_PDF = b"%PDF-"
_PDF_WITHIN = 1024  # bytes: readers of PDF take some before it
# What Pillow raises on broken files, beside its own errors.
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, OverflowError, MemoryError)


def pages_of(content: bytes) -> Iterator[Image.Image]:
    """Yield the pages of a picture or a PDF as they look, at most `MAX_PAGES`.

    Raises:
        PoisonError: it is neither, too large, locked or broken, or has more pages; those before it were yielded.
    """
    if len(content) > MAX_BYTES:
        raise PoisonError(f"it has {len(content):,} bytes, at most {MAX_BYTES:,} are read")
    yield from _of_pdf(content) if _PDF in content[:_PDF_WITHIN] else _of_picture(content)


def _of_picture(content: bytes) -> Iterator[Image.Image]:
    try:
        picture = Image.open(io.BytesIO(content), formats=_FORMATS)
        _check(*picture.size)
        picture.draft("RGB", (_LONGEST_SIDE, _LONGEST_SIDE))
        shown = _on_white(ImageOps.exif_transpose(picture))
    except Image.DecompressionBombError as error:
        raise PoisonError("it has too many dots") from error
    except _BROKEN as error:
        raise PoisonError("it is no picture of a kind that is known, or broken") from error
    shown.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    yield shown


def _of_pdf(content: bytes) -> Iterator[Image.Image]:
    """Yield pages as they look: text that nobody sees is none."""
    import pypdfium2  # type: ignore[import-untyped]

    try:
        with pypdfium2.PdfDocument(content) as document:
            for number in range(min(len(document), MAX_PAGES)):
                page = document[number]
                width, height = page.get_size()
                scale = _LONGEST_SIDE / max(width, height, 1)
                _check(width * scale, height * scale)
                yield page.render(scale=scale).to_pil().convert("RGB")
            if len(document) > MAX_PAGES:
                raise PoisonError(f"{MAX_PAGES} of its {len(document)} pages were read")
    except pypdfium2.PdfiumError as error:
        raise PoisonError("it is a PDF that is broken or locked by a password") from error


def _check(width: float, height: float) -> None:
    if width * height > MAX_PIXELS:
        raise PoisonError(f"it has {width:.0f} times {height:.0f} dots, at most {MAX_PIXELS:,} are read")
    if min(width, height) < _SMALLEST:
        raise PoisonError("it is too small to hold words")


def _on_white(picture: Image.Image) -> Image.Image:
    """Return it as it looks on paper: what can be seen through is white."""
    if picture.mode in {"RGB", "L"}:
        return picture.convert("RGB")
    clear = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
