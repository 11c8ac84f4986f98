"""Files of JSON Lines that are measured with: each line one thing, and what is wrong told with its line."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from client.inflow.text_lines import text_lines
from domain.errors import ImpossibleError

Line = TypeVar("Line")
_TOLD_AT_MOST = 5


def read_json_lines(path: Path, parse: Callable[[bytes], Line], *, remedy: str) -> Iterator[Line]:
    """Yield what `parse` makes of the lines of a file; empty ones are passed over.

    Raises:
        ImpossibleError: `parse` raised ValueError, there is no line, or one is not UTF-8; the message names file, line
            and remedy.
    """
    found = 0
    for number, line in text_lines(path):
        found += 1
        try:
            parsed = parse(line.encode())
        except ValueError as error:
            raise ImpossibleError(f"{str(path)!r} line {number}: {told(error)}. {remedy}") from error
        yield parsed
    if not found:
        raise ImpossibleError(f"{str(path)!r}: there is no line in it")


def told(error: ValueError) -> str:
    """Return what is wrong with a value, by its keys where they are known."""
    if not isinstance(error, ValidationError):
        return str(error)
    found = error.errors(include_url=False)[:_TOLD_AT_MOST]
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'it'}: {one['msg']}" for one in found)
