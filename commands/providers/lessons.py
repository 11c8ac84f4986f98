"""Messages that the embedded router is taught, out of a file."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import ValidationError

from domain.cascade.teaching import MOST_MESSAGES, Lesson
from domain.errors import ImpossibleError, UsageError
from domain.routing import parse_route

MOST_LINES = 4 * MOST_MESSAGES
LONGEST_LINE = 1_000_000


def read_lessons(path: Path, categories: Sequence[str], clean: Callable[[str], tuple[str, str]]) -> list[Lesson]:
    """Return the messages of a file of JSON lines, each cleaned as a case's is; those without a word are let go.

    Args:
        path: of lines with text, label (a category, or null: it belongs to none) and perhaps source.
        categories: of the blueprint.
        clean: makes of a text what the router is shown, and says its language.

    Raises:
        UsageError: a line is not what it should be; the message names file and line.
        ImpossibleError: the file cannot be read, or has too many lines.
    """
    lessons: list[Lesson] = []
    try:
        with path.open(encoding="utf-8") as lines:
            number = 0
            while line := lines.readline(LONGEST_LINE):
                number += 1
                if number > MOST_LINES:
                    raise ImpossibleError(f"{str(path)!r} has more than {MOST_LINES} lines: take a part of them")
                if line.strip():
                    lesson = _lesson(line, f"{str(path)!r} line {number}", categories)
                    text, lang = clean(lesson.text)
                    if text := text.strip():
                        lessons.append(lesson.model_copy(update={"text": text, "lang": lang}))
    except UnicodeDecodeError as error:
        raise UsageError(f"{str(path)!r} is no text in UTF-8: {error.reason}") from error
    except OSError as error:
        raise ImpossibleError(f"{str(path)!r} cannot be read: {error.strerror}") from error
    return lessons


def _lesson(line: str, where: str, categories: Sequence[str]) -> Lesson:
    expected = 'expected {"text": "…", "label": "CATEGORY" or null, "source": "…"}'
    try:
        row = json.loads(line)
        if not isinstance(row, dict) or "label" not in row:
            raise UsageError(f"{where}: {expected}")
        lesson = Lesson.model_validate(
            {"text": row.get("text"), "label": row["label"], "source": row.get("source", "")}
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise UsageError(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}; {expected}") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"{where}: no JSON; {expected}") from error
    if lesson.label is None:
        return lesson
    named = parse_route(lesson.label, categories)
    if named is None:
        raise UsageError(f"{where}: label {lesson.label!r}, expected one of {list(categories)!r} or null")
    return lesson.model_copy(update={"label": named})
