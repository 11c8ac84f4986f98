"""Where things stand: `headgate status`."""

from typing import TYPE_CHECKING

import typer

from commands.terminal.cli import DEFAULT_DIR, AsJson, DataDir, connected, emit, with_parts

if TYPE_CHECKING:
    from workers.bootstrap import Parts

if TYPE_CHECKING:
    from workers.bootstrap import Parts


def status(data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Show what runs, what waits and what it cost.

    Exit 0 also where no case worker answers for the intake.
    """
    from commands.work.standing import for_people, gather_standing

    async def work(parts: "Parts") -> dict[str, object]:
        async with await connected(data_dir) as headgate:
            return await gather_standing(parts, headgate)

    document = with_parts(data_dir, work)
    if as_json:
        emit(document)
        return
    for name, value in for_people(document).items():
        if isinstance(value, dict):
            typer.echo(f"{name:16} " + (", ".join(f"{k} {v}" for k, v in value.items()) or "none"))
        else:
            typer.echo(f"{name:16} {value}")
