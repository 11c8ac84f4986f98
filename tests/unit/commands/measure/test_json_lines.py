"""Files that are measured with: what is wrong is told with its line, and nothing is left out unheard."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel

from bench.caching.questions import read_questions as read_cached
from commands.knowledge.scoring import read_questions as read_knowledge
from commands.measure.json_lines import read_json_lines
from commands.measure.scoring import read_labelled
from domain.errors import ImpossibleError


class _Line(BaseModel):
    id: int


def read(path: Path) -> list[int]:
    return [line.id for line in read_json_lines(path, _Line.model_validate_json, remedy="Mend it")]


def test_empty_lines_are_passed_over_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b'{"id": 1}\n\n  \r\n{"id": 2, "text": "a\xc2\x85b\xe2\x80\xa8c"}')  # no line ends of JSON Lines
    assert read(path) == [1, 2]
    path.write_bytes(b'{"id": 1}\n\n{"id": "x"}\n')
    with pytest.raises(ImpossibleError, match=r"line 3: id: .*\. Mend it"):
        read(path)


@pytest.mark.parametrize("content", [b"\xff\n", b"[1]\n", b"no json\n", b'{"id": 1\n'])
def test_what_is_no_such_line_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(content)
    with pytest.raises(ImpossibleError, match="line 1: "):
        read(path)


def test_the_lines_before_a_wrong_one_are_read(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b'{"id": 1}\n{}\n')
    lines = read_json_lines(path, _Line.model_validate_json, remedy="Mend it")
    assert next(lines).id == 1
    with pytest.raises(ImpossibleError):
        next(lines)


def _read_labelled(path: Path) -> None:
    list(read_labelled(path, ["billing"]))


def _read_knowledge(path: Path) -> None:
    read_knowledge(path, [])


@pytest.mark.parametrize("reader", [read, _read_labelled, read_cached, _read_knowledge])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"id": 1}\n'.encode("utf-16"), "is UTF-16: save the file in UTF-8"),
        (b'{"text": "caf\xe9"}\n', "line 1: byte 0xE9 after '.*caf' is no UTF-8; save the file in UTF-8"),
    ],
)
def test_a_file_that_is_no_utf8_is_named_with_what_to_do(
    tmp_path: Path, reader: Callable[[Path], object], content: bytes, said: str
) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(content)
    with pytest.raises(ImpossibleError, match=f"lines.jsonl.*{said}"):
        reader(path)


def test_a_gzip_that_was_cut_off_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"id": 1}\n' * 1000)[:-20])
    with pytest.raises(ImpossibleError, match=r"lines\.jsonl\.gz.* get it once more"):
        read(path)
