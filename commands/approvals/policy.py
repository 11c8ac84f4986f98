"""`headgate policy`: whose yes an action needs, by which rule, and what would change it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.terminal.cli import DEFAULT_DIR, AsJson, DataDir, emit, run, settings_for

if TYPE_CHECKING:
    from domain.policy.explaining import Explained
    from domain.policy.facts import ActionFacts, ProposedAction

policy_app = typer.Typer(no_args_is_help=True, help="Whose yes an action needs, and by which rule.")


@policy_app.command("explain")
def policy_explain(
    file: Annotated[Path, typer.Argument(help="An action as JSON: kind, payee, money, and what is known as facts.")],
    blueprint: Annotated[
        Path | None, typer.Option("--blueprint", help="The blueprint's folder; default: the one in the settings.")
    ] = None,
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Say what an action needs by the policy of its kind, which rule decides, and what would change it.

    A fact that the file leaves out counts as unknown: it needs the most that it could have needed.
    """
    settings = settings_for(data_dir)

    async def work() -> "Explained":
        from domain.authority.action_policies import policies_of
        from domain.policy.explaining import explain
        from workers.parts.blueprint import read_blueprint_folder

        action, facts = _proposal(file)
        rules = read_blueprint_folder(blueprint or settings.blueprint)[0]
        return explain(action, facts, policies_of(rules).get(action.kind))

    explained = run(work)
    if as_json:
        emit(explained.model_dump(mode="json"))
        return
    for line in explained.as_lines():
        typer.echo(line)


def _proposal(file: Path) -> "tuple[ProposedAction, ActionFacts]":
    """Return the action of a file, and what stands beside it as `facts`."""
    from pydantic import ValidationError

    from domain.errors import UnreadableFileError, UsageError
    from domain.installation.mistakes import mistake
    from domain.policy.facts import ActionFacts, ProposedAction

    try:
        values = json.loads(file.read_bytes())
    except OSError as error:
        raise UnreadableFileError(f"{file}: cannot be read ({error.strerror}); name a JSON file") from error
    except ValueError as error:
        raise UsageError(f"{file}: no valid JSON ({error}); write an object with kind, payee, money, facts") from error
    if not isinstance(values, dict):
        raise UsageError(f"{file}: expected one action; write an object with kind, payee, money, facts")
    known = values.pop("facts", {})
    for place, model, given in (("facts", ActionFacts, known), ("", ProposedAction, values)):
        try:
            model.model_validate(given, extra="forbid" if place else "ignore")
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(map(str, filter(None, (place, *first["loc"]))))
            raise UsageError(f"{file}: key {key}: {mistake(first, model)}") from error
    return ProposedAction.model_validate(values), ActionFacts.model_validate(known)
