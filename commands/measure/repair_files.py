"""Files for `headgate eval repair`: broken JSON with what it should become, and incomplete payloads with records."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from commands.measure.json_lines import read_json_lines, told
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
    """Yield the lines of a file, whichever of the two each is.

    Raises:
        ImpossibleError: a line is not what it should be, or there is none; the message names file, line and remedy.
    """
    return read_json_lines(path, _repair_line, remedy=REMEDY)


def _repair_line(line: bytes) -> BrokenLine:
    document = strict_json.loads(line, halves=True)
    kind = IncompleteLine if isinstance(document, dict) and "context" in document else BrokenLine
    return kind.model_validate(document)


def read_document_rules(path: Path) -> DocumentRules:
    """Return the rules of a TOML file.

    Raises:
        ImpossibleError: it is not what it should be; the message names the file and the key.
    """
    try:
        return DocumentRules.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise ImpossibleError(f"{str(path)!r}: {told(error)}") from error
