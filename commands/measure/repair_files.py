"""Files for `headgate eval repair`: broken JSON with what it should become, and incomplete payloads with records."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.errors import ImpossibleError
from domain.inbound import strict_json
from domain.repair.rules import DocumentRules

REMEDY = (
    'Write it as {"id", "broken", "expected"}, or with "required", "missing", "context" and "unrecoverable" beside '
    "them, or take it out"
)


class BrokenLine(BaseModel):
    """Broken JSON and the value that it should become. Numbers are their source text, as `strict_json` reads them."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    id: str
    broken: str
    expected: Any = None  # any JSON value
    kind: str = "broken"
    is_told: bool = Field(default=False, alias="told")  # nothing is expected but that people are told of it


class IncompleteLine(BrokenLine):
    """A payload of which fields are missing, with records of its customer and order.

    Attributes:
        missing: fields that were taken out.
        required: fields that it should have.
        unrecoverable: fields that stand nowhere: they must stay empty and be asked for.
        may_be_null: fields that may be empty or right.
    """

    expected: dict[str, Any]
    context: dict[str, Any]
    missing: list[str] = Field(min_length=1)
    required: list[str] = Field(default_factory=list)
    unrecoverable: list[str] = Field(default_factory=list)
    may_be_null: list[str] = Field(default_factory=list)


def read_repair_lines(path: Path) -> Iterator[BrokenLine]:
    """Yield the lines of a JSON Lines file, whichever of the two each is.

    Raises:
        ImpossibleError: a line is not what it should be, or there is none; the message names file, line and remedy.
    """
    found = 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            found += 1
            try:
                document = strict_json.loads(line, halves=True)
                kind = IncompleteLine if isinstance(document, dict) and "context" in document else BrokenLine
                yield kind.model_validate(document)
            except ValueError as error:
                raise ImpossibleError(f"{str(path)!r} line {number}: {_told(error)}. {REMEDY}") from error
    if not found:
        raise ImpossibleError(f"{str(path)!r}: there is no line in it")


def read_document_rules(path: Path) -> DocumentRules:
    """Return the rules of a TOML file.

    Raises:
        ImpossibleError: it is not what it should be; the message names the file and the key.
    """
    try:
        return DocumentRules.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise ImpossibleError(f"{str(path)!r}: {_told(error)}") from error


def _told(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(f"{'.'.join(map(str, found['loc'])) or 'it'}: {found['msg']}" for found in error.errors()[:5])
