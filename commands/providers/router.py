"""`headgate router`: what the embedded router was taught, and teaching it."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.terminal.cli import (
    DEFAULT_DIR,
    USAGE,
    WRONG,
    AsJson,
    By,
    DataDir,
    emit,
    fail,
    opened_parts,
    person,
    report,
    run,
    settings_for,
)
from domain.cascade.calibration import AIM

if TYPE_CHECKING:
    from domain.cascade.teaching import Figures, Lesson
    from workers.config.settings import Settings
    from workers.local_models.router import RouterStanding, TeachingReport

MINILM_GOES_OFF = (
    "MiniLM is not asked beside what was taught. Messages for nobody that were forced into a category, as measured "
    "(docs/routing.md): with MiniLM .05 to .07, taught .02 to .04; yours count where lines have the label null"
)
router_app = typer.Typer(no_args_is_help=True, help="The embedded router: what it was taught, and teaching it.")


@router_app.command("show")
def router_show(data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Say what the embedded router is: as it ships, or taught by whom, when, with what, and how far its confidence is
    off on messages that it had not learned.
    """
    from workers.local_models.router import look_at_router

    settings = settings_for(data_dir)

    async def work() -> "RouterStanding":
        return look_at_router(settings)

    found = run(work)
    taught = None if found.taught is None else {k: v for k, v in found.taught.items() if k != "lessons"}
    if as_json:
        emit(
            {
                "digest": found.digest,
                "labels": found.labels,
                "taught": taught,
                "ece": found.ece,
                "judged_on": found.judged,
                "measured": [asdict(one) for one in found.measured],
            }
        )
        return
    typer.echo(f"{'as it ships' if taught is None else 'taught here'}, sha256 {found.digest}")
    typer.echo(f"categories: {', '.join(found.labels)}")
    off = "not known" if found.ece is None else f"{found.ece:.3f}"
    typer.echo(f"error of its confidence (ECE): {off}, on {found.judged:,} messages that it had not learned")
    for one in found.measured:
        few = f": too few to tell {AIM:g}, the aim, from chance" if one.too_few else ""
        typer.echo(
            f"  {one.source:16} {one.ece:.3f} on {one.answers:,} answers; chance makes about {one.by_chance:.3f}{few}"
        )
    if taught is not None:
        of = f" of {taught['of']}" if taught.get("of") else ""
        typer.echo(f"taught {taught['messages']} messages{of} by {taught['by']} at {taught['at']}")
        typer.echo("`headgate router forget` goes back to the router that ships")


@router_app.command("forget")
def router_forget(data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Go back to the router that ships; in use from the next start of the offline model."""
    from workers.local_models.router import forget_router

    settings = settings_for(data_dir)

    async def work() -> bool:
        return forget_router(settings)

    gone = run(work)
    said = "what it was taught is gone; restart the offline model" if gone else "it was taught nothing"
    report(["router"], said, as_json=as_json)


@router_app.command("teach")
def router_teach(
    file: Annotated[
        Path | None,
        typer.Argument(
            exists=True, dir_okay=False, help='Lines of {"text", "label"|null, "source"}; null: it belongs to none.'
        ),
    ] = None,
    from_corrections: Annotated[
        bool, typer.Option("--from-corrections", help="Cases that people routed themselves, out of the store.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would come to.")] = False,
    data_dir: DataDir = DEFAULT_DIR,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Teach the embedded router labelled messages, all of them at once: what it was taught before is not kept.

    It is judged on messages held out (whole sources, where none is most of them), against what is in use on the same
    ones, with MiniLM where that reads beside it, and refused with exit 1 where it is worse. In use from the next start
    of the offline model; MiniLM is not asked then.
    """
    if file is None and not from_corrections:
        raise fail("name a file of messages, or say --from-corrections", USAGE)
    settings = settings_for(data_dir)

    async def work() -> "TeachingReport":
        return await _teach(settings, file, from_corrections=from_corrections, by=person(by), dry_run=dry_run)

    done = run(work)
    objection = done.comparison.objection
    if as_json:
        emit(_document(done, dry_run=dry_run))
    else:
        for line in _lines(done, dry_run=dry_run):
            typer.echo(line)
        if objection:
            typer.echo(f"refused: {objection}", err=True)
    if objection:
        raise typer.Exit(WRONG)


async def _teach(
    settings: "Settings", file: Path | None, *, from_corrections: bool, by: str, dry_run: bool
) -> "TeachingReport":
    from commands.providers.lessons import read_lessons
    from workers.bootstrap import Parts
    from workers.local_models.router import corrections, teach_router

    parts = Parts(settings)
    names = [category.name for category in parts.blueprint.categories]
    lessons: list[Lesson] = []
    if file is not None:
        cleaner = parts.cleaner

        def clean(text: str) -> tuple[str, str]:
            cleaned = cleaner.clean(subject="", text=text, html=None, lang=None)
            return cleaned.text, cleaned.lang

        lessons += read_lessons(file, names, clean)
    if from_corrections:
        with opened_parts(settings) as opened:
            lessons += corrections(opened)
    of = " and ".join([*([file.name] if file is not None else []), *(["corrections"] if from_corrections else [])])
    return await teach_router(settings, lessons, names, by=by, now=datetime.now(UTC), of=of, dry_run=dry_run)


def _document(done: "TeachingReport", *, dry_run: bool) -> dict[str, object]:
    objection = done.comparison.objection
    said = f"refused: {objection}" if objection else ("it would be kept" if dry_run else "kept")
    return {
        "ids": ["router"],
        "accepted": not objection,
        "message": said,
        "kept": done.kept,
        "messages": done.messages,
        "repeats": done.repeats,
        "contradicting": done.contradicting,
        "labels": done.labels,
        "against_shipped": done.against_shipped,
        "with_minilm": done.with_minilm,
        "comparison": done.comparison.model_dump(mode="json"),
    }


def _lines(done: "TeachingReport", *, dry_run: bool) -> list[str]:
    found = done.comparison
    whom = "the router that ships" if done.against_shipped else "what is in use"
    whom += ", with MiniLM" if done.with_minilm else ""
    lines = [
        f"{done.messages} messages ({done.repeats} repeats, {done.contradicting} with labels that disagree left out)",
        f"judged on {found.after.messages} messages, held out by {found.held_out_by}, against {whom}:",
        f"  before  {_told(found.before)}",
        f"  after   {_told(found.after)}; {found.mended} mended, {found.spoilt} spoilt",
    ]
    if done.with_minilm:
        lines.append(MINILM_GOES_OFF)
    if not found.objection:
        lines.append("it would be kept" if dry_run else "kept; restart the offline model (`headgate up`) to use it")
    return lines


def _told(figures: "Figures") -> str:
    said = f"{figures.right} right ({figures.accuracy:.3f}), {figures.abstained} abstained"
    if figures.off_topic:
        said += f", {figures.forced} of {figures.off_topic} for nobody forced"
    return said + ("" if figures.ece is None else f", error of confidence (ECE) {figures.ece:.3f}")
