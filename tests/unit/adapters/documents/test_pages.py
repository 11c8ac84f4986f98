"""Files become pictures of pages, within bounds; what is broken, locked or too large says so."""

import io
import struct
import zlib

import pytest
from PIL import Image

from adapters.documents.pages import MAX_PAGES, pages_of
from adapters.documents.passing import MAX_BYTES
from domain.errors import PoisonError
from tests.unit.adapters.documents.drawn import as_bytes, drawn

HUGE = b"\x89PNG\r\n\x1a\n" + b"".join(
    struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    for kind, data in (
        (b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0" * 1000)),
        (b"IEND", b""),
    )
)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no picture of a kind"),
        (b"GIF89a", "no picture of a kind"),
        (b"MZ this is a program", "no picture of a kind"),
        (as_bytes(drawn())[:400], "no picture of a kind"),
        (as_bytes(drawn(), "JPEG")[:300], "no picture of a kind"),
        (HUGE, "too many dots|at most 40,000,000"),
        (as_bytes(Image.new("RGB", (3, 900))), "too small"),
        (b"x" * (MAX_BYTES + 1), "at most 10,000,000"),
        (b"%PDF-1.7 and nothing more", "broken or locked"),
        (as_bytes(drawn(), "PDF")[:700], "broken or locked"),
    ],
)
def test_what_cannot_be_read_says_so(content: bytes, said: str) -> None:
    with pytest.raises(PoisonError, match=said):
        list(pages_of(content))


def test_a_picture_is_one_page_that_is_not_too_large() -> None:
    (page,) = pages_of(as_bytes(Image.new("L", (4_000, 2_000), 255), "TIFF"))
    assert (page.mode, page.size) == ("RGB", (2_000, 1_000))


def test_what_can_be_seen_through_is_white() -> None:
    (page,) = pages_of(as_bytes(Image.new("RGBA", (50, 50), (0, 0, 0, 0))))
    assert page.getpixel((20, 20)) == (255, 255, 255)


def test_a_photograph_is_turned_as_its_camera_was_held() -> None:
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (200, 100)).save(out, "JPEG", exif=exif)
    (page,) = pages_of(out.getvalue())
    assert page.size == (100, 200)


def test_pages_beyond_the_first_ones_are_told() -> None:
    out = io.BytesIO()
    drawn().save(out, "PDF", save_all=True, append_images=[drawn()] * MAX_PAGES)
    pages = pages_of(out.getvalue())
    assert [next(pages).size[0] for _ in range(MAX_PAGES)] == [2_000] * MAX_PAGES
    with pytest.raises(PoisonError, match="3 of its 4 pages"):
        next(pages)
