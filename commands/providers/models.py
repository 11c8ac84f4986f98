"""`headgate models status` and `resume`: which models are in use, how they behave, and a word that ends a wait."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from commands.terminal.cli import (
    DEFAULT_DIR,
    AsJson,
    By,
    DataDir,
    emit,
    person,
    report,
    with_headgate_and_store,
    with_store,
)

if TYPE_CHECKING:
    from client.headgate import Headgate
    from workers.bootstrap import Parts

CALLED_AT_ONCE = 5  # the first of them that is there asks; the others come by themselves, within a minute or so

models_app = typer.Typer(
    no_args_is_help=True, help="Models in use: how they behave; end a wait. Models on this machine: their files."
)


@models_app.command("status")
def models_status(data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Show which models are in use and whether they answer: told to wait until when, since when, who waits, why."""
    from commands.providers.standing import line_of, models_standing

    async def work(parts: "Parts") -> dict[str, object]:
        return await models_standing(parts)

    document = with_store(data_dir, work)
    if as_json:
        emit(document)
        return
    typer.echo(f"profile {document['profile']}")
    if "blueprint_unread" in document:
        typer.echo(str(document["blueprint_unread"]), err=True)
    rows = document["models"]
    for row in rows if isinstance(rows, list) else []:
        typer.echo(line_of(row))
        if row["state"] != "answering" and row["last_error"]:
            typer.echo(f"  last error: {row['last_error']}")


@models_app.command("resume")
def models_resume(
    model: Annotated[str | None, typer.Argument(help="As `models status` names it; default: all that wait.")] = None,
    data_dir: DataDir = DEFAULT_DIR,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """End a wait now: one call asks at once, alone; if it is answered, the others follow within a minute or so.

    Parked cases follow gradually; `headgate cases resume` brings one, `headgate budget resume` all.
    """
    from domain.errors import not_among
    from domain.moods.mood import needs_probe, resumed

    async def work(headgate: "Headgate", parts: "Parts") -> dict[str, int]:
        waiting = [k.mood for k in await asyncio.to_thread(parts.moods.all_known) if needs_probe(k.mood)]
        meant = [mood for mood in waiting if model in (None, mood.shown)]
        if model is not None and not meant:
            raise not_among("model", model, [mood.shown for mood in waiting] or ["none: no model said to wait"])
        called: dict[str, int] = {}
        for row, name in [(mood.model, mood.shown) for mood in meant]:
            now = datetime.now(UTC)
            await asyncio.to_thread(parts.moods.change, row, lambda mood: resumed(mood, person(by), now), now)  # noqa: B023 - called at once
            cases = await asyncio.to_thread(parts.moods.waiting, row, CALLED_AT_ONCE)
            called[name] = called.get(name, 0) + sum([await _call(headgate, case, person(by)) for case in cases])
        return called

    called = with_headgate_and_store(data_dir, work)
    said = "; ".join(f"{name}: the wait is over, {n} cases called" for name, n in called.items())
    report(list(called), said or "no model said to wait", line=said or "no model said to wait", as_json=as_json)


async def _call(headgate: "Headgate", case_id: str, by: str) -> bool:
    """Let a case that waits between two tries, or is parked, try now; return whether it does."""
    from client.spending.parked import ParkedCases
    from domain.errors import ImpossibleError, UnknownCaseError

    if await headgate.cases.try_now(case_id):
        return True
    try:
        await ParkedCases(headgate.temporal).resume(case_id, by)
    except (ImpossibleError, UnknownCaseError):
        return False
    return True
