"""An input that an operator mended: what becomes of its case, and what the change was.

Whoever edits says what the customer is taken to have written. So a case whose input was edited pays nothing without a
person's approval (`domain/authority/on_record.py`), and no later edit takes that mark away.
"""

import difflib
from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, Field

from domain.case import EDITED, CaseInput
from domain.inbound.original import read_original
from domain.messages.bounds import Line
from domain.words_to_people import one_line

DIFF_LINES = 2_000
_READ = ("subject", "text", "lang", "customer_id", "order_id", "amount", "currency", "tenant")
_TAKEN = (
    "tenant", "lang", "subject", "text", "customer_id", "order_id", "amount", "currency", "skip_to_human", "machine",
    "about_case", "from_document",
)  # fmt: skip


class LetterEdit(BaseModel):
    """An edit of the input of a case, the first is number 1. `reading` says by which names its body is read (as the
    holding pen keeps it).
    """

    case_id: str
    number: int = Field(ge=1)
    dead_letter_id: str
    content_type: Line
    body: bytes
    reading: str = ""
    by: Line
    reason: Line
    at: datetime


def was_read(case: CaseInput) -> bool:
    """Return whether anything of a case's message could be read when it was admitted."""
    return bool(case.text or case.subject)


def why_not_taken(stored: CaseInput, fresh: CaseInput) -> str | None:
    """Return why an edited input cannot take the place of the one on record, None if it can."""
    if was_read(stored) and fresh.tenant != stored.tenant:
        return f"it names the tenant {fresh.tenant!r}, and the case is of {stored.tenant!r}: a case keeps its tenant"
    return None


def edited_input(stored: CaseInput, fresh: CaseInput, edits: Sequence[LetterEdit]) -> CaseInput:
    """Return a case with its newest edited input, read anew (`fresh`), in place of the one that it came with.

    What is odd about either is odd about the result. Its policy stays, but of a message that could not be read, and so
    had no tenant of its own.
    """
    changed = [name for name in _READ if getattr(stored, name) != getattr(fresh, name)]
    edit = edits[-1]
    by = one_line(edit.by, 80)
    said = f"its input was edited by {by} on {edit.at:%Y-%m-%d %H:%M} UTC ({', '.join(changed) or 'nothing read'})"
    return stored.model_copy(
        update={
            **{name: getattr(fresh, name) for name in _TAKEN},
            "channel": fresh.channel,
            "flags": sorted({*stored.flags, *fresh.flags, EDITED}),
            "suspicious": stored.suspicious or fresh.suspicious,
            "notes": [said, *stored.notes, *(note for note in fresh.notes if note not in stored.notes)],
            "policy": stored.policy if was_read(stored) else fresh.policy,
            "edited_by": list(dict.fromkeys([*stored.edited_by, *(one.by for one in edits)])),
        }
    )


def difference(before: tuple[str, bytes], after: tuple[str, bytes]) -> list[str]:
    r"""Return what an edit changed, as the lines of a unified diff of what people read of both; content types and
    bodies. Hidden characters are written out. Takes time in proportion to the bodies for most edits.

    >>> difference(("text/plain", b"pay 20\nthanks"), ("text/plain", b"pay 200\nthanks"))
    ['-pay 20', '+pay 200', ' thanks']
    """
    if before == after:
        return []
    old, new = _lines(*before), _lines(*after)
    lines = difflib.unified_diff(old, new, n=2, lineterm="")
    shown = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
    if before[0] != after[0]:
        shown = [f"-({one_line(before[0], 200)})", f"+({one_line(after[0], 200)})", *shown]
    if not shown:
        return ["(bytes that are read as the same)"]
    return shown if len(shown) <= DIFF_LINES else [*shown[:DIFF_LINES], f"({len(shown) - DIFF_LINES} more lines)"]


def _lines(content_type: str, body: bytes) -> Sequence[str]:
    return [line for part in read_original(content_type, body) for line in part.text.splitlines()]
