"""Pictures with words on them, for tests: black on white, in the font that comes with Pillow."""

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

LETTER = ("Dear support team,", "my order ORD-10023 came broken.", "Please send 45.50 EUR back", "to anna@example.com")


def drawn(lines: Sequence[str] = LETTER, *, size: int = 28, turned: float = 0.0) -> Image.Image:
    """Return a picture of these lines, turned by degrees."""
    picture = Image.new("RGB", (900, 80 + len(lines) * size * 2), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(size)
    for number, line in enumerate(lines):
        pen.text((40, 40 + number * size * 2), line, "black", font)
    return picture.rotate(turned, expand=True, fillcolor="white")


def as_bytes(picture: Image.Image, kind: str = "PNG") -> bytes:
    """Return a picture as a file: PNG, JPEG, PDF, …"""
    out = io.BytesIO()
    picture.save(out, kind)
    return out.getvalue()
