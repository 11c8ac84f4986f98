"""Commands of who runs Headgate: submit, status, dead letters, ledger, kill switch, audit."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from client.cli import DEFAULT_DIR, USAGE, WRONG, AsJson, By, DataDir, emit, fail, person, report, run, table

if TYPE_CHECKING:
    from client.cases import Headgate
    from workers.bootstrap import Parts

Result = TypeVar("Result")

dlq_app = typer.Typer(no_args_is_help=True, help="Dead letters: look at them, replay or discard them.")
ledger_app = typer.Typer(no_args_is_help=True, help="The effects and the books.")
effects_app = typer.Typer(no_args_is_help=True, help="The kill switch: stop and allow effects.")
blueprint_app = typer.Typer(no_args_is_help=True, help="What may change without code.")


def add_operating_commands(app: typer.Typer) -> None:
    """Hang these commands into the `headgate` command."""
    app.command()(submit)
    app.command()(status)
    app.command()(audit)
    app.add_typer(dlq_app, name="dlq")
    app.add_typer(ledger_app, name="ledger")
    app.add_typer(effects_app, name="effects")
    app.add_typer(blueprint_app, name="blueprint")


def with_parts(data_dir: Path, work: "Callable[[Parts], Awaitable[Result]]") -> Result:
    """Open the stores of a data dir and run a command's work."""

    async def opened() -> Result:
        from workers.bootstrap import Parts
        from workers.settings import load_settings

        settings = load_settings(data_dir=data_dir)
        if not settings.store_url and not (data_dir / "store.db").exists():
            from client.connect import NotReachableError

            raise NotReachableError(
                f"no store in {str(data_dir)!r}: start Headgate with `headgate up --data-dir {data_dir}`, or name the "
                "right folder with --data-dir or HEADGATE_DATA_DIR"
            )
        parts = Parts(settings)
        try:
            return await work(parts)
        finally:
            parts.close()

    return run(opened)


async def connected(data_dir: Path) -> "Headgate":
    """Connect to what runs with a data dir, else by `TEMPORAL_*`."""
    from client.cases import Headgate

    return await Headgate.connect(data_dir if (data_dir / "endpoints.json").exists() else None)


# --- work in ------------------------------------------------------------------------------------------------


def submit(
    file: Annotated[
        str, typer.Argument(help="FILE.jsonl, FILE.jsonl.gz, an arrival schedule FILE.csv.gz, or - for stdin.")
    ],
    data_dir: DataDir = DEFAULT_DIR,
    url: Annotated[
        str | None,
        typer.Option(help="Another gateway than that of `headgate up`; sources.json in the data dir has its secrets."),
    ] = None,
    source: Annotated[str | None, typer.Option(help="Webhook source; default: the first one.")] = None,
    rate: Annotated[
        float | None, typer.Option(help="Messages per second; default: as fast as they are accepted.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Send only the first messages, this many.")] = None,
    texts: Annotated[
        Path | None, typer.Option(help="Where the texts of a schedule are; default: the folder above it.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until every case has ended or waits for a person.")] = False,
    timeout_s: Annotated[
        float, typer.Option("--timeout", help="With --wait: give up after this many seconds.")
    ] = 3600.0,
    as_json: AsJson = False,
) -> None:
    """Send messages through the real, signed webhook."""
    from workers.submitting import run_submit

    good = run(
        lambda: run_submit(
            file,
            data_dir=data_dir,
            url=url,
            source=source,
            rate=rate,
            limit=limit,
            texts=texts,
            wait_s=timeout_s if wait else None,
            as_json=as_json,
        )
    )
    if not good:
        raise typer.Exit(WRONG)


def status(data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Show what runs, what waits and what it cost.

    Exit 0 also where no case worker answers for the intake.
    """
    from workers.standing import for_people, gather_standing

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


def audit(data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Check the promises; exit 1 if one is broken.

    S1 to S6 and L1 to L3 of docs/promises.md, from the stores, the payment provider's own log and Temporal itself.
    """
    from workers.standing import audit_report

    async def work(parts: "Parts") -> "tuple[dict[str, object], list[str]]":
        async with await connected(data_dir) as headgate:
            return await audit_report(parts, headgate)

    document, lines = with_parts(data_dir, work)
    if as_json:
        emit(document)
    else:
        for line in lines:
            typer.echo(line)
    if document["violations"]:
        raise typer.Exit(WRONG)


# --- dead letters -------------------------------------------------------------------------------------------


@dlq_app.command("list")
def dlq_list(
    data_dir: DataDir = DEFAULT_DIR,
    every: Annotated[bool, typer.Option("--all", help="Replayed and discarded ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List dead letters, the oldest first."""

    async def work(parts: "Parts") -> list[dict[str, object]]:
        from adapters.store.dead_letters import DeadLetterStatus

        wanted = None if every else DeadLetterStatus.OPEN
        return [
            row.letter.model_dump(mode="json") | row.model_dump(mode="json", exclude={"letter"})
            for row in parts.store.dead_letters.list_letters(status=wanted, limit=100_000)
        ]

    rows = with_parts(data_dir, work)
    if as_json:
        emit({"dead_letters": rows})
    elif not rows:
        typer.echo("no dead letters")
    else:
        table(
            ("dead letter", "kind", "step", "status", "last error"),
            ((r["dead_letter_id"], r["kind"], r["step"], r["status"], str(r["last_error"])[:80]) for r in rows),
        )


@dlq_app.command("show")
def dlq_show(dead_letter_id: str, data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Show a dead letter: every attempt, the payload's place, cost, trace."""

    async def work(parts: "Parts") -> dict[str, object]:
        row = parts.store.dead_letters.show(dead_letter_id)
        return row.letter.model_dump(mode="json") | row.model_dump(mode="json", exclude={"letter"})

    document = with_parts(data_dir, work)
    if as_json:
        emit(document)
        return
    for name, value in document.items():
        if isinstance(value, list):
            for attempt in value:
                typer.echo(
                    f"{name:18} {attempt['at']} {attempt['step']}: {attempt['error_type']}: {attempt['message']}"
                )
        elif value not in ("", None):
            typer.echo(f"{name:18} {value}")


@dlq_app.command("replay")
def dlq_replay(
    dead_letter_id: Annotated[str | None, typer.Argument(help="One dead letter; or use --all.")] = None,
    data_dir: DataDir = DEFAULT_DIR,
    every: Annotated[bool, typer.Option("--all", help="All open dead letters.")] = False,
    kind: Annotated[str | None, typer.Option(help="With --all: only this kind, e.g. transient.")] = None,
    rate: Annotated[float, typer.Option(min=0.1, help="Replays per second.")] = 5.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be replayed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start dead-lettered cases again, with the same keys for money: what was paid is not paid again."""
    from client.usage import not_among
    from domain.errors import FailureKind
    from workers.replaying import replay_letters

    if (dead_letter_id is None) == (not every):
        raise fail("name one dead letter, or say --all", USAGE)
    if kind is not None and kind not in set(FailureKind):
        raise fail(str(not_among("kind", kind, FailureKind)), USAGE)

    async def work(parts: "Parts") -> dict[str, str]:
        async with await connected(data_dir) as headgate:
            return await replay_letters(
                parts, headgate, dead_letter_id=dead_letter_id, kind=kind, rate=rate, dry_run=dry_run
            )

    replayed = with_parts(data_dir, work)
    report(
        list(replayed),
        f"{len(replayed)} {'would be started' if dry_run else 'started'} again" if replayed else "nothing to replay",
        line="\n".join(f"{letter}: {done}" for letter, done in replayed.items()) or "nothing to replay",
        as_json=as_json,
    )


@dlq_app.command("discard")
def dlq_discard(
    dead_letter_id: str,
    reason: Annotated[str, typer.Option(help="Why; recorded.")],
    data_dir: DataDir = DEFAULT_DIR,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Give a dead letter up for good, with a reason."""
    if not reason.strip():
        raise fail("the reason is empty: say why with --reason", USAGE)

    async def work(parts: "Parts") -> None:
        parts.store.dead_letters.discard(dead_letter_id, reason=reason, by=person(by), now=datetime.now(UTC))

    with_parts(data_dir, work)
    report([dead_letter_id], "discarded", as_json=as_json)


# --- money --------------------------------------------------------------------------------------------------


@ledger_app.command("export")
def ledger_export(data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Print the executed effects; with --json also the entries of the books."""

    async def work(parts: "Parts") -> dict[str, object]:
        return parts.store.reports.ledger_export().model_dump(mode="json")

    document = with_parts(data_dir, work)
    if as_json:
        emit(document)
        return
    effects = document["effects"]
    if not effects:
        typer.echo("no effects yet")
        return
    table(
        ("at", "kind", "amount", "currency", "payee", "approval", "key"),
        (
            (e["at"], e["kind"], e["amount_minor"], e["currency"], e["payee"], e["approval_id"], e["key"])
            for e in effects  # type: ignore[attr-defined]  # a JSON document
        ),
    )


@effects_app.command("stop")
def effects_stop(
    reason: Annotated[str, typer.Option(help="Why; refused payments say it.")],
    data_dir: DataDir = DEFAULT_DIR,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Stop all new effects at once; cases that would pay go to the human lane."""
    _switch(data_dir, stopped=True, reason=reason, by=by, as_json=as_json)


@effects_app.command("allow")
def effects_allow(
    reason: Annotated[str, typer.Option(help="Why; recorded.")],
    data_dir: DataDir = DEFAULT_DIR,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Allow effects again."""
    _switch(data_dir, stopped=False, reason=reason, by=by, as_json=as_json)


def _switch(data_dir: Path, *, stopped: bool, reason: str, by: str, as_json: bool) -> None:
    async def work(parts: "Parts") -> None:
        parts.store.switches.set_effects(stopped=stopped, by=person(by), reason=reason, now=datetime.now(UTC))

    with_parts(data_dir, work)
    message = "effects are stopped" if stopped else "effects are allowed"
    report(["effects"], message, line=message, as_json=as_json)


@blueprint_app.command("validate")
def blueprint_validate(
    folder: Annotated[
        Path | None, typer.Argument(help="The blueprint's folder; default: the one in the settings.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read a blueprint as the workers would and print its version."""

    async def work() -> tuple[str, int]:
        from adapters.blueprints import load_blueprint, load_knowledge
        from workers.settings import load_settings

        where = folder or load_settings().blueprint
        return load_blueprint(where).version, len(load_knowledge(where))

    version, articles = run(work)
    if as_json:
        emit({"version": version, "articles": articles})
    else:
        typer.echo(f"{version}: good, {articles} knowledge articles")
