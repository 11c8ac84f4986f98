"""Commands that measure: `headgate eval` and `headgate bench`."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from client.cli import USAGE, AsJson, emit, fail, run

eval_app = typer.Typer(no_args_is_help=True, help="How well the configured models do on labelled data.")
bench_app = typer.Typer(no_args_is_help=True, help="Rates, each beside a plain baseline in the same run.")


@eval_app.command("routing")
def eval_routing(
    data: Annotated[
        Path,
        typer.Option(
            exists=True, dir_okay=False, help='Lines of {"id", "text"|"html", "label"|null, "lang", "source"}.'
        ),
    ],
    models: Annotated[
        str | None,
        typer.Option("--models", help="Model profile of the blueprint; default: HEADGATE_MODELS, else offline."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Route every line as a case would be routed and score the answers; an abstention counts as wrong."""

    async def work() -> dict[str, object]:
        from workers.evaluating import eval_routing as evaluate
        from workers.modelserver import models_for

        async with models_for(models) as parts:
            return await evaluate(data, parts)

    document = run(work)
    if as_json:
        emit(document)
        return
    typer.echo(f"accuracy {document['accuracy']} of {document['n']}, {document['abstained']} abstained")
    typer.echo(f"off-topic forced into a queue: {document['off_topic_forced']} of {document['off_topic']}")
    for group in ("per_class", "per_source", "per_lang"):
        typer.echo(f"{group}:")
        for name, figures in _mapping(document[group]).items():
            typer.echo(f"  {name:24} " + ", ".join(f"{k} {v}" for k, v in _mapping(figures).items()))


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


@bench_app.command("intake")
def bench_intake(
    seconds: Annotated[float, typer.Option(min=1, help="Seconds per round.")] = 5.0,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each kind, alternating.")] = 3,
    as_json: AsJson = False,
) -> None:
    """Accepted webhooks per second, against the same server with an empty handler."""
    _need_bench()
    from bench.intake import bench_intake as measure

    _show(measure(seconds=seconds, rounds=rounds), as_json=as_json)


@bench_app.command("cases")
def bench_cases(
    cases: Annotated[int, typer.Option(min=10, help="Cases per round.")] = 300,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each kind, alternating.")] = 2,
    as_json: AsJson = False,
) -> None:
    """Cases per second, against a bare workflow that makes the same model calls, on the same server in the same run."""
    _need_bench()

    async def work() -> dict[str, object]:
        from bench.cases import bench_cases as measure

        return await measure(cases=cases, rounds=rounds)

    _show(run(work, RuntimeError), as_json=as_json)  # a server or a worker that does not start


def _need_bench() -> None:
    if importlib.util.find_spec("bench") is None:
        raise fail(
            "the measurements (folder `bench`) are not in this installation, nor in the container image: run "
            "`make bench` in a checkout of the sources",
            USAGE,
        )


def _show(document: Mapping[str, object], *, as_json: bool) -> None:
    if as_json:
        emit(document)
        return
    for name, value in document.items():
        typer.echo(f"{name:28} {value}")
