"""`headgate dlq`: list, show, replay and discard dead letters."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from commands.terminal.cli import (
    DEFAULT_DIR,
    USAGE,
    AsJson,
    By,
    DataDir,
    emit,
    fail,
    person,
    report,
    table,
    with_headgate_and_store,
    with_store,
)

if TYPE_CHECKING:
    from client.headgate import Headgate
    from workers.bootstrap import Parts

dlq_app = typer.Typer(no_args_is_help=True, help="Dead letters: look at them, replay or discard them.")


@dlq_app.command("list")
def dlq_list(
    data_dir: DataDir = DEFAULT_DIR,
    every: Annotated[bool, typer.Option("--all", help="Replayed and discarded ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List dead letters, the oldest first.

    Piped, a line each, tab-separated: dead letter, kind, step, status, last error.
    """

    async def work(parts: "Parts") -> list[dict[str, object]]:
        from domain.deadletter import DeadLetterStatus

        wanted = None if every else DeadLetterStatus.OPEN
        return [
            row.letter.model_dump(mode="json") | row.model_dump(mode="json", exclude={"letter"})
            for row in parts.store.dead_letters.list_letters(status=wanted, limit=100_000)
        ]

    rows = with_store(data_dir, work)
    if as_json:
        emit({"dead_letters": rows})
    elif not rows:
        typer.echo("no dead letters")
    else:
        table(
            ("dead letter", "kind", "step", "status", "last error"),
            ((r["dead_letter_id"], r["kind"], r["step"], r["status"], str(r["last_error"])[:80]) for r in rows),
        )


@dlq_app.command("show")
def dlq_show(dead_letter_id: str, data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Show a dead letter: every attempt, the payload's place, cost, trace."""

    async def work(parts: "Parts") -> dict[str, object]:
        row = parts.store.dead_letters.show(dead_letter_id)
        return row.letter.model_dump(mode="json") | row.model_dump(mode="json", exclude={"letter"})

    document = with_store(data_dir, work)
    if as_json:
        emit(document)
        return
    for name, value in document.items():
        if isinstance(value, list):
            for attempt in value:
                typer.echo(
                    f"{name:18} {attempt['at']} {attempt['step']}: {attempt['error_type']}: {attempt['message']}"
                )
        elif value not in ("", None):
            typer.echo(f"{name:18} {value}")
    typer.echo(f"{'original':18} headgate cases original {document['case_id']}")


@dlq_app.command("replay")
def dlq_replay(
    dead_letter_id: Annotated[str | None, typer.Argument(help="One dead letter; or use --all.")] = None,
    data_dir: DataDir = DEFAULT_DIR,
    every: Annotated[bool, typer.Option("--all", help="All open dead letters.")] = False,
    kind: Annotated[str | None, typer.Option(help="With --all: only this kind, e.g. transient.")] = None,
    rate: Annotated[float, typer.Option(min=0.1, help="Replays per second.")] = 5.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be replayed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start dead-lettered cases again, with the same keys for money: what was paid is not paid again."""
    from commands.work.replaying import replay_letters
    from domain.errors import FailureKind, not_among

    if (dead_letter_id is None) == (not every):
        raise fail("name one dead letter, or say --all", USAGE)
    if kind is not None and kind not in set(FailureKind):
        raise fail(str(not_among("kind", kind, FailureKind)), USAGE)

    async def work(headgate: "Headgate", parts: "Parts") -> dict[str, str]:
        return await replay_letters(
            parts, headgate, dead_letter_id=dead_letter_id, kind=kind, rate=rate, dry_run=dry_run
        )

    replayed = with_headgate_and_store(data_dir, work)
    report(
        list(replayed),
        f"{len(replayed)} {'would be started' if dry_run else 'started'} again" if replayed else "nothing to replay",
        line="\n".join(f"{letter}: {done}" for letter, done in replayed.items()) or "nothing to replay",
        as_json=as_json,
    )


@dlq_app.command("discard")
def dlq_discard(
    dead_letter_id: str,
    reason: Annotated[str, typer.Option(help="Why; recorded.")],
    data_dir: DataDir = DEFAULT_DIR,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Give a dead letter up for good, with a reason."""
    if not reason.strip():
        raise fail("the reason is empty: say why with --reason", USAGE)

    async def work(parts: "Parts") -> None:
        parts.store.dead_letters.discard(dead_letter_id, reason=reason, by=person(by), now=datetime.now(UTC))

    with_store(data_dir, work)
    report([dead_letter_id], "discarded", as_json=as_json)
