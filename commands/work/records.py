"""`headgate records`: customers, orders and charges from files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.terminal.cli import DEFAULT_DIR, WRONG, AsJson, DataDir, emit, with_store

if TYPE_CHECKING:
    from domain.importing.problems import ImportReport
    from workers.bootstrap import Parts

records_app = typer.Typer(no_args_is_help=True, help="Your customers, orders and charges, from files.")


@records_app.command("import")
def records_import(
    path: Annotated[
        Path,
        typer.Argument(
            exists=True,
            help="A folder of customers.csv, orders.csv, charges.csv, order_lines.csv, accounts.csv, territories.csv, "
            "or one of them.",
        ),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and say what would change.")] = False,
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Load records from CSV files.

    All files are checked first; with a single problem nothing is written. The same files again change nothing, a
    changed row changes its record, and what is not in the files stays. docs/records.md has the columns.
    """

    async def work(parts: "Parts") -> "ImportReport":
        from domain.errors import UsageError

        try:
            return parts.import_records(path, dry_run=dry_run)
        except OSError as error:
            raise UsageError(
                f"{str(path)!r} cannot be read ({error.strerror}): name a file or folder that can"
            ) from error

    report = with_store(data_dir, work)
    message = outcome(report)
    if as_json:
        good = report.problem_count == 0
        emit({"ids": report.files, "accepted": good, "message": message, **report.model_dump(exclude={"files"})})
    else:
        _print(report, message)
    if report.problem_count:
        raise typer.Exit(WRONG)


def outcome(report: "ImportReport") -> str:
    """Return in one line what became of an import."""
    if report.problem_count:
        plural = "" if report.problem_count == 1 else "s"
        return f"{report.problem_count} problem{plural}: nothing was written"
    if report.dry_run:
        return "no problems: without --dry-run this would be written"
    changed = sum(count.added + count.changed + count.removed for count in report.counts.values())
    return f"{changed} records written" if changed else "nothing to write: the store has all of it"


def _print(report: "ImportReport", message: str) -> None:
    for problem in report.problems:
        typer.echo(str(problem), err=True)
    hidden = report.problem_count - len(report.problems)
    if hidden:
        typer.echo(f"… and {hidden} more", err=True)
    if not report.problem_count:
        for kind, count in report.counts.items():
            removed = f", {count.removed} removed" if count.removed else ""
            typer.echo(f"{kind:12} {count.added} added, {count.changed} changed, {count.unchanged} unchanged{removed}")
    typer.echo(message, err=bool(report.problem_count))
