"""Reads pictures in a process of their own, within seconds, and not too many of them one after the other."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import ValidationError

import adapters
from adapters.documents.passing import LENGTH, MAX_BYTES, OCR, PageRead
from adapters.weights.manifest import local_model
from adapters.weights.shelf import Shelf
from domain.errors import ConfigurationError
from domain.inbound.pictures import PictureReading

WITHIN_S = 7.0  # all pictures of a message; the intake gives a message ten
MAX_PICTURES = 3
_SHARE = 0.2  # of the time is spent on pictures where they keep coming: other messages wait behind them
_SAVED_S = 2 * WITHIN_S  # what may be spent at once after a while without
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR")  # no key of ours: it reads hostile files
_PROGRAM = (sys.executable, "-m", "adapters.documents.child")
_LAST = 200  # characters of what it said before it ended

CRASHED = "what reads pictures ended on it"
TOO_MANY = "others were read a moment ago, and messages without pictures go first"
LEFT = f"{MAX_PICTURES} of its message were read, the largest"


class PictureProcess:
    """Reads pictures. Holds its share of time only, may be shared by threads.

    Args:
        shelf: where the model's files are.
        within_s: seconds for all pictures of a message.
        program: that reads them, for tests.
        clock: seconds that pass, for tests.

    Raises:
        ConfigurationError: a file is missing or another one than that of the manifest.
    """

    def __init__(
        self,
        shelf: Shelf,
        within_s: float = WITHIN_S,
        program: Sequence[str] = _PROGRAM,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        found = shelf.look(local_model(OCR))
        if not found.whole:
            said = "; ".join(found.wrong) or f"it is not in {str(shelf.folder)!r}"
            raise ConfigurationError(f"the model {OCR!r} cannot be used: {said}; run `headgate models install {OCR}`")
        self._folder = shelf.folder
        self._within_s = within_s
        self._program = program
        self._clock = clock
        self._lock = threading.Lock()
        self._saved_s, self._since = _SAVED_S, clock()

    def read(self, pictures: Sequence[bytes]) -> list[PictureReading]:
        """Return what each picture says, in their order, in time; never raises."""
        with self._lock:
            if not self._may_read():
                return [PictureReading(trouble=TOO_MANY) for _ in pictures]
            began = self._clock()
            try:
                return self._read(pictures)
            finally:
                self._saved_s -= self._clock() - began

    def _may_read(self) -> bool:
        now = self._clock()
        self._saved_s = min(_SAVED_S, self._saved_s + (now - self._since) * _SHARE)
        self._since = now
        return self._saved_s > 0

    def _read(self, pictures: Sequence[bytes]) -> list[PictureReading]:
        largest = sorted(range(len(pictures)), key=lambda one: -len(pictures[one]))[:MAX_PICTURES]
        sent = b"".join(LENGTH.pack(len(cut)) + cut for one in largest if (cut := pictures[one][: MAX_BYTES + 1]))
        numbers = [one for one in largest if pictures[one]]
        said, trouble = self._run(sent)
        found = [PictureReading(trouble=LEFT if pictures[one] else "it is empty") for one in range(len(pictures))]
        for place, one in enumerate(numbers):
            pages = [page for page in said if page.picture == place]
            ended = next((page.reading.trouble for page in pages if page.ends), trouble)
            found[one] = PictureReading(lines=[line for page in pages for line in page.reading.lines], trouble=ended)
        return found

    def _run(self, sent: bytes) -> tuple[list[PageRead], str]:
        """Return what the process said, and what was the matter with pictures that it did not come to the end of."""
        environment = {name: value for name in _PASSED_ON if (value := os.environ.get(name)) is not None}
        environment["PYTHONPATH"] = str(Path(adapters.__file__).parent.parent)
        environment["OPENBLAS_NUM_THREADS"] = "1"  # or numpy sets memory aside for each processor there is
        try:
            done = subprocess.run(
                [*self._program, str(self._folder)], input=sent, capture_output=True, check=False,
                timeout=self._within_s, env=environment,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            return _pages(error.stdout or b""), f"it was not read within {self._within_s:g} seconds"
        except OSError as error:
            return [], f"what reads pictures could not be started: {error.strerror}"
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2][-_LAST:]
        return _pages(done.stdout), f"{CRASHED} ({last or f'code {done.returncode}'})"


def _pages(said: bytes) -> list[PageRead]:
    pages: list[PageRead] = []
    for line in said.splitlines():
        try:
            pages.append(PageRead.model_validate_json(line))
        except ValidationError:  # the last line of one that was killed
            break
    return pages
