"""One dead letter for people: what it came with, what was tried, what it cost, what was changed, what became of it."""

import base64
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.case_details import format_cost
from domain.dead_letters.choosing import LetterFilter, statuses_of
from domain.dead_letters.editing import LetterEdit, difference
from domain.deadletter import DeadLetterRecord, DeadLetterStatus
from domain.errors import ImpossibleError, UsageError
from domain.inbound.original import read_original
from domain.inbound.shown import visible
from domain.words_to_people import one_line
from ports.store import StoredCase

if TYPE_CHECKING:
    from workers.bootstrap import Parts

NAME_CHARS = 18
VALUE_CHARS = 2000


async def letter_page(parts: "Parts", dead_letter_id: str) -> "LetterPage":
    """Gather all that is known of a dead letter. Raises KeyError if it is unknown."""
    letters = parts.store.dead_letters
    row = letters.show(dead_letter_id)
    try:
        stored = parts.store.cases.load(row.letter.case_id)
    except KeyError:
        stored = None
    every = LetterFilter(case_id=row.letter.case_id, statuses=statuses_of("all"))
    return LetterPage(row, stored, letters.edits(row.letter.case_id), letters.list_letters(every, limit=1000))


@dataclass(frozen=True)
class LetterPage:
    """A dead letter with its case as stored (None where the store lost it), its edits, and all letters of the case."""

    row: DeadLetterRecord
    stored: StoredCase | None
    edits: list[LetterEdit]
    of_case: list[DeadLetterRecord]

    def bytes_of(self, number: int | None) -> bytes:
        """Return the raw bytes that it came with, or those of an edit.

        Raises:
            UsageError: there is no such edit.
            ImpossibleError: the store does not have them.
        """
        if number is not None:
            found = [edit for edit in self.edits if edit.number == number]
            if not found:
                raise UsageError(f"--edit {number}: {self.row.letter.case_id} has {len(self.edits)} edits")
            return found[0].body
        if self.stored is None:
            raise ImpossibleError(f"the store does not have {self.row.letter.case_id}: `headgate rescue --dry-run`")
        return self.stored.body

    def document(self) -> dict[str, object]:
        """Return the page as one JSON document."""
        body, kind = self._body()
        return {
            **self.row.letter.model_dump(mode="json"),
            **self.row.model_dump(mode="json", exclude={"letter"}),
            "payload": {
                "content_type": kind,
                "bytes": len(body),
                "edited": bool(self.edits),
                "parts": [part.model_dump() for part in read_original(kind, body)],
                "body_base64": base64.b64encode(body).decode(),
            },
            "edits": [
                edit.model_dump(mode="json", exclude={"body", "reading"}) | {"diff": diff}
                for edit, diff in self._differences()
            ],
            "letters_of_case": [_line_of(row) for row in self.of_case],
        }

    def lines(self) -> Iterator[str]:
        """Yield the page for people; the sender's words have a bar before each line."""
        for name, value in self._rows():
            if value:
                yield f"{name:{NAME_CHARS}} {one_line(value, VALUE_CHARS)}"
        for edit, diff in self._differences():
            yield line_of_edit(edit)
            yield textwrap.indent("\n".join(diff), "  | ", lambda _: True)
        body, kind = self._body()
        yield f"message{', as it was edited last' if self.edits else ''}: {visible(kind[:200])}, {len(body):,} bytes"
        for part in read_original(kind, body):
            yield part.title
            if part.text:
                yield textwrap.indent(part.text.rstrip("\n"), "  | ", lambda _: True)

    def _body(self) -> tuple[bytes, str]:
        if self.edits:
            return self.edits[-1].body, self.edits[-1].content_type
        return (self.stored.body, self.stored.content_type) if self.stored is not None else (b"", "")

    def _differences(self) -> Iterator[tuple[LetterEdit, list[str]]]:
        before = (self.stored.content_type, self.stored.body) if self.stored is not None else ("", b"")
        for edit in self.edits:
            yield edit, difference(before, (edit.content_type, edit.body))
            before = (edit.content_type, edit.body)

    def _rows(self) -> Iterator[tuple[str, str]]:
        row, letter = self.row, self.row.letter
        yield "dead letter", letter.dead_letter_id
        changed = f", by {row.changed_by} at {row.changed_at:%Y-%m-%d %H:%M:%S} UTC" if row.changed_at else ""
        yield "status", f"{row.status}{changed}" + (f": {row.reason}" if row.reason else "")
        yield "case", letter.case_id
        yield "reason", letter.kind
        yield "step", letter.step
        yield "source", letter.source
        yield "tenant", row.tenant
        yield "given up", f"{letter.at:%Y-%m-%d %H:%M:%S} UTC"
        yield "last error", letter.last_error
        for attempt in letter.attempts:
            yield "attempts", f"{attempt.at} {attempt.step}: {attempt.error_type}: {attempt.message}"
        yield "cost so far", f"{letter.cost_micros} µ$ ({format_cost(letter.cost_micros)})"
        yield "blueprint", letter.blueprint_version
        yield "trace", letter.trace_id
        yield "run", row.run
        for other in self.of_case:
            if other.letter.dead_letter_id != letter.dead_letter_id or other.replays:
                yield "replays", _line_of(other)
        yield "original", f"headgate cases original {letter.case_id}"
        if row.status is DeadLetterStatus.OPEN:
            yield "next", f"headgate dlq edit {letter.dead_letter_id} --reason …"
            yield "next", f"headgate dlq replay {letter.dead_letter_id}"


def line_of_edit(edit: LetterEdit) -> str:
    """Say who edited an input, when and why."""
    by, why = one_line(edit.by, 80), one_line(edit.reason, 300)
    return f"edit {edit.number} by {by} at {edit.at:%Y-%m-%d %H:%M:%S} UTC: {why}"


def _line_of(row: DeadLetterRecord) -> str:
    who = f" by {row.changed_by} at {row.changed_at:%Y-%m-%d %H:%M:%S} UTC" if row.changed_at else ""
    run = f" in {row.run}" if row.run else ""
    return f"{row.letter.dead_letter_id}: {row.letter.kind} at {row.letter.step}, {row.status}{who}{run}"
