"""`headgate dlq`: list, show and discard dead letters; the other words of it are in the files beside."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.dead_letters.choosing import (
    Kinds,
    OfCase,
    Reasons,
    Since,
    Sources,
    Steps,
    Tenants,
    Until,
    chosen_by,
    counted,
    cursor_of,
    print_counts,
)
from commands.dead_letters.editing import dlq_edit
from commands.dead_letters.replaying import dlq_replay, dlq_replays
from commands.terminal.cli import (
    DEFAULT_DIR,
    USAGE,
    AsJson,
    By,
    DataDir,
    clear_errors,
    emit,
    fail,
    person,
    report,
    table,
    with_store,
)

if TYPE_CHECKING:
    from domain.dead_letters.choosing import LetterCount, LetterFilter
    from domain.deadletter import DeadLetterRecord
    from workers.bootstrap import Parts

PAGE = 1000  # letters that are discarded between two looks

dlq_app = typer.Typer(no_args_is_help=True, help="Dead letters: look at them, mend, replay or discard them.")
dlq_app.command("edit")(dlq_edit)
dlq_app.command("replay")(dlq_replay)
dlq_app.command("replays")(dlq_replays)


@dlq_app.command("list")
def dlq_list(
    reason: Reasons = None,
    source: Sources = None,
    tenant: Tenants = None,
    step: Steps = None,
    since: Since = None,
    until: Until = None,
    case: OfCase = None,
    status: Annotated[str, typer.Option(help="open, replayed, discarded or all.")] = "open",
    every: Annotated[bool, typer.Option("--all", help="The same as --status all.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most this many.")] = 100,
    after: Annotated[str | None, typer.Option(help="Go on after this place, with which a list ended.")] = None,
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """List dead letters, the oldest first.

    Piped, a line each, tab-separated: dead letter, reason, step, status, last error. Where there are more, the place
    after which the next list begins is said on stderr (`next` with --json).
    """
    chosen = chosen_by(
        reasons=reason, sources=source, tenants=tenant, steps=step, since=since, until=until, case=case,
        status="all" if every else status,
    )  # fmt: skip
    place = cursor_of(after)

    async def work(parts: "Parts") -> "tuple[list[DeadLetterRecord], list[LetterCount]]":
        letters = parts.store.dead_letters
        return letters.list_letters(chosen, after=place, limit=limit + 1), letters.count(chosen)

    found, counts = with_store(data_dir, work)
    rows, more = found[:limit], len(found) > limit
    following = f"{rows[-1].letter.at.isoformat()},{rows[-1].letter.dead_letter_id}" if more else None
    total = sum(count.letters for count in counts)
    if as_json:
        emit({"dead_letters": [_document(row) for row in rows], "total": total, "next": following})
    elif not rows:
        typer.echo(
            "no dead letters" + (" like that: `headgate dlq list --all` has all of them" if chosen.narrows else "")
        )
    else:
        table(
            ("dead letter", "reason", "step", "status", "last error"),
            ((r.letter.dead_letter_id, r.letter.kind, r.letter.step, r.status, r.letter.last_error[:80]) for r in rows),
        )
        if following:
            typer.echo(f"{len(rows)} of {total}; the next ones: --after {following}", err=True)


def _document(row: "DeadLetterRecord") -> dict[str, object]:
    return row.letter.model_dump(mode="json") | row.model_dump(mode="json", exclude={"letter"})


@dlq_app.command("show")
def dlq_show(
    dead_letter_id: str,
    raw: Annotated[
        Path | None, typer.Option("--raw", help="Write the exact bytes of the message to this file (- is stdout).")
    ] = None,
    edit: Annotated[
        int | None, typer.Option(min=1, help="With --raw: the bytes of this edit, not the first ones.")
    ] = None,
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Show a dead letter: the message, every attempt, the last error, what it cost, every edit and replay.

    The message is shown as text that moves no terminal. It holds personal data; do not follow its links.
    """
    from commands.dead_letters.showing import LetterPage, letter_page

    page: LetterPage = with_store(data_dir, lambda parts: letter_page(parts, dead_letter_id))
    if raw is not None:
        with clear_errors():
            body = page.bytes_of(edit)
        if str(raw) != "-":
            try:
                raw.write_bytes(body)
            except OSError as error:
                raise fail(f"--raw {str(raw)!r}: {error.strerror}", USAGE) from None
            report([dead_letter_id], f"{len(body):,} bytes written to {raw}", as_json=as_json)
            return
        if sys.stdout.isatty():
            raise fail("raw bytes could drive your terminal: send them to a file, --raw message.bin", USAGE)
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
    elif as_json:
        emit(page.document())
    else:
        for line in page.lines():
            typer.echo(line)


@dlq_app.command("discard")
def dlq_discard(
    dead_letter_ids: Annotated[list[str] | None, typer.Argument(help="Dead letters; or choose by options.")] = None,
    reason: Annotated[str, typer.Option(help="Why; recorded.")] = "",
    kind: Kinds = None,
    source: Sources = None,
    tenant: Tenants = None,
    step: Steps = None,
    since: Since = None,
    until: Until = None,
    case: OfCase = None,
    every: Annotated[bool, typer.Option("--all", help="All open dead letters.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be discarded.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before many are discarded.")] = False,
    data_dir: DataDir = DEFAULT_DIR,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Give dead letters up for good, with a reason: those named, or all open ones that the options choose."""
    chosen = chosen_by(
        ids=dead_letter_ids, reasons=kind, sources=source, tenants=tenant, steps=step, since=since,
        until=until, case=case,
    )  # fmt: skip
    if not dry_run and not reason.strip():
        raise fail("the reason is empty: say why with --reason", USAGE)
    named = bool(chosen.ids)
    if not named and not every and not chosen.narrows:
        raise fail("name dead letters, choose some by an option such as --kind, or say --all", USAGE)
    chosen, counts = with_store(data_dir, lambda parts: _look(parts, chosen))
    total = sum(count.letters for count in counts)
    if dry_run:
        if as_json:
            emit({"would_discard": total, "by_reason": counted(counts)})
            return
        print_counts(counts)
        typer.echo(f"{total} would be discarded")
        return
    if not named and total and not yes and not (sys.stdin.isatty() and typer.confirm(f"discard {total} dead letters?")):
        raise fail(f"{total} dead letters would be discarded: look with --dry-run, then say --yes", USAGE)
    if named:
        done = with_store(data_dir, lambda parts: _discard_named(parts, chosen.ids, reason, person(by)))
    else:
        done = with_store(data_dir, lambda parts: _discard_chosen(parts, chosen, reason, person(by)))
    said = "discarded" if named else f"{len(done)} discarded"
    report(done, said, line=None if named else said, as_json=as_json)


async def _look(parts: "Parts", chosen: "LetterFilter") -> "tuple[LetterFilter, list[LetterCount]]":
    """Count what is there now, and return the choice of just that: nobody was told of what comes later."""
    seen = chosen.up_to(parts.store.dead_letters.now())
    return seen, parts.store.dead_letters.count(seen)


async def _discard_named(parts: "Parts", ids: list[str], reason: str, by: str) -> list[str]:
    for dead_letter_id in ids:
        parts.store.dead_letters.discard(dead_letter_id, reason=reason, by=by, now=datetime.now(UTC))
    return ids


async def _discard_chosen(parts: "Parts", chosen: "LetterFilter", reason: str, by: str) -> list[str]:
    """Discard what is open and chosen; what somebody replays meanwhile is left out."""
    from domain.dead_letters.choosing import Cursor

    letters, done, after = parts.store.dead_letters, [], None
    while rows := letters.list_letters(chosen, after=after, limit=PAGE):
        for row in rows:
            try:
                letters.discard(row.letter.dead_letter_id, reason=reason, by=by, now=datetime.now(UTC))
            except ValueError:
                continue
            done.append(row.letter.dead_letter_id)
        after = Cursor(at=rows[-1].letter.at, dead_letter_id=rows[-1].letter.dead_letter_id)
    return done
