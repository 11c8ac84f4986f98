"""The process that reads pictures: `python -m adapters.documents.child FOLDER`, pictures in, a line for each page out.

Decoders of pictures meet hostile files: one that crashes, hangs or fills the memory ends this process and no other.
"""

import resource
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from adapters.documents.ocr import PictureText
from adapters.documents.pages import pages_of
from adapters.documents.passing import LENGTH, PageRead
from adapters.weights.shelf import Shelf
from domain.errors import PoisonError
from domain.inbound.pictures import PictureReading

MEMORY = 4 << 30  # bytes of addresses; of real memory it has had 0.7 GB at most
THREADS = 2
_NOTHING = 0


def main() -> None:
    """Read pictures off standard input until it ends."""
    _confine()
    reader = PictureText(Shelf(Path(sys.argv[1])), THREADS)
    for number, content in enumerate(_pictures(sys.stdin.buffer)):
        for page in _read(reader, number, content):
            print(page.model_dump_json(), flush=True)  # noqa: T201 - this is how its parent hears of it


def _read(reader: PictureText, number: int, content: bytes) -> Iterator[PageRead]:
    """Yield what each page says, and what was the matter at the end."""
    trouble = ""
    try:
        for page in pages_of(content):
            yield PageRead(picture=number, reading=PictureReading(lines=reader.lines_on(page)))
    except PoisonError as error:
        trouble = str(error)
    except MemoryError:
        trouble = "it needs too much memory"
    yield PageRead(picture=number, reading=PictureReading(trouble=trouble), ends=True)


def _pictures(source: BinaryIO) -> Iterator[bytes]:
    while len(head := source.read(LENGTH.size)) == LENGTH.size:
        yield source.read(LENGTH.unpack(head)[0])


def _confine() -> None:
    """Leave it no more than it needs."""
    limits = {resource.RLIMIT_AS: MEMORY, resource.RLIMIT_FSIZE: _NOTHING, resource.RLIMIT_CORE: _NOTHING}
    for kind, most in limits.items():
        with suppress(ValueError, OSError):  # a lower limit is in force, or this system has none of that kind
            resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    main()
