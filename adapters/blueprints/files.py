"""Files of a blueprint: read, decoded, and the place of a value in them."""

import re
from collections.abc import Sequence
from pathlib import Path

from domain.errors import ConfigurationError

_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8})?")


def entries(folder: Path) -> list[Path]:
    """Return what is in a folder, but for hidden files, which editors and systems leave behind; nothing if it is not
    there.
    """
    return sorted(p for p in folder.iterdir() if not p.name.startswith(".")) if folder.is_dir() else []


def is_language(name: str) -> bool:
    """Say whether a name is a language as files are named by it: `de`, `pt-br`."""
    return _LANGUAGE.fullmatch(name) is not None


def read_bytes(path: Path) -> bytes:
    """Return what is in a file. Raises ConfigurationError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as e:
        raise ConfigurationError(f"{path}: cannot be read ({e.strerror}); a blueprint needs it") from e


def decoded(path: Path, body: bytes) -> str:
    """Return the text of a file. Raises ConfigurationError, with the line, if it is not UTF-8."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as e:
        line = body.count(b"\n", 0, e.start) + 1
        raise ConfigurationError(f"{path}, line {line}: byte {e.start} is not UTF-8; save the file as UTF-8") from e


def line_of(text: str, where: Sequence[int | str]) -> int | None:
    r"""Return the line of TOML, from 1, on which a value stands: that of its key, else that of its table.

    >>> line_of('name = "x"\n[[categories]]\n[[categories]]\nspecialist = "y"', ("categories", 1, "specialist"))
    4
    """
    names = [str(part) for part in where if not isinstance(part, int)]
    index = next((part for part in where if isinstance(part, int)), 0)
    lines = text.splitlines()
    for depth in range(len(names), 0, -1):
        table, key = ".".join(names[:depth]), names[depth] if depth < len(names) else None
        pattern = rf"\[\[?\s*{re.escape(table)}\s*\]"
        start = _nth(lines, pattern, index)
        start = _nth(lines, pattern, 0) if start is None else start  # a list within one table
        if start is None:
            continue
        end = next((n for n in range(start + 1, len(lines)) if lines[n].lstrip().startswith("[")), len(lines))
        within = _nth(lines[start:end], rf"{re.escape(key)}\s*=", 0) if key else None
        return start + 1 + (within or 0)
    at = _nth(lines, rf"{re.escape(names[0])}\s*=", 0) if names else None
    return None if at is None else at + 1


def _nth(lines: Sequence[str], pattern: str, n: int) -> int | None:
    found = [number for number, line in enumerate(lines) if re.match(rf"\s*{pattern}", line)]
    return found[n] if n < len(found) else None
