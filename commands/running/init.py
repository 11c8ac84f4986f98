"""`headgate init`: prepare a Temporal of your own."""

from typing import TYPE_CHECKING, Annotated

import typer

from commands.terminal.cli import AsJson, emit, run

if TYPE_CHECKING:
    from workers.machine.temporal_setup import Prepared


def prepare(
    wait_s: Annotated[float, typer.Option("--wait", min=0, help="Seconds that the server may take to start.")] = 10.0,
    as_json: AsJson = False,
) -> None:
    """Prepare a Temporal of your own.

    Makes the namespace and the search attributes on the server that TEMPORAL_* names, before the processes are run one
    by one; `headgate up` does it by itself. Safe to run again: prints what it made and what was there.
    """

    async def work() -> "Prepared":
        from workers.machine.temporal_setup import prepare_temporal

        return await prepare_temporal(wait_s=wait_s)

    prepared = run(work)
    if as_json:
        emit(prepared.as_document())
        return
    for line in prepared.as_lines():
        typer.echo(line)
