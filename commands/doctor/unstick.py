"""`headgate unstick`: mend workflows whose workflow task fails again and again."""

from typing import TYPE_CHECKING, Annotated

import typer

from commands.terminal.cli import DEFAULT_DIR, USAGE, WRONG, AsJson, DataDir, emit, fail, with_headgate

if TYPE_CHECKING:
    from client.headgate import Headgate
    from client.standstill.unsticking import Unstuck


def unstick(
    workflow_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="A case, or another workflow.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that are stuck.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Mend what stands still because its workflow task fails again and again.

    It goes back to before the message that does the harm; other messages since are sent again, and what is left out is
    named. Nothing is paid twice: steps that are done once more have the same keys. Exit 1 if something stays stuck.
    """
    if (workflow_id is None) is not every:
        raise fail("name one workflow by its ID, or --all", USAGE)

    async def work(headgate: "Headgate") -> "list[Unstuck]":
        from client.refusals import describe
        from client.standstill.stuck import look_for_stuck
        from client.standstill.unsticking import unstick as mend

        if workflow_id:
            await describe(headgate.temporal, workflow_id)
            return [await mend(headgate.temporal, workflow_id, dry_run=dry_run)]
        ids = [found.workflow_id for found in (await look_for_stuck(headgate.temporal)).stuck]
        return [await mend(headgate.temporal, each, dry_run=dry_run) for each in ids]

    done = with_headgate(data_dir, work)
    mended = dry_run or all(each.mended for each in done)
    if as_json:
        message = f"{sum(each.mended for each in done)} of {len(done)} mended" if done else "nothing is stuck"
        emit(
            {
                "ids": [each.workflow_id for each in done],
                "accepted": mended,
                "message": message,
                "workflows": [each.as_document() for each in done],
            }
        )
    else:
        _show(done)
    if not mended:
        raise typer.Exit(WRONG)


def _show(done: "list[Unstuck]") -> None:
    if not done:
        typer.echo("nothing is stuck")
    for each in done:
        typer.echo(f"{each.workflow_id}: {each.message}")
        for name in each.left_out:
            typer.echo(f"    left out: {name}")
        for name in each.sent_again:
            typer.echo(f"    sent again: {name}")
