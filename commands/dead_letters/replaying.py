"""`headgate dlq replay` and `headgate dlq replays`: let dead letters go again, one at once or many at a rate."""

import asyncio
import secrets
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.dead_letters.choosing import (
    OfCase,
    Reasons,
    Since,
    Sources,
    Steps,
    Tenants,
    Until,
    chosen_by,
    counted,
    print_counts,
)
from commands.terminal.cli import (
    DEFAULT_DIR,
    USAGE,
    WRONG,
    AsJson,
    By,
    DataDir,
    clear_errors,
    emit,
    fail,
    person,
    report,
    table,
    with_headgate_and_store,
)

if TYPE_CHECKING:
    from client.dead_letters.replays import RunStanding
    from client.headgate import Headgate
    from domain.dead_letters.choosing import LetterFilter
    from domain.dead_letters.replaying import ReplayOrder, ReplayProgress
    from workers.bootstrap import Parts

LOOK_EVERY_S = 1.0


def dlq_replay(
    dead_letter_ids: Annotated[list[str] | None, typer.Argument(help="Dead letters; or choose by options.")] = None,
    reason: Reasons = None,
    source: Sources = None,
    tenant: Tenants = None,
    step: Steps = None,
    since: Since = None,
    until: Until = None,
    case: OfCase = None,
    every: Annotated[bool, typer.Option("--all", help="All open dead letters.")] = False,
    rate: Annotated[str, typer.Option(help="How fast: 5/s, 90/m, 20/h.")] = "5/s",
    blueprint: Annotated[
        str, typer.Option(help="own: each case keeps its rules; current, or the folder or version in force: those.")
    ] = "own",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be replayed.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Show the progress until all were begun.")] = False,
    data_dir: DataDir = DEFAULT_DIR,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Start dead-lettered cases again, with the same keys for money: what was paid is not paid again.

    One that is named begins at once. Many begin in a run of their own, at a rate; it goes on when this command is
    closed and survives a restart of everything: see `headgate dlq replays`. What fails again is a dead letter again.
    """
    from domain.dead_letters.replaying import rate_of

    chosen = chosen_by(
        ids=dead_letter_ids, reasons=reason, sources=source, tenants=tenant, steps=step, since=since, until=until,
        case=case,
    )  # fmt: skip
    if every and chosen.ids:
        raise fail("name dead letters or say --all, not both", USAGE)
    if not every and not chosen.narrows:
        raise fail("name dead letters, choose some by an option such as --reason, or say --all", USAGE)
    with clear_errors():
        per_second = rate_of(rate)
    alone = len(chosen.ids) == 1 and not any((reason, source, tenant, step, since, until, case, dry_run))

    async def work(headgate: "Headgate", parts: "Parts") -> None:
        version = await asyncio.to_thread(version_meant, parts, blueprint)
        if alone:
            await _replay_named(headgate, parts, chosen.ids[0], by=person(by), blueprint=version, as_json=as_json)
            return
        now = await asyncio.to_thread(parts.store.dead_letters.now)
        meant = chosen.up_to(now)  # what dies again while this goes on is not begun once more
        await asyncio.to_thread(_require_open, parts, chosen.ids)
        if dry_run:
            await _tell(parts, meant, per_second, blueprint, as_json=as_json)
            return
        order = new_order(meant, per_second, version, person(by), now)
        await _begin(headgate, parts, order, wait=wait, as_json=as_json)

    with_headgate_and_store(data_dir, work)


async def _tell(parts: "Parts", chosen: "LetterFilter", per_second: float, blueprint: str, *, as_json: bool) -> None:
    """Say what would be replayed, by reason and source."""
    counts = await asyncio.to_thread(parts.store.dead_letters.count, chosen)
    total = sum(count.letters for count in counts)
    seconds = round(total / per_second)
    if as_json:
        emit({"would_replay": total, "by_reason": counted(counts), "seconds": seconds, "blueprint": blueprint})
        return
    print_counts(counts)
    typer.echo(f"{total} would be started again, in about {seconds} s, by their {blueprint} rules")


async def _begin(headgate: "Headgate", parts: "Parts", order: "ReplayOrder", *, wait: bool, as_json: bool) -> None:
    """Put an order on record and start its run, if there is anything to replay."""
    from client.dead_letters.replays import Replays

    counts = await asyncio.to_thread(parts.store.dead_letters.count, order.chosen)
    total = sum(count.letters for count in counts)
    if total == 0:
        report([], "nothing to replay", line="nothing to replay", as_json=as_json)
        return
    await asyncio.to_thread(parts.replay_orders.place, order)
    await Replays(headgate.temporal).start(order)
    said = f"{total} dead letters are started again, at most {order.per_second:g} per second"
    line = f"{order.replay_id}: {said}; `headgate dlq replays` shows how far it is"
    report([order.replay_id], said, line=line, as_json=as_json)
    if wait:
        await _wait(headgate, parts, order, total)


def _require_open(parts: "Parts", ids: Sequence[str]) -> None:
    """Check that all letters that are named can be replayed: one that is misspelt would be passed over in silence.

    Raises:
        KeyError: one is unknown.
        ImpossibleError: one is not open.
    """
    from domain.dead_letters.replaying import why_not_replayed
    from domain.errors import ImpossibleError

    for dead_letter_id in ids:
        if why := why_not_replayed(parts.store.dead_letters.show(dead_letter_id)):
            raise ImpossibleError(why)


def new_order(chosen: "LetterFilter", per_second: float, blueprint: str, by: str, now: datetime) -> "ReplayOrder":
    """Return an order with an id of its own."""
    from domain.dead_letters.replaying import ReplayOrder, run_id

    name = run_id(f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}")
    return ReplayOrder(replay_id=name, chosen=chosen, per_second=per_second, blueprint=blueprint, by=by, at=now)


def version_meant(parts: "Parts", word: str) -> str:
    """Return the version of the blueprint whose rules are meant, empty for each case's own.

    Raises:
        UsageError: it is not the blueprint in force: its rules are accepted by starting with it, not by a replay.
        ConfigurationError: the folder that is named holds no blueprint.
    """
    from domain.dead_letters.replaying import CURRENT, OWN
    from domain.errors import UsageError
    from workers.parts.blueprint import read_blueprint_folder

    if word == OWN:
        return ""
    acceptance = parts.installation.in_force()
    in_force = acceptance.rules.version if acceptance is not None else parts.blueprint.version
    folder = Path(word)
    meant = in_force if word == CURRENT else read_blueprint_folder(folder)[0].version if folder.is_dir() else word
    if meant != in_force:
        raise UsageError(
            f"--blueprint {word!r}: {meant} is not in force, {in_force} is; expected own, current, or that one. To "
            "work by another, start Headgate with it first (`headgate blueprint accept`)"
        )
    return in_force


async def _replay_named(
    headgate: "Headgate", parts: "Parts", dead_letter_id: str, *, by: str, blueprint: str, as_json: bool
) -> None:
    from client.starting import TemporalCaseStarter

    replays = parts.replay(TemporalCaseStarter(headgate.temporal))
    case_id = await replays.replay_one(dead_letter_id, by=by, blueprint=blueprint)
    said = f"{case_id} started again"
    report([dead_letter_id], said, line=f"{dead_letter_id}: {said}", as_json=as_json)


async def _wait(headgate: "Headgate", parts: "Parts", order: "ReplayOrder", total: int) -> None:
    """Show the progress of a run until it ends or is paused, which ends the command with exit code 1."""
    from client.dead_letters.replays import Replays

    shown = ""
    while True:
        found = await Replays(headgate.temporal).standing(order.replay_id)
        progress = await asyncio.to_thread(parts.replay_orders.progress, order)
        line = f"{progress.begun} of {total} begun; {_came_to(progress)}"
        if line != shown:
            typer.echo(shown := line, err=True)
        if found.standing != "running":
            break
        await asyncio.sleep(LOOK_EVERY_S)
    if found.standing != "completed":
        trouble = f": {found.state.trouble}" if found.state is not None and found.state.trouble else ""
        raise fail(f"{order.replay_id} is {found.standing}{trouble}", WRONG)


def dlq_replays(
    replay_id: Annotated[str | None, typer.Argument(help="One run; default: the newest ones.")] = None,
    pause: Annotated[bool, typer.Option("--pause", help="Begin no more letters of this run for now.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with this run.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End this run; letters not begun stay open.")] = False,
    rate: Annotated[str | None, typer.Option(help="Go on with this run at this rate: 5/s, 90/m.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most this many, newest first.")] = 20,
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Show the runs that replay many dead letters and what their cases came to so far; pause, resume or stop one.

    Piped, a line each, tab-separated: run, standing, begun, left, what its cases came to, rate, by whom.
    """
    from domain.dead_letters.replaying import rate_of, run_id

    asked = (("pause", pause), ("resume", resume), ("stop", stop), ("rate", rate is not None))
    words = [word for word, said in asked if said]
    if len(words) > 1 or (words and replay_id is None):
        raise fail("name one run, and say one of --pause, --resume, --stop, --rate", USAGE)
    with clear_errors():
        per_second = rate_of(rate) if rate is not None else 0.0

    async def work(headgate: "Headgate", parts: "Parts") -> None:
        from client.dead_letters.replays import Replays

        orders = parts.replay_orders
        if words and replay_id is not None:
            order = await asyncio.to_thread(orders.order, run_id(replay_id))
            said = await _change(headgate, parts, order, words[0], per_second)
            report([order.replay_id], said, as_json=as_json)
            return
        found = [orders.order(run_id(replay_id))] if replay_id is not None else orders.newest(limit)
        progress = [(o, orders.progress(o)) for o in found]
        now, replays = parts.store.dead_letters.now(), Replays(headgate.temporal)
        rows = [(o, (await replays.standing(o.replay_id)).judged(o, p.begun, now), p) for o, p in progress]
        if as_json:
            emit({"replays": [run_document(*row) for row in rows]})
        elif not rows:
            typer.echo("no runs yet: `headgate dlq replay --reason provider_down --rate 5/s` begins one")
        else:
            table(
                ("run", "standing", "begun", "left", "cases", "per second", "by"),
                ((o.replay_id, _standing(s), p.begun, p.left, _came_to(p), o.per_second, o.by) for o, s, p in rows),
            )

    with_headgate_and_store(data_dir, work)


async def _change(headgate: "Headgate", parts: "Parts", order: "ReplayOrder", word: str, per_second: float) -> str:
    from client.dead_letters.replays import FORGOTTEN, NOT_STARTED, Replays
    from domain.errors import ImpossibleError

    replays = Replays(headgate.temporal)
    if word == "pause":
        await replays.pause(order.replay_id)
        return "is asked to pause"
    if word == "rate":
        await replays.rate(order.replay_id, per_second)
        return f"is asked to begin at most {per_second:g} letters per second"
    if word == "stop":
        await replays.stop(order.replay_id)
        return "is asked to end"
    begun, now = parts.replay_orders.begun(order.replay_id), parts.store.dead_letters.now()
    found = (await replays.standing(order.replay_id)).judged(order, begun, now)
    if found.standing == FORGOTTEN:
        raise ImpossibleError(
            f"{order.replay_id} is forgotten: it ended long ago, or Temporal's state was lost; place a new order for "
            "what is open: `headgate dlq replay`"
        )
    if found.standing == NOT_STARTED:  # its command was killed before
        await replays.start(order)
        return "started"
    await replays.resume(order.replay_id)
    return "is asked to go on"


def run_document(order: "ReplayOrder", found: "RunStanding", progress: "ReplayProgress") -> dict[str, object]:
    """Return a run as it stands in JSON."""
    state = found.state
    return {
        "replay_id": order.replay_id,
        "standing": found.standing,
        **progress.model_dump(mode="json"),
        "passed_over": state.passed_over if state is not None else None,
        "put_off": state.put_off if state is not None else None,
        "trouble": state.trouble if state is not None else "",
        **order.model_dump(mode="json", exclude={"replay_id"}),
    }


def _standing(found: "RunStanding") -> str:
    return (
        f"{found.standing}: {found.state.trouble}"
        if found.state is not None and found.state.trouble
        else found.standing
    )


def _came_to(progress: "ReplayProgress") -> str:
    return ", ".join(f"{count} {state}" for state, count in progress.cases.items()) or "none began yet"
