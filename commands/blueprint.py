"""`headgate blueprint`: what may change without code."""

from pathlib import Path
from typing import Annotated

import typer

from commands.terminal.cli import AsJson, emit, run

blueprint_app = typer.Typer(no_args_is_help=True, help="What may change without code.")


@blueprint_app.command("validate")
def blueprint_validate(
    folder: Annotated[
        Path | None, typer.Argument(help="The blueprint's folder; default: the one in the settings.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read a blueprint as the workers would and print its version."""

    async def work() -> tuple[str, int]:
        from workers.bootstrap import read_blueprint_folder
        from workers.settings import load_settings

        blueprint, articles = read_blueprint_folder(folder or load_settings().blueprint)
        return blueprint.version, len(articles)

    version, articles = run(work)
    if as_json:
        emit({"version": version, "articles": articles})
    else:
        typer.echo(f"{version}: good, {articles} knowledge articles")
