"""`headgate status`: which Headgate this is, what runs, what waits and what it cost."""

from typing import TYPE_CHECKING

import typer

from commands.terminal.cli import DEFAULT_DIR, AsJson, DataDir, emit, with_headgate_and_store

if TYPE_CHECKING:
    from client.headgate import Headgate
    from workers.bootstrap import Parts


def status(data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Show which Headgate this is, what runs, what waits and what it cost.

    Exit 0 also where no case worker answers for the intake.
    """
    from commands.work.overview import for_people, gather_overview

    async def work(headgate: "Headgate", parts: "Parts") -> dict[str, object]:
        return await gather_overview(parts, headgate)

    document = with_headgate_and_store(data_dir, work)
    if as_json:
        emit(document)
        return
    for name, value in for_people(document).items():
        if isinstance(value, dict):
            typer.echo(f"{name:16} " + (", ".join(f"{k} {v}" for k, v in value.items()) or "none"))
        else:
            typer.echo(f"{name:16} {value}")
