"""`headgate intake`: pause, resume and pace what is let in."""

from typing import TYPE_CHECKING

import typer

from commands.terminal.cli import DEFAULT_DIR, AsJson, DataDir, emit, report, with_headgate

if TYPE_CHECKING:
    from client.headgate import Headgate

intake_app = typer.Typer(no_args_is_help=True, help="Pause, resume and pace what is let in.")


@intake_app.command("show")
def intake_show(data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Show pace, pause and counts, and messages to the intake that did not fit and changed nothing."""

    async def work(headgate: "Headgate") -> None:
        state = await headgate.intake.state()
        if as_json:
            emit(state.model_dump(mode="json"))
            return
        pause = "pausing, a batch is still coming in" if state.taking else "paused"
        doing = pause if state.paused else f"up to {state.per_second:g} cases per second"
        typer.echo(f"{doing}; {state.admitted} admitted, {state.poison} unreadable")
        for notice in state.notices:
            typer.echo(f"  note: {notice}")

    with_headgate(data_dir, work)


@intake_app.command("pause")
def intake_pause(data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Let nothing more in; webhooks are still accepted and wait on disk."""
    state = with_headgate(data_dir, lambda headgate: headgate.intake.pause())
    _report_change("pausing, a batch is still coming in" if state.taking else "paused", as_json=as_json)


@intake_app.command("resume")
def intake_resume(data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Go on letting in."""
    with_headgate(data_dir, lambda headgate: headgate.intake.resume())
    _report_change("resumed", as_json=as_json)


@intake_app.command("pace")
def intake_pace(per_second: float, data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Set how many cases are let in per second."""
    state = with_headgate(data_dir, lambda headgate: headgate.intake.pace(per_second))
    _report_change(f"up to {state.per_second:g} cases per second", as_json=as_json)


def _report_change(message: str, *, as_json: bool) -> None:
    from workflows.options import INTAKE_WORKFLOW_ID

    report([INTAKE_WORKFLOW_ID], message, line=message, as_json=as_json)
