"""`headgate ledger` and `headgate effects`: the books, and the kill switch."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.terminal.cli import DEFAULT_DIR, WRONG, AsJson, By, DataDir, emit, person, report, table, with_store

if TYPE_CHECKING:
    from domain.authority.reconciling import ReconcileReport
    from workers.bootstrap import Parts


ledger_app = typer.Typer(no_args_is_help=True, help="The effects and the books.")


effects_app = typer.Typer(no_args_is_help=True, help="The kill switch: stop and allow effects.")


@ledger_app.command("export")
def ledger_export(data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Print the executed effects; with --json also the entries of the books.

    Piped, a line each, tab-separated: time, kind, amount in minor units, currency, payee, approval, key.
    """

    async def work(parts: "Parts") -> dict[str, object]:
        return parts.store.reports.ledger_export().model_dump(mode="json")

    document = with_store(data_dir, work)
    if as_json:
        emit(document)
        return
    effects = document["effects"]
    if not effects:
        typer.echo("no effects yet")
        return
    table(
        ("at", "kind", "amount, minor", "currency", "payee", "approval", "key"),
        (
            (e["at"], e["kind"], e["amount_minor"], e["currency"], e["payee"], e["approval_id"], e["key"])
            for e in effects  # type: ignore[attr-defined]  # a JSON document
        ),
    )


@ledger_app.command("reconcile")
def ledger_reconcile(
    data_dir: DataDir = DEFAULT_DIR,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is missing.")] = False,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Book what the payment provider's log has and the ledger lacks, as after a restored backup.

    Exit 1 if other money stands under a key there than in the ledger: a person must look.
    """

    async def work(parts: "Parts") -> "ReconcileReport":
        log, now = await parts.rail.log(), datetime.now(UTC)
        return await asyncio.to_thread(parts.reconciler.reconcile, log, now, by=person(by), dry_run=dry_run)

    found = with_store(data_dir, work)
    if as_json:
        emit(found.model_dump(mode="json") | {"missing": found.missing})
    else:
        for key in (*found.unknown, *found.unbooked):
            typer.echo(f"{key}: {'would be booked' if dry_run else 'booked'}")
        for key in found.differs:
            typer.echo(f"{key}: the provider paid other money than the ledger says", err=True)
        done = "are missing" if dry_run else "were booked"
        typer.echo(f"{found.missing} of {found.looked_at} payments {done}")
    if found.differs:
        raise typer.Exit(WRONG)


@effects_app.command("stop")
def effects_stop(
    reason: Annotated[str, typer.Option(help="Why; refused payments say it.")],
    data_dir: DataDir = DEFAULT_DIR,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Stop all new effects at once; cases that would pay go to the human lane."""
    _switch_effects(data_dir, stopped=True, reason=reason, by=by, as_json=as_json)


@effects_app.command("allow")
def effects_allow(
    reason: Annotated[str, typer.Option(help="Why; recorded.")],
    data_dir: DataDir = DEFAULT_DIR,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Allow effects again."""
    _switch_effects(data_dir, stopped=False, reason=reason, by=by, as_json=as_json)


def _switch_effects(data_dir: Path, *, stopped: bool, reason: str, by: str, as_json: bool) -> None:
    async def work(parts: "Parts") -> None:
        parts.store.switches.set_effects(stopped=stopped, by=person(by), reason=reason, now=datetime.now(UTC))

    with_store(data_dir, work)
    message = "effects are stopped" if stopped else "effects are allowed"
    report(["effects"], message, line=message, as_json=as_json)
