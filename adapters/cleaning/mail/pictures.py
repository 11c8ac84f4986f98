"""The text of a mail's pictures, for a mail that says nothing else; marked as what a machine read off them."""

from collections.abc import Sequence

from adapters.cleaning.mail.mime import Part
from domain.inbound.pictures import PictureReading
from ports.cleaner import PictureReader

_SMALLEST = 600  # bytes: less is a line, a dot, or nothing


def words_of_pictures(parts: Sequence[Part], reader: PictureReader | None) -> tuple[str, list[str]]:
    """Return what pictures say, and notes on them; both are empty without a reader or pictures."""
    pictures = [content for part in parts if len(content := part.content()) >= _SMALLEST] if reader else []
    if reader is None or not pictures:
        return "", []
    told = list(enumerate(reader.read(pictures), 1))
    texts = [f"[read off picture {number} by a machine]\n{read.text}" for number, read in told if read.lines]
    return "\n\n".join(texts), [f"picture {number}: {_said(read)}" for number, read in told]


def _said(read: PictureReading) -> str:
    count = len(read.lines)
    lines = f"{count} line{'s' if count > 1 else ''} read, {read.confidence:.0%} sure" if count else ""
    return "; ".join(filter(None, (lines, read.trouble))) or "there is no text on it"
