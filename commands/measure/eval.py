"""`headgate eval`: how well the configured models do on labelled data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from commands.terminal.cli import AsJson, emit, run

eval_app = typer.Typer(no_args_is_help=True, help="How well the configured models do on labelled data.")


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
        from commands.measure.model_server import models_for
        from commands.measure.scoring import score_model

        async with models_for(models) as parts:
            return await score_model(data, parts)

    document = run(work)
    if as_json:
        emit(document)
        return
    typer.echo(f"accuracy {document['accuracy']} of {document['n']}, {document['abstained']} abstained")
    typer.echo(f"off-topic forced into a queue: {document['off_topic_forced']} of {document['off_topic']}")
    for group in ("per_class", "per_source", "per_lang"):
        typer.echo(f"{group}:")
        for name, figures in _as_mapping(document[group]).items():
            typer.echo(f"  {name:24} " + ", ".join(f"{k} {v}" for k, v in _as_mapping(figures).items()))


def _as_mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
