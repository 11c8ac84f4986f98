"""The offline model's own log: a line of JSON for each call that it answered, kept for the audit. No contents."""

import dataclasses
import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from domain.audit.model_log import AnsweredCall
from domain.errors import UsageError

ANSWER_LOG = Path("logs", "model-calls.jsonl")
_LINE = TypeAdapter(AnsweredCall)
_LOOKS = 5
_LINE_AT_MOST = 65_536  # bytes


class AnswerLog:
    """Writes the log below a data dir, which is there.

    Args:
        data_dir: where.
        make_room: moves a log aside that has grown too large, as `NAME.1`, and forgets the oldest.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, data_dir: Path, make_room: Callable[[Path], None]) -> None:
        self._path = data_dir / ANSWER_LOG
        self._make_room = make_room
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        os.close(self._open())

    def note(self, call: AnsweredCall) -> None:
        """Write a line, whole even if this process is killed in the middle of it or two write at once."""
        with suppress(FileNotFoundError):  # another one has just moved it
            self._make_room(self._path)
        line = dataclasses.asdict(call) | {"at": call.at.isoformat()}
        file = self._open()
        try:
            os.write(file, json.dumps(line).encode() + b"\n")
        finally:
            os.close(file)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def own_answers(data_dir: Path) -> tuple[list[AnsweredCall], int]:
    """Return what the offline model of a data dir answered, the oldest first, and how many lines cannot be read.

    Raises:
        OSError: a part of the log cannot be read.
    """
    path = data_dir / ANSWER_LOG
    for _ in range(_LOOKS):  # read anew where it was moved aside meanwhile
        parts = _parts(path)
        found, unread = [], 0
        for part in parts:
            for call in _read(part):
                if call is None:
                    unread += 1
                else:
                    found.append(call)
        if _parts(path) == parts:
            break
    return found, unread


def exported_answers(path: Path) -> list[AnsweredCall]:
    """Return the calls of a log that somebody else wrote, in the same form.

    Raises:
        UsageError: it cannot be read, holds no call, or a line is none; the message names the line.
    """
    found = []
    try:
        for number, call in enumerate(_read(path), start=1):
            if call is None:
                raise UsageError(
                    f"--model-log {str(path)!r}, line {number}: expected one JSON object with request_id, model, "
                    "tokens_in, tokens_out and at, a time with its zone"
                )
            found.append(call)
    except OSError as error:
        raise UsageError(f"--model-log {str(path)!r} cannot be read: {error.strerror}") from error
    if not found:
        raise UsageError(f"--model-log {str(path)!r} holds no call: name the log of a model server")
    return found


def _parts(path: Path) -> dict[Path, int]:
    """Return the files of a log that are there, the oldest first, each with what it is known by."""
    aside = [part for part in path.parent.glob(f"{path.name}.*") if part.suffix[1:].isdecimal()]
    aside.sort(key=lambda part: int(part.suffix[1:]), reverse=True)
    found = {}
    for part in (*aside, path):
        with suppress(FileNotFoundError):
            found[part] = part.stat().st_ino
    return found


def _read(path: Path) -> Iterator[AnsweredCall | None]:
    """Yield the calls of a file, None for a line that is none."""
    with path.open("rb") as file:
        while line := file.readline(_LINE_AT_MOST):
            whole = line.endswith(b"\n") or len(line) < _LINE_AT_MOST
            try:
                yield _LINE.validate_json(line) if whole else None
            except ValidationError:
                yield None
            while line and not whole:
                line = file.readline(_LINE_AT_MOST)
                whole = line.endswith(b"\n")
