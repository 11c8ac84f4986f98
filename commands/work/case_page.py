"""One case for people: what it is, whose, where it stands, what moved, what it waits for and what to type next."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from client.case_filters import ENDED_OUTSIDE
from client.case_rows import CaseRow
from commands.terminal.cli import settings_for
from commands.work.case_fields import field_lines, without_fields
from commands.work.case_letters import letter_rows, letter_text, letters_on_record
from domain.briefs.request import request_rows
from domain.case import CaseMessage, CaseState, CaseStatus, EffectRecord
from domain.case_details import effect_line, format_cost
from domain.conversations.since import times

if TYPE_CHECKING:
    from workers.bootstrap import Parts

TEXT_SHOWN = 4000
"""Characters of a message that `cases show` prints."""
UNHEARD = "its workflow says nothing of it: it failed at its start, or no case worker is there"
FORGOTTEN = "Temporal does not know it any more: this is what the store has on record"
NOWHERE = "nowhere"  # on record as open, and no workflow has it
_NAME_CHARS = 13
_STANDS = {
    CaseState.RUNNING: "is being worked",
    CaseState.WAITING_APPROVAL: "waits for an approval",
    CaseState.WAITING_HUMAN: "waits for a person",
    CaseState.WAITING_CUSTOMER: "waits for its customer's answer",
    CaseState.PARKED: "is parked",
    CaseState.DONE: "done",
    CaseState.REJECTED: "rejected",
    CaseState.DEAD_LETTERED: "given up: a dead letter",
    CaseState.CANCELLED: "cancelled",
    NOWHERE: "is open, and no workflow works it",
    "terminated": "ended in Temporal's own tools",
    "failed": "its workflow failed: it never came to an end of ours",
    "timed_out": "its workflow ran out of time",
}


def settling_of(data_dir: Path, case_id: str) -> dict[str, object]:
    """Return the refunds of a case that were pending, under one name; nothing where there are none or no store is here.

    The case itself has ended by then. A store that does not answer is said to do so: all else of the case can be shown
    without it.
    """
    from domain.errors import TransientError

    try:
        with _parts_here(data_dir) as parts:
            found = parts.store.settling.of_case(case_id) if parts is not None else []
    except TransientError as error:
        return {"refunds_pending": f"not known: {error}"}
    return {"refunds_pending": [settled.model_dump(mode="json") for settled in found]} if found else {}


def letters_of(data_dir: Path, case_id: str) -> dict[str, object]:
    """Return the letters of a case, under one name; nothing where no store is here."""
    from domain.errors import TransientError

    try:
        with _parts_here(data_dir) as parts:
            return {} if parts is None else {"letters": letters_on_record(parts, case_id)}
    except TransientError as error:
        return {"letters": f"not known: {error}"}


def edits_of(data_dir: Path, case_id: str) -> dict[str, object]:
    """Return who edited the input of a case, under one name; nothing where nobody did, or no store is here."""
    from commands.dead_letters.showing import line_of_edit
    from domain.errors import TransientError

    try:
        with _parts_here(data_dir) as parts:
            found = parts.store.dead_letters.edits(case_id) if parts is not None else []
    except TransientError as error:
        return {"edits": [f"not known: {error}"]}
    return {"edits": [line_of_edit(edit) for edit in found]} if found else {}


def on_record(data_dir: Path, case_id: str) -> tuple[dict[str, Any], CaseMessage] | None:
    """Return what the store has of a case that Temporal does not know, None where it has nothing.

    Temporal forgets ended cases after the retention of its namespace, and all where its state is lost.

    Raises:
        TransientError: the store does not answer.
    """
    with _parts_here(data_dir) as parts:
        try:
            stored = parts.store.cases.load(case_id) if parts is not None else None
        except KeyError:
            stored = None
        if parts is None or stored is None:
            return None
        case = stored.case
        outcome = parts.store.cases.ending(case_id, case.replay)
    row = CaseRow(
        case_id=case_id,
        state=outcome.state if outcome is not None else NOWHERE,
        tenant=case.tenant,
        started_at=case.received_at,
    )
    status = CaseStatus(case_id=case_id, state=CaseState.RUNNING, notices=[FORGOTTEN])
    ended = {} if outcome is None else outcome.model_dump(mode="json", exclude={"source", "human", "received_at"})
    message = CaseMessage(subject=case.subject, text=case.text, lang=case.lang, flags=case.flags, notes=case.notes)
    return status.model_dump(mode="json") | row.model_dump(mode="json") | ended, message


@contextmanager
def _parts_here(data_dir: Path) -> "Iterator[Parts | None]":
    """Open the store, None where none is here: its commands may run on another machine than the store."""
    from workers.bootstrap import Parts

    settings = settings_for(data_dir)
    if not settings.store_url and not (settings.data_dir / "store.db").exists():
        yield None
        return
    parts = Parts(settings)
    try:
        yield parts
    finally:
        parts.close()


def case_page(case: Mapping[str, Any], message: CaseMessage) -> Iterator[str]:
    """Yield the lines of a case's page, of the document that `cases show --json` prints.

    Untrusted text is in it: what could move the cursor of a terminal is left out.
    """
    yield f"{case['case_id']}: {_STANDS.get(case['state'], case['state'])}"
    for name, value in _rows(case, message):
        if value:
            yield f"  {name:{_NAME_CHARS}} {_shown(value)}"
    for line in field_lines(case.get("fields", []), message.asked_for):
        yield f"  {'field':{_NAME_CHARS}} {_printable(line)}"
    yield from letter_text(case.get("letters"))
    text = "".join(c if c.isprintable() or c == "\n" else " " for c in message.text[:TEXT_SHOWN])
    yield textwrap.indent(text, "  | ", lambda _: True)
    if len(message.text) > TEXT_SHOWN:
        yield f"  … {len(message.text) - TEXT_SHOWN} more characters: --json shows them"


def _rows(case: Mapping[str, Any], message: CaseMessage) -> Iterator[tuple[str, str]]:
    subject = f"“{message.subject}”" if message.subject else "no subject"
    yield "what", f"{subject}, {case['category'] or ('no category' if case['closed_at'] else 'no category yet')}"
    language = "" if message.lang == "und" else f", language {message.lang}"
    yield "who", f"tenant {case['tenant'] or 'not known'}, by source {case['case_id'].split('/')[1]}{language}"
    yield "decision", case["finding"]
    yield "waits for", _waits(case)
    yield from letter_rows(case["state"], case.get("letters"), message.asked_for)
    effects = [EffectRecord.model_validate(effect) for effect in case["effects"]]
    yield "done", "" if effects else "nothing was paid or recorded for it"
    yield from (("done", effect_line(effect)) for effect in effects)
    yield from _pending(case.get("refunds_pending", []))
    yield from (("edited", line) for line in case.get("edits", []))
    yield from (("next", line) for line in _next(case))
    yield "came in", _when(case["started_at"])
    yield "ended", _when(case["closed_at"])
    usage = case["usage"]
    yield "cost", f"{format_cost(usage['cost_micros'])} ({usage['calls']} model calls)"
    yield "blueprint", case["blueprint_version"] or ""
    yield "replayed", times(case["replay"]) if case.get("replay") else ""
    yield "marks", ", ".join(message.marks)
    notes = without_fields([*message.notes, *case["notices"]], case.get("fields", []))
    yield from (("note", note) for note in dict.fromkeys(notes))
    unread = message.unread
    yield "wrote again", f"{times(len(message.answers))}, {unread} unread" if message.answers else ""
    yield from request_rows(message.request)


def _waits(case: Mapping[str, Any]) -> str:
    until = f", until {_when(case['waits_until'])}" if case["waits_until"] else ""
    return f"{case['waits_for']}{until}" if case["waits_for"] else ""


def _pending(refunds: Sequence[Mapping[str, Any]] | str) -> Iterator[tuple[str, str]]:
    if isinstance(refunds, str):
        yield "refund", refunds
        return
    for refund in refunds:
        why = f": {refund['why']}" if refund.get("why") else ""
        yield "refund", f"{refund['key']}, pending at the provider at first: {refund['settling']}{why}"


def _next(case: Mapping[str, Any]) -> list[str]:
    """Return the commands that can be typed next, the likeliest first."""
    case_id, state = case["case_id"], case["state"]
    original = f"headgate cases original {case_id}"
    if state == NOWHERE:
        return ["headgate rescue"]
    if state in ENDED_OUTSIDE:
        return [f'headgate cases close {case_id} --reason "…"']
    if state == CaseState.WAITING_HUMAN:
        return [
            f"headgate cases route {case_id} CATEGORY",
            f'headgate cases answer {case_id} --text "…"',
            f'headgate cases close {case_id} --reason "…"',
            original,
        ]
    if state == CaseState.WAITING_APPROVAL:
        named = str(case["waits_for"]).removeprefix("approval ")
        return [f"headgate approvals show {named}" if named.startswith(case_id) else "headgate approvals list"]
    if state == CaseState.DEAD_LETTERED and case.get("dead_letter_id"):
        letter = case["dead_letter_id"]
        return [f"headgate dlq show {letter}", f"headgate dlq replay {letter}"]
    if state == CaseState.PARKED:
        about = "models status" if " is out" in str(case["waits_for"]) else "budget show"
        return [f"headgate {about}", f"headgate cases resume {case_id}", f"headgate cases cancel {case_id}"]
    if state == CaseState.RUNNING:
        return [f"headgate cases follow {case_id}"]
    return [f"headgate cases cancel {case_id}", original] if state == CaseState.WAITING_CUSTOMER else [original]


def _when(moment: str | None) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M} UTC" if moment else ""


def _shown(value: str) -> str:
    return " ".join(_printable(value).split())


def _printable(value: str) -> str:
    return "".join(c if c.isprintable() else " " for c in value)
