"""`headgate intake`: pause, resume and pace what is let in; move it to another pen."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.terminal.cli import (
    DEFAULT_DIR,
    USAGE,
    WRONG,
    AsJson,
    DataDir,
    and_close_inbox,
    emit,
    fail,
    opened_parts,
    report,
    settings_for,
    tell_of_another_pen,
    with_headgate,
    with_store,
)

if TYPE_CHECKING:
    from client.headgate import Headgate
    from domain.intake import IntakeState, MoveReport
    from ports.incoming.inbox import InboxDepth
    from workers.bootstrap import Parts

intake_app = typer.Typer(no_args_is_help=True, help="Pause, resume and pace what is let in; move it to another pen.")


@intake_app.command("show")
def intake_show(data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Show pace, pause and counts, what waits in the holding pen, and messages that did not fit and changed nothing.

    In JSON `inbox` has what waits (`ready`) and what an intake worker holds (`leased`); it is null where the pen is
    away, and `inbox_reason` says why.
    """

    async def work(headgate: "Headgate") -> None:
        state = await headgate.intake.state()
        depth, reason = await _what_waits(data_dir)
        if as_json:
            pen = {"ready": depth.ready, "leased": depth.leased} if depth else None
            emit(state.model_dump(mode="json") | {"inbox": pen} | ({} if depth else {"inbox_reason": reason}))
            return
        pause = "pausing, a batch is still coming in" if state.taking else "paused"
        doing = pause if state.paused else _pace_line(state)
        waits = (
            f"{depth.ready} waiting in the holding pen, {depth.leased} leased"
            if depth
            else f"waiting: not known, {reason}"
        )
        typer.echo(f"{doing}; {state.admitted} admitted, {state.poison} unreadable; {waits}")
        for notice in state.notices:
            typer.echo(f"  note: {notice}")

    with_headgate(data_dir, work)


async def _what_waits(data_dir: Path) -> "tuple[InboxDepth | None, str]":
    """Return what waits in the holding pen, or None and the reason why it is not known."""
    from commands.work.overview import depth_of_pen
    from domain.errors import HeadgateError, UseError

    settings = settings_for(data_dir)
    try:
        with opened_parts(settings) as parts:
            tell_of_another_pen(settings)
            return await and_close_inbox(parts, depth_of_pen(parts))
    except (HeadgateError, UseError) as error:
        return None, str(error)


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
    has the steps, and those without a pause for senders. Exit 1 if something is left, or a gateway of the data dir
    still takes webhooks into the first; 2 if --to names no pen that can be used.
    """

    async def work(parts: "Parts") -> "MoveReport":
        from workers.parts.outside_systems import require_drainable

        require_drainable(parts.settings, to)
        return await parts.move_inbox(to)

    moved = with_store(data_dir, work, any_pen=True)
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
