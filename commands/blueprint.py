"""`headgate blueprint`: what may change without code."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.terminal.cli import AsJson, emit, run

if TYPE_CHECKING:
    from domain.blueprint import Blueprint
    from domain.reading.knowledge import Article

blueprint_app = typer.Typer(no_args_is_help=True, help="What may change without code.")


@blueprint_app.command("validate")
def blueprint_validate(
    folder: Annotated[
        Path | None, typer.Argument(help="The blueprint's folder; default: the one in the settings.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read a blueprint as the workers would and print its version."""

    async def work() -> "tuple[Blueprint, list[Article]]":
        from workers.bootstrap import read_blueprint_folder
        from workers.settings import load_settings

        return read_blueprint_folder(folder or load_settings().blueprint)

    blueprint, articles = run(work)
    if as_json:
        categories = [category.model_dump(mode="json") for category in blueprint.categories]
        languages = sorted(blueprint.letters.texts)
        emit(
            {
                "version": blueprint.version,
                "articles": len(articles),
                "categories": categories,
                "languages": languages,
                "mail": blueprint.mail.model_dump(mode="json"),
            }
        )
        return
    typer.echo(f"{blueprint.version}: good, {len(articles)} knowledge articles")
    for category in blueprint.categories:
        tenants = f", only for {', '.join(category.tenants)}" if category.tenants else ""
        apart = ", apart" if category.apart else ""
        typer.echo(f"  {category.name}: worked by {category.specialist}{apart}{tenants}")
    typer.echo(f"  letters in {', '.join(sorted(blueprint.letters.texts))}")
    typer.echo(f"  own addresses: {', '.join(blueprint.mail.own) or 'none named in [mail]'}")
