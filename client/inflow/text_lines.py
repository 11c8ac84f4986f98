"""The lines of a file that people give, gzip or plain: what cannot be read is told with file, line and remedy."""

import gzip
from collections.abc import Iterator
from pathlib import Path

from client.inflow.characters import KEPT, SAVE_AS, bad_bytes
from domain.errors import ImpossibleError

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not empty, each with its number from 1. A line ends at a line feed alone, as in JSON
    Lines.

    Raises:
        ImpossibleError: it cannot be read, or a line is not UTF-8; the message names file, line and remedy.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if number == 1 and line.startswith(_UTF_16):
                    raise ImpossibleError(f"{str(path)!r} is UTF-16: {SAVE_AS}")
                text = line.decode("utf-8-sig" if number == 1 else "utf-8", KEPT)
                if bad := bad_bytes(text):
                    raise ImpossibleError(f"{str(path)!r} line {number}: {bad}; {SAVE_AS}")
                if text.strip():
                    yield number, text
    except EOFError:
        raise ImpossibleError(f"{str(path)!r} ends in the middle of its gzip: get it once more") from None
    except OSError as error:
        raise ImpossibleError(f"{str(path)!r} cannot be read: {error.strerror or error}") from error
