"""`headgate eval record`: a set for `eval routing` and `eval all` from cases of the store."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.terminal.cli import DEFAULT_DIR, WRONG, AsJson, DataDir, emit, with_store

if TYPE_CHECKING:
    from commands.evaluation.recorded_cases import Recording
    from workers.bootstrap import Parts


def eval_record(
    out: Annotated[Path, typer.Option("--out", dir_okay=False, help="The file to write; it must not be there yet.")],
    since: Annotated[
        str | None, typer.Option(help="Only of messages that came since then: 2h, 7d, or 2026-06-15T09:30 (UTC).")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="So many lines at most, of the newest cases.")] = None,
    route: Annotated[
        list[str] | None,
        typer.Option("--route", help="Only of these categories (may be repeated); `none`: those that belong to none."),
    ] = None,
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Write ended cases as labelled lines: the message with personal data replaced, and the category it ended with.

    What still looks like personal data is left out, and so is what nobody can label. Names that no phrase announces
    are found only with `headgate models install names`: read the file before you pass it on.
    """

    async def work(parts: "Parts") -> "tuple[Recording, bool]":
        from commands.evaluation.recorded_cases import NONE, record_cases
        from commands.measure.scoring import category_names
        from commands.results.keeping import write
        from domain.dead_letters.choosing import moment
        from domain.errors import UsageError, not_among
        from workers.local_models.installed import open_name_finder

        if out.exists():
            raise UsageError(f"{str(out)!r} is there already: name another file, or remove it")
        categories = category_names(parts)
        for name in route or ():
            if name not in {*categories, NONE}:
                raise not_among("--route", name, [*categories, NONE])
        begun = moment("--since", since, datetime.now(UTC))
        found = record_cases(
            parts.store.reports.cases_since(begun),
            parts.store.cases.load,
            parts.store.cases.ending,
            parts.cleaner,
            categories,
            wanted=route or (),
            limit=limit,
        )
        if found.lines:
            write(out, "".join(f"{line.model_dump_json()}\n" for line in found.lines))
        return found, open_name_finder(parts.settings.names) is not None

    found, finds_names = with_store(data_dir, work)
    message = f"{found.message}; written to {out}" if found.lines else f"{found.message}; nothing was written"
    if found.lines and not finds_names:
        message += (
            "; names that no phrase announces were not looked for (`headgate models install names`): read it first"
        )
    if as_json:
        emit(
            {
                "ids": [line.id for line in found.lines],
                "accepted": bool(found.lines),
                "message": message,
                "left_out": dict(found.left_out),
            }
        )
    else:
        typer.echo(message, err=not found.lines)
    if not found.lines:
        raise typer.Exit(WRONG)
