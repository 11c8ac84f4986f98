"""`headgate rescue`: after Temporal's state or the store was lost or put back from a backup."""

from typing import TYPE_CHECKING, Annotated

import typer

from commands.terminal.cli import DEFAULT_DIR, WRONG, AsJson, DataDir, emit, with_headgate_and_store

if TYPE_CHECKING:
    from client.headgate import Headgate
    from domain.authority.rescue import RescueReport
    from workers.bootstrap import Parts


def rescue(
    data_dir: DataDir = DEFAULT_DIR,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    rate: Annotated[float, typer.Option(min=0.1, max=1000, help="Cases begun again per second.")] = 20.0,
    as_json: AsJson = False,
) -> None:
    """Bring every case back to work after Temporal's state or the store was lost, or put back from a backup.

    Safe to run again. Before it, where the store was put back: `headgate ledger reconcile`. Exit 1 if a case needs a
    word of yours: it is lost, runs in Temporal alone, or was ended in Temporal's own tools. Where the intake
    is paused it does not wait: what it put back comes in with `headgate intake resume`.
    """
    from commands.rescue.rescuing import rescue_cases

    async def work(headgate: "Headgate", parts: "Parts") -> "RescueReport":
        return await rescue_cases(parts, headgate, dry_run=dry_run, rate=rate, tell=_tell)

    report = with_headgate_and_store(data_dir, work, own_pen=True)
    if as_json:
        emit(report.model_dump(mode="json"))
    else:
        for line in lines_of(report):
            typer.echo(line)
    if report.needs_a_word:
        raise typer.Exit(WRONG)


def _tell(line: str) -> None:
    typer.echo(line, err=True)


def lines_of(report: "RescueReport") -> list[str]:
    """Return what a rescue did, or would do, for people."""
    would = "" if report.done else "would be "
    pen = (
        "put back into the holding pen, and the intake is paused"
        if report.paused
        else "let in again from the holding pen"
    )
    told = [
        *(f"{case_id}: {would}{pen}" for case_id in report.put_back),
        *(f"{case_id}: {would}begun again" for case_id in report.begun),
        *(f"{case_id}: {would}closed with the ending that Temporal has" for case_id in report.ended),
        *(
            f"{case_id}: ended in Temporal's own tools: `headgate cases close {case_id} --reason …`"
            for case_id in report.ended_outside
        ),
        *(
            f"{case_id}: lost, the store does not have it and the holding pen has dropped it: ask its sender"
            for case_id in report.lost
            if case_id not in report.only_in_temporal
        ),
        *(_of_temporal_alone(case_id, lost=case_id in report.lost) for case_id in report.only_in_temporal),
    ]
    counts = (
        f"{report.running} run, {len(report.begun)} begun again, {len(report.put_back)} "
        f"{'wait for `headgate intake resume`' if report.paused else 'let in again'}, "
        f"{len(report.ended)} had ended, {len(report.ended_outside)} were ended outside, {len(report.lost)} are lost, "
        f"{len(report.only_in_temporal)} run in Temporal only"
    )
    return [*told, counts if report.done else f"{counts} (nothing was done: --dry-run)"]


def _of_temporal_alone(case_id: str, *, lost: bool) -> str:
    """Return what to do with a case that runs, and that the store does not have."""
    end = f"`headgate cases cancel {case_id}` ends it"
    if lost:  # the pen would call the same event a duplicate
        return f"{case_id}: runs in Temporal only, and pays nothing: {end}; then ask its sender for a new message"
    event_id = case_id.split("/", 2)[-1]
    return (
        f"{case_id}: runs in Temporal only, store and holding pen do not have it, and it pays nothing: have its sender "
        f"send the event {event_id!r} again, then it goes on with its row; or {end}"
    )
