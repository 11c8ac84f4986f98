"""`headgate blueprint`: what may change without code."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.terminal.cli import DEFAULT_DIR, AsJson, By, DataDir, emit, person, report, run, settings_for, with_store

if TYPE_CHECKING:
    from domain.blueprint import Blueprint
    from domain.cache.languages import ReusedIn
    from domain.reading.knowledge import Article
    from workers.bootstrap import Parts
    from workers.config.settings import Settings

blueprint_app = typer.Typer(no_args_is_help=True, help="What may change without code.")


@blueprint_app.command("validate")
def blueprint_validate(
    folder: Annotated[
        Path | None, typer.Argument(help="The blueprint's folder; default: the one in the settings.")
    ] = None,
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Check a blueprint as the workers would, and print its version and how it differs from the one in force."""
    settings = settings_for(data_dir)

    async def work() -> "tuple[Blueprint, list[Article], str, ReusedIn]":
        from commands.doctor.reuse import reused_here
        from domain.errors import not_among
        from workers.parts.blueprint import read_blueprint_folder

        blueprint, articles = read_blueprint_folder(folder or settings.blueprint)
        if settings.models not in blueprint.models:  # the workers of these settings would not start
            raise not_among("HEADGATE_MODELS", settings.models, sorted(blueprint.models))
        reused = await reused_here(settings, blueprint.cache)
        return blueprint, articles, _compared(settings, blueprint, articles), reused

    blueprint, articles, compared, reused = run(work)
    from domain.knowledge.validity import expired, expiring, validity_lines

    today = datetime.now(UTC).date()
    if as_json:
        categories = [category.model_dump(mode="json") for category in blueprint.categories]
        languages = sorted(blueprint.letters.texts)
        emit(
            {
                "version": blueprint.version,
                "in_force": compared,
                "articles": len(articles),
                "expired": [article.article_id for article in expired(articles, today)],
                "expiring": [article.article_id for article in expiring(articles, today)],
                "categories": categories,
                "languages": languages,
                "reused": {"steps": blueprint.cache.steps, "in": reused.on, "off": reused.off},
                "mail": blueprint.mail.model_dump(mode="json"),
            }
        )
        return
    typer.echo(f"{blueprint.version}: good, {len(articles)} knowledge articles")
    typer.echo(f"  in force: {compared}")
    for category in blueprint.categories:
        tenants = f", only for {', '.join(category.tenants)}" if category.tenants else ""
        apart = ", apart" if category.apart else ""
        typer.echo(f"  {category.name}: worked by {category.specialist}{apart}{tenants}")
    for name, kind in blueprint.documents.items():
        typer.echo(f"  document {name}: {', '.join(kind.sources) or 'no source sends it'}")
    steps = blueprint.cache.steps
    typer.echo(f"  answers reused: {', '.join(steps)} {reused.line}" if steps else "  answers reused: none")
    typer.echo(f"  letters in {', '.join(sorted(blueprint.letters.texts))}")
    for line in validity_lines(articles, today):
        typer.echo(f"  {line}")
    typer.echo(f"  own addresses: {', '.join(blueprint.mail.own) or 'none named in [mail]'}")


def _compared(settings: "Settings", blueprint: "Blueprint", articles: "list[Article]") -> str:
    """Return how a blueprint differs from the one in force, where there is a store that knows."""
    from domain.errors import HeadgateError
    from domain.installation.acceptance import difference_line
    from domain.installation.rules import rules_of
    from workers.bootstrap import Parts
    from workers.installation import store_is_here

    if not store_is_here(settings):
        return "not known, there is no store here (--data-dir, HEADGATE_STORE_URL)"
    parts = Parts(settings)
    try:
        last = parts.installation.in_force()
    except HeadgateError as error:
        return f"not known, the store does not say ({error})"
    finally:
        parts.close()
    if last is None:
        return "none yet, the first start accepts it"
    if last.rules.version == blueprint.version:
        return f"this one, accepted by {last.by}"
    return f"{last.rules.version}; this one differs: {difference_line(last.rules, rules_of(blueprint, articles))}"


def _require_not_running_another(parts: "Parts", version: str) -> None:
    """Refuse while a `headgate up` runs another one: none of its processes that dies would come back."""
    from client.which import running_endpoints
    from domain.errors import ImpossibleError

    running = running_endpoints(parts.settings.data_dir)
    if running is not None and running.in_force is not None and running.in_force.blueprint != version:
        raise ImpossibleError(
            f"`headgate up` runs {running.in_force.blueprint}, and its processes could not start again under "
            f"{version}: stop it, then `headgate up --accept-blueprint`"
        )


@blueprint_app.command("accept")
def blueprint_accept(by: By = "", data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Let the blueprint of the settings be the one in force from the next start on.

    For processes that are started one by one; `headgate up --accept-blueprint` does it by itself.
    """

    async def work(parts: "Parts") -> tuple[str, str]:
        from domain.installation.acceptance import difference_line
        from domain.installation.rules import rules_of
        from workers.installation import take_stock

        last, rules = parts.installation.in_force(), rules_of(parts.blueprint, parts.knowledge)
        _require_not_running_another(parts, rules.version)
        who = person(by)
        take_stock(parts, accept_by=who)
        if last is None:
            return rules.version, f"accepted by {who}, the first of this installation"
        if last.rules.version == rules.version:
            return rules.version, f"in force already, accepted by {last.by}"
        return rules.version, f"accepted by {who} after {last.rules.version}: {difference_line(last.rules, rules)}"

    version, message = with_store(data_dir, work)
    report([version], message, as_json=as_json)
