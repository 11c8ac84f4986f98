"""The offline model's own log: a line of JSON for each call that it answered, kept for the audit. No contents."""

import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from domain.audit.model_log import AnsweredCall
from domain.errors import UsageError
from workers.data_dir import LOG_ROTATE_BYTES, LOGS_KEPT, rotate_log

ANSWER_LOG = Path("logs", "model-calls.jsonl")
_LINE = TypeAdapter(AnsweredCall)
_LOOKS = 5


class AnswerLog:
    """Writes the log below a data dir, which is there; older parts are moved aside, and the oldest forgotten.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, data_dir: Path, most_bytes: int = LOG_ROTATE_BYTES) -> None:
        self._path = data_dir / ANSWER_LOG
        self._most_bytes = most_bytes
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        self._file = self._open()

    def note(self, call: AnsweredCall) -> None:
        """Write a line, whole even if this process is killed in the middle of it or two write at once."""
        if os.fstat(self._file).st_size > self._most_bytes:
            rotate_log(self._path, self._most_bytes)
            os.close(self._file)
            self._file = self._open()
        line = dataclasses.asdict(call) | {"at": call.at.isoformat()}
        os.write(self._file, json.dumps(line).encode() + b"\n")

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def own_answers(data_dir: Path) -> tuple[list[AnsweredCall], int]:
    """Return what the offline model of a data dir answered, the oldest first, and how many lines cannot be read.

    Raises:
        OSError: a part of the log cannot be read.
    """
    path = data_dir / ANSWER_LOG
    parts = [Path(f"{path}.{number}") for number in range(LOGS_KEPT, 0, -1)] + [path]
    for _ in range(_LOOKS):  # read anew where it was moved aside meanwhile
        before = list(map(_identity, parts))
        found, unread = [], 0
        for part in parts:
            for call in _read(part):
                if call is None:
                    unread += 1
                else:
                    found.append(call)
        if list(map(_identity, parts)) == before:
            break
    return found, unread


def exported_answers(path: Path) -> list[AnsweredCall]:
    """Return the calls of a log that somebody else wrote, in the same form.

    Raises:
        UsageError: it cannot be read, holds no call, or a line is none; the message names the line.
    """
    found = []
    try:
        for number, call in enumerate(_read(path, strict=True), start=1):
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


def _identity(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _read(path: Path, *, strict: bool = False) -> Iterator[AnsweredCall | None]:
    """Yield the calls of a file, None for a line that is none; nothing where there is no file, unless `strict`."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        if strict:
            raise
        return
    with file:
        for line in file:
            try:
                yield _LINE.validate_json(line)
            except ValidationError:
                yield None
