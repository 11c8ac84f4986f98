"""`headgate dlq edit`: mend the input of a dead letter before it is replayed."""

import os
import shlex
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.terminal.cli import DEFAULT_DIR, USAGE, AsJson, By, DataDir, emit, fail, person, with_store
from domain.errors import ImpossibleError

if TYPE_CHECKING:
    from commands.dead_letters.showing import LetterPage
    from domain.case import CaseInput
    from domain.dead_letters.editing import LetterEdit
    from workers.bootstrap import Parts


def dlq_edit(
    dead_letter_id: str,
    reason: Annotated[str, typer.Option(help="Why; recorded.")] = "",
    file: Annotated[str | None, typer.Option("--file", help="Take the new message from this file; - is stdin.")] = None,
    content_type: Annotated[
        str | None, typer.Option("--content-type", help="Of the new message; default: as it was.")
    ] = None,
    data_dir: DataDir = DEFAULT_DIR,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Change what an open dead letter is replayed with: in $EDITOR, or by a file.

    The new message must be readable as the intake reads it. What it came with is kept for ever; who changed what, when
    and why stands in `dlq show` and on the case's page. A replay reads and cleans the new message, and pays nothing for
    it before somebody other than whoever edited it approved.
    """
    from commands.dead_letters.showing import letter_page

    if not reason.strip():
        raise fail("the reason is empty: say why with --reason", USAGE)
    page: LetterPage = with_store(data_dir, lambda parts: letter_page(parts, dead_letter_id))
    if page.stored is None:
        raise fail(f"the store does not have {page.row.letter.case_id}: `headgate rescue --dry-run`")
    _warn(page, person(by))
    before = page.edits[-1] if page.edits else page.stored
    kept: Path | None = None
    if file is None:
        kept = _edited(before.body, as_text=page.row.letter.dead_letter_id)
        body = kept.read_bytes()
    else:
        body = _read(file)
    kind = content_type or before.content_type
    if (body, kind) == (before.body, before.content_type):
        _forget(kept)
        raise fail(f"{dead_letter_id}: nothing was changed, so nothing was kept")
    try:
        edit = with_store(
            data_dir,
            lambda parts: _keep(parts, page, body, kind, by=person(by), reason=reason.strip()),
        )
    except typer.Exit:
        if kept is not None:
            typer.echo(f"what you wrote is in {kept}: mend it, then `--file {kept}`", err=True)
        raise
    _forget(kept)
    _tell(page, edit, as_json=as_json)


def _warn(page: "LetterPage", by: str) -> None:
    """Say beforehand where an edit leaves nobody who may approve the money of the case."""
    from domain.authority.on_record import not_approvable_for_edits

    assert page.stored is not None
    editors = [*page.stored.case.edited_by, *(edit.by for edit in page.edits), by]
    what = not_approvable_for_edits(page.stored.case.model_copy(update={"edited_by": editors}))
    if what is not None:
        typer.echo(
            f"warning: once {by} edited this, {what} can be paid for it: nobody else may approve it, and the case goes "
            "to the human lane; have somebody edit it who approves nothing",
            err=True,
        )


async def _keep(
    parts: "Parts", page: "LetterPage", body: bytes, content_type: str, *, by: str, reason: str
) -> "LetterEdit":
    """Keep an edit once it was read as a replay will read it.

    Raises:
        PoisonError: it cannot be read.
        ImpossibleError: the letter is not open, somebody else edited it meanwhile, or nobody here knows how it is read.
        TransientError: the pen cannot say just now.
    """
    from domain.dead_letters.editing import LetterEdit

    stored = page.stored
    assert stored is not None
    edit = LetterEdit(
        case_id=page.row.letter.case_id,
        number=len(page.edits) + 1,
        dead_letter_id=page.row.letter.dead_letter_id,
        content_type=content_type,
        body=body,
        reading=page.edits[-1].reading if page.edits else await _reading_of(parts, stored.case),
        by=by,
        reason=reason,
        at=datetime.now(UTC),
    )
    parts.message_reader.read_edit(stored, [*page.edits, edit])
    parts.store.dead_letters.edit(edit)
    return edit


async def _reading_of(parts: "Parts", case: "CaseInput") -> str:
    """Return by which names a message is read: as the pen keeps it, or once that forgot, as its source has it now.

    Raises:
        ImpossibleError: neither is known here; by other names it would say something else.
    """
    from gateway.webhooks.sources import SourceRegistry

    settings = parts.settings
    here = bool(settings.inbox) or settings.inbox_file.exists()  # the embedded pen may be on another machine
    kept = await parts.inbox.kept(case.case_id) if here else None
    if kept is not None:
        return kept.reading
    file = settings.sources_file
    source = SourceRegistry(file).get(case.source) if file.exists() else None
    if source is None:
        raise ImpossibleError(
            f"nobody here knows by which names {case.case_id} is read: its pen is elsewhere or forgot it, and "
            f"{str(file)!r} does not name the source {case.source!r}: run this where the gateway's "
            "sources.json is (--data-dir)"
        )
    return source.reading_text


def _tell(page: "LetterPage", edit: "LetterEdit", *, as_json: bool) -> None:
    from domain.dead_letters.editing import difference

    assert page.stored is not None
    before = page.edits[-1] if page.edits else page.stored
    diff = difference((before.content_type, before.body), (edit.content_type, edit.body))
    if as_json:
        emit({"ids": [edit.dead_letter_id], "accepted": True, "message": f"edit {edit.number} kept", "diff": diff})
        return
    for line in diff:
        typer.echo(f"  | {line}")
    typer.echo(
        f"{edit.dead_letter_id}: edit {edit.number} kept; `headgate dlq replay {edit.dead_letter_id}` works with it"
    )


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise fail(f"--file {file!r}: {error.strerror}", USAGE) from None


def _edited(body: bytes, *, as_text: str) -> Path:
    """Let the operator edit some bytes; return the file, in a folder that is theirs alone."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
    if not editor.strip():
        raise fail("no editor is set: EDITOR=vi headgate dlq edit …, or --file FILE", USAGE)
    folder = Path(tempfile.mkdtemp(prefix="headgate-edit-"))
    file = folder / (as_text.rsplit("/", 3)[1] + ".txt")
    file.write_bytes(body)
    try:
        ended = subprocess.run([*shlex.split(editor), str(file)], check=False).returncode
    except OSError as error:
        raise fail(f"the editor {editor!r} cannot be started: {error.strerror}", USAGE) from None
    if ended != 0:
        raise fail(f"the editor {editor!r} ended with {ended}: nothing was kept; what you wrote is in {file}")
    return file


def _forget(kept: Path | None) -> None:
    """Remove what the editor worked on: it holds personal data."""
    if kept is not None:
        for file in kept.parent.iterdir():
            file.unlink(missing_ok=True)
        kept.parent.rmdir()
