"""Pictures are read in a process of their own: what it does, a message comes through, in time."""

import sys
from pathlib import Path

import pytest

from adapters.documents.reader import MAX_PICTURES, PictureProcess
from adapters.weights.shelf import Shelf
from domain.errors import ConfigurationError
from tests.unit.adapters.documents.drawn import as_bytes, drawn
from tests.unit.adapters.weights.installed import shelf_with

ONE_LINE = '{"picture": 0, "reading": {"lines": [{"text": "one", "confidence": 0.9}]}}'


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class WholeShelf(Shelf):
    """Says of every model that it is there."""

    def look(self, model: object) -> object:  # type: ignore[override]
        return type("Shelved", (), {"whole": True})


def process(tmp_path: Path, code: str, within_s: float = 30, clock: Clock | None = None) -> PictureProcess:
    program = tmp_path / "child.py"
    program.write_text(code)
    return PictureProcess(WholeShelf(tmp_path), within_s, (sys.executable, str(program)), clock or Clock())


def test_it_reads_what_is_there_and_says_of_the_rest_what_is_the_matter() -> None:
    reader = PictureProcess(shelf_with("ocr"), within_s=60)
    letter, scan, broken, empty = reader.read([
        as_bytes(drawn()), as_bytes(drawn(["Invoice 4711"], size=40), "PDF"), b"GIF89a", b"",
    ])  # fmt: skip
    assert "ORD-10023" in letter.text
    assert letter.confidence > 0.9
    assert "4711" in scan.text
    assert (letter.trouble, scan.trouble) == ("", "")
    assert (broken.text, empty.text, empty.trouble) == ("", "", "it is empty")
    assert "no picture of a kind" in broken.trouble


def test_a_process_that_crashes_takes_nothing_with_it(tmp_path: Path) -> None:
    code = f"import os; print('''{ONE_LINE}''', flush=True); os.kill(os.getpid(), 11)"
    first, second = process(tmp_path, code).read([b"x" * 20, b"y"])
    assert (first.text, first.trouble) == ("one", "what reads pictures ended on it (code -11)")
    assert (second.text, second.trouble) == ("", "what reads pictures ended on it (code -11)")


def test_a_process_that_hangs_is_ended_and_what_it_said_is_kept(tmp_path: Path) -> None:
    code = f"import time; print('''{ONE_LINE}''', flush=True); print('{{half', end='', flush=True); time.sleep(600)"
    (read,) = process(tmp_path, code, within_s=3).read([b"x"])
    assert (read.text, read.trouble) == ("one", "it was not read within 3 seconds")


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    reader = PictureProcess(WholeShelf(tmp_path), program=(str(tmp_path / "none"),))
    assert reader.read([b"x"])[0].trouble == "what reads pictures could not be started: No such file or directory"


def test_it_sees_no_key_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    code = "import os, sys; sys.exit(' '.join(sorted(os.environ)))"
    (read,) = process(tmp_path, code).read([b"x"])
    assert "PATH" in read.trouble
    assert "OPENAI_API_KEY" not in read.trouble


def test_of_many_pictures_the_largest_are_read(tmp_path: Path) -> None:
    code = """
import json, struct, sys
number = 0
while head := sys.stdin.buffer.read(4):
    size = len(sys.stdin.buffer.read(struct.unpack(">I", head)[0]))
    line = {"text": str(size), "confidence": 1}
    print(json.dumps({"picture": number, "reading": {"lines": [line]}}))
    print(json.dumps({"picture": number, "reading": {}, "ends": True}))
    number += 1
"""
    found = process(tmp_path, code).read([b"x" * size for size in (5, 90, 30, 70)])
    assert [read.text for read in found] == ["", "90", "30", "70"]
    assert found[0].trouble == f"{MAX_PICTURES} of its message were read, the largest"


def test_a_flood_of_pictures_gets_a_fifth_of_the_time(tmp_path: Path) -> None:
    """Other messages wait behind pictures; whoever sends a thousand of them must not hold these up."""
    clock = Clock()
    reader = process(tmp_path, "", clock=clock)
    waits = []
    for _ in range(200):
        said = reader.read([b"x"])[0].trouble
        waits.append("a moment ago" in said)
        clock.now += 0.01 if waits[-1] else 0
        reader._saved_s -= 0 if waits[-1] else 3.5  # what a picture takes
    assert waits[:4] == [False] * 4
    assert sum(not waited for waited in waits[4:]) <= 1
    clock.now += 60
    assert "a moment ago" not in reader.read([b"x"])[0].trouble


def test_without_its_files_it_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"it is not in .*headgate models install ocr"):
        PictureProcess(Shelf(tmp_path))
    (tmp_path / "ocr-3.10.0").mkdir()
    with pytest.raises(ConfigurationError, match=r"det.onnx is missing.*headgate models install ocr"):
        PictureProcess(Shelf(tmp_path))
