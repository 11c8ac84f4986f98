"""`headgate eval all` and `headgate eval compare`: every set that there is, and what changed since an earlier run."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.measure.eval import Models
from commands.terminal.cli import DEFAULT_DIR, USAGE, WRONG, AsJson, DataDir, emit, fail, run

if TYPE_CHECKING:
    from commands.eval_sets.table import EvalSet
    from commands.results.comparing import Comparison
    from commands.results.result import EvalResult

Html = Annotated[
    Path | None, typer.Option("--html", dir_okay=False, help="Write the result as one HTML page, that loads nothing.")
]


def eval_all(
    data: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="A folder with files of the names in docs/evaluation.md, in it or in its folders. Default: the "
            "project's own samples.",
        ),
    ] = None,
    models: Models = None,
    blueprint: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Folder of a blueprint; default: the one in use.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--set", help="Only this set (may be repeated): routing, cases, claims, …")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="So many rows of each set at most, always the same ones.")
    ] = None,
    at_once: Annotated[int, typer.Option(min=1, max=64, help="Rows that a provider is asked about side by side.")] = 4,
    against: Annotated[
        str, typer.Option(help="A result of before, or `latest`: the newest in the data dir. Exit 1 if it got worse.")
    ] = "",
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="Write the result there, too.")] = None,
    html: Html = None,
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Run every set with the models of a profile, keep the result, and compare it with an earlier one.

    Results stand in the folder `evals` of the data dir. With --against, a set that got worse by more than noise, or a
    single new grave mistake, ends it with exit code 1. docs/evaluation.md says what is measured.
    """
    if importlib.util.find_spec("bench") is None:
        raise fail(
            "`eval all` needs the folder `bench`, which is not in this installation: run it in a checkout", USAGE
        )

    async def work() -> "tuple[EvalResult, Comparison | None, Path]":
        from commands.evaluation.every_set import begun, run_sets
        from commands.measure.model_server import models_for
        from commands.results.comparing import compare
        from commands.results.keeping import LATEST, earlier, keep, new_place, read_result

        sets = _sets_named(only)
        # Read before anything is paid for.
        before = read_result(Path(against)) if against and against != LATEST else None
        async with models_for(models, blueprint, data_dir) as parts:
            result = begun(parts)
            place = new_place(data_dir, result)

            def kept(result: "EvalResult") -> None:
                for path in (place, *([out] if out else [])):
                    keep(path, result)

            kept(result)
            await run_sets(parts, result, sets, data, limit, kept, at_once)
        if against == LATEST:  # of those that were run on other data, none says anything
            compared = (compare(one, result) for one in earlier(data_dir, than=place))
            return result, next((one for one in compared if one.groups), None), place
        return result, None if before is None else compare(before, result), place

    result, comparison, place = run(work)
    _show(result, comparison, html, as_json=as_json)
    if not as_json:
        typer.echo(f"kept in {place}")
        if against and comparison is None:
            typer.echo("no earlier result in the data dir is of the same data: nothing to compare with")
    _end(comparison)


def eval_compare(
    before: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A result of `eval all`.")],
    after: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A later one, or of another profile.")],
    html: Html = None,
    as_json: AsJson = False,
) -> None:
    """Compare two results; exit code 1 if the second one is worse by more than noise."""

    async def work() -> "tuple[EvalResult, Comparison]":
        from commands.results.comparing import compare
        from commands.results.keeping import read_result

        result = read_result(after)
        return result, compare(read_result(before), result)

    result, comparison = run(work)
    _show(result, comparison, html, as_json=as_json)
    _end(comparison)


def _end(comparison: "Comparison | None") -> None:
    """End as a guard does: what could not be compared at all is not held to be good."""
    if comparison is not None and (comparison.regressed or not comparison.groups):
        raise typer.Exit(WRONG)


def _sets_named(only: list[str] | None) -> "list[EvalSet]":
    from commands.eval_sets.table import SETS
    from domain.errors import not_among

    names = [one.name for one in SETS]
    for name in only or ():
        if name not in names:
            raise not_among("--set", name, names)
    return [one for one in SETS if not only or one.name in only]


def _show(result: "EvalResult", comparison: "Comparison | None", html: Path | None, *, as_json: bool) -> None:
    from commands.results.keeping import document, write
    from commands.results.page import result_page
    from commands.results.report import comparison_report, result_report
    from commands.terminal.cli import clear_errors

    if html is not None:
        with clear_errors():
            write(html, result_page(result, comparison))
    if as_json:
        emit(document(result, comparison))
        return
    for line in result_report(result):
        typer.echo(line)
    for line in comparison_report(comparison) if comparison is not None else ():
        typer.echo(line)
