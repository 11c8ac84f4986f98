"""`headgate intake`: pause, resume and pace what is let in; move it to another pen."""

from typing import TYPE_CHECKING, Annotated

import typer

from commands.terminal.cli import (
    DEFAULT_DIR,
    USAGE,
    WRONG,
    AsJson,
    DataDir,
    emit,
    fail,
    report,
    with_headgate,
    with_store,
)

if TYPE_CHECKING:
    from client.headgate import Headgate
    from domain.intake import IntakeState

intake_app = typer.Typer(no_args_is_help=True, help="Pause, resume and pace what is let in; move it to another pen.")


@intake_app.command("show")
def intake_show(data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Show pace, pause and counts, and messages to the intake that did not fit and changed nothing."""

    async def work(headgate: "Headgate") -> None:
        state = await headgate.intake.state()
        if as_json:
            emit(state.model_dump(mode="json"))
            return
        pause = "pausing, a batch is still coming in" if state.taking else "paused"
        doing = pause if state.paused else _pace_line(state)
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
def intake_pace(
    per_second: Annotated[
        str, typer.Argument(metavar="[CASES|auto]", help="Cases per second; auto: by how the models are.")
    ] = "",
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Set how many cases are let in per second; with nothing named, show the pace and why it is what it is.

    A pace that is set stays until `headgate intake pace auto`: then it grows while the models are well, and falls when
    one refuses, fails or is at its limit, within `[intake]` of the blueprint (docs/limits.md).
    """
    if not per_second:
        state = with_headgate(data_dir, lambda headgate: headgate.intake.state())
        if as_json:
            emit(state.model_dump(mode="json", include={"per_second", "auto", "why", "changed_at"}))
        else:
            typer.echo(_pace_line(state))
        return
    if per_second == "auto":
        state = with_headgate(data_dir, lambda headgate: headgate.intake.auto_pace())
    else:
        pace = _number(per_second)
        state = with_headgate(data_dir, lambda headgate: headgate.intake.pace(pace))
    _report_change(_pace_line(state), as_json=as_json)


def _pace_line(state: "IntakeState") -> str:
    line = f"up to {state.per_second:g} cases per second"
    if not state.auto:
        return line
    if state.changed_at is None:
        return f"{line}, which finds itself; it has not changed yet"
    return f"{line}, which finds itself; last changed at {state.changed_at:%Y-%m-%d %H:%M:%S} UTC: {state.why}"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise fail(f"pace {text!r}: expected cases per second, such as 5 or 0.5, or auto", USAGE) from None


@intake_app.command("drain")
def intake_drain(
    to: Annotated[str, typer.Option(help="URL of the other pen, as in HEADGATE_INBOX.")],
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Move what waits in the holding pen to another pen, with the ids that are remembered; safe to run again.

    First stop the gateways and pause the intake; then set HEADGATE_INBOX to the other URL and start them. docs/pens.md
    has the steps, and those without a pause for senders. Exit 1 if something is left.
    """
    moved = with_store(data_dir, lambda parts: parts.move_inbox(to))
    if as_json:
        emit(moved.model_dump(mode="json"))
    else:
        typer.echo(f"moved {moved.moved} payloads; {moved.remembered} ids of earlier ones are remembered there, too")
        for case_id in moved.conflicts:
            typer.echo(f"{case_id}: not moved, the other pen has another body under this id")
        if not moved.left and not moved.conflicts:
            typer.echo("nothing is left: set HEADGATE_INBOX to the other URL, start, and `headgate intake resume`")
        if moved.left:
            typer.echo(f"{moved.left} are left: held by an intake worker, or just come in. Run it again")
    if moved.left or moved.conflicts:
        raise typer.Exit(WRONG)


def _report_change(message: str, *, as_json: bool) -> None:
    from workflows.options import INTAKE_WORKFLOW_ID

    report([INTAKE_WORKFLOW_ID], message, line=message, as_json=as_json)
