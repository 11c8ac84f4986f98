"""What is wrong with files of records, and what became of them."""

from pydantic import BaseModel, Field

MOST_KEPT = 100
"""So many problems are told one by one; the others are counted."""
_VALUE_CHARS = 64


class Problem(BaseModel):
    """One thing that is wrong: where it stands, the value, what was expected, and what to do."""

    file: str
    line: int | None = None
    column: str | None = None
    value: str | None = None
    expected: str
    remedy: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        what = " ".join(part for part in (self.column, None if self.value is None else repr(self.value)) if part)
        return f"{where}{f' {what}' if what else ''}: {self.expected}; {self.remedy}"


class Problems:
    """Collects what is wrong; keeps the first `MOST_KEPT` and counts all."""

    def __init__(self) -> None:
        self.first: list[Problem] = []
        self.count = 0

    def add(
        self,
        file: str,
        expected: str,
        remedy: str,
        *,
        line: int | None = None,
        column: str | None = None,
        value: object = None,
    ) -> None:
        """Note a problem."""
        self.count += 1
        if len(self.first) < MOST_KEPT:
            text = None if value is None else str(value)
            if text is not None and len(text) > _VALUE_CHARS:
                text = f"{text[:_VALUE_CHARS]}…"
            self.first.append(
                Problem(file=file, line=line, column=column, value=text, expected=expected, remedy=remedy)
            )


class Counts(BaseModel):
    """How many records of a kind are new, are other than before, are as they were, and are there no more.

    Only lines of an order can be no more: a file that names an order has all of its lines.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0


class ImportReport(BaseModel):
    """What an import did, or on a dry run would do; `counts` by kind. With any problem nothing was written."""

    files: list[str] = Field(default_factory=list)
    dry_run: bool = False
    counts: dict[str, Counts] = Field(default_factory=dict)
    problems: list[Problem] = Field(default_factory=list)
    problem_count: int = 0
