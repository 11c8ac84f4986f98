"""The overview of a running Headgate: what `headgate status` says, for people and for scripts."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from client.case_filters import ENDED_OUTSIDE, in_state
from client.dead_letters.replays import FORGOTTEN, NOT_STARTED, Replays
from commands.providers.spending import spend_document, spend_rows
from commands.providers.standing import line_of, models_standing
from domain.case import CaseState
from domain.installation.in_force import InForce
from domain.money.amount import format_minor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from client.headgate import Headgate
    from client.which import WhichHeadgate
    from domain.intake import IntakeState
    from ports.incoming.inbox import InboxDepth
    from ports.reports import CaseCounts, WordCounts
    from workers.bootstrap import Parts
    from workers.config.settings import Settings


ASKED_ONE_BY_ONE = 100
SHOWN_LANES = 12
REPLAYS_LOOKED_AT = 5  # the newest runs
PEN_ANSWERS_WITHIN_S = 10.0
INTAKE_ANSWERS_WITHIN = timedelta(seconds=3)  # a person waits for the rest


async def states_in_temporal(headgate: "Headgate", replayed: int = 0) -> dict[str, int]:
    """Count cases by state.

    Args:
        headgate: connected.
        replayed: replayed dead letters. Each is still a run in Temporal, but no longer a case.
    """
    states = [str(state) for state in (*CaseState, *ENDED_OUTSIDE)]
    numbers = await asyncio.gather(*(headgate.cases.count(in_state(state)) for state in states))
    counts = dict(zip(states, numbers, strict=True))
    counts[CaseState.DEAD_LETTERED] -= replayed
    for state in ENDED_OUTSIDE:
        if 0 < counts[state] <= ASKED_ONE_BY_ONE:  # a case that was reset goes on, and its older run is no case
            counts[state] = len([row async for row in headgate.cases.list(state=state, limit=ASKED_ONE_BY_ONE)])
    return {state: n for state, n in counts.items() if n > 0}


async def ask_intake(headgate: "Headgate") -> "tuple[IntakeState | None, str]":
    """Return the state of the intake, or None and the reason why it is not known."""
    from domain.errors import NotReachableError, UnknownCaseError

    try:
        return await headgate.intake.state(INTAKE_ANSWERS_WITHIN), ""
    except UnknownCaseError:
        return None, "it was never started: `headgate worker --role intake` does that"
    except NotReachableError as error:
        return None, str(error)


async def gather_overview(parts: "Parts", headgate: "Headgate") -> dict[str, object]:
    """Return counts of cases, waiting work, money and cost; the JSON document of `headgate status`.

    Where no case worker answers for the intake, `intake` is None and `intake_reason` says why; the rest needs none.
    Where the holding pen is away, `inbox` and `inbox_reason` do the same.
    """
    from client.standstill.stuck import look_around

    asking = asyncio.create_task(ask_intake(headgate))
    looking = asyncio.create_task(look_around(headgate.temporal))
    counts: CaseCounts = await asyncio.to_thread(parts.store.reports.counts)
    depth, pen_reason = await depth_of_pen(parts)
    states = await states_in_temporal(headgate, counts.dead_letters.get("replayed", 0))
    switch = await asyncio.to_thread(parts.store.switches.effects)
    intake, intake_reason = await asking
    look = await looking
    return {
        "headgate": which_document(headgate.which, parts.settings),
        "in_force": await asyncio.to_thread(in_force_document, headgate.which, parts),
        "cases": states,
        "stuck": look.as_document(),
        "warnings": look.warnings(),
        **await _without_workflow(parts, headgate, in_pen=depth.ready + depth.leased if depth else 1),
        "categories": counts.by_category,
        "inbox": _pen_document(depth) if depth else None,
        **({} if depth else {"inbox_reason": pen_reason}),
        "intake": {"paused": intake.paused, "per_second": intake.per_second} if intake else None,
        **({} if intake else {"intake_reason": intake_reason}),
        "approvals": counts.approvals,
        "dead_letters": counts.dead_letters,
        "dead_letters_by_reason": counts.open_letters,
        "replays": await running_replays(parts, headgate),
        "refunded_minor": counts.refunded_minor,
        "effects": "stopped by " + switch.changed_by if switch.stopped else "allowed",
        "ledger": await ledger_line(parts),
        "words": _words(counts.words, hook=bool(parts.settings.supervisor_webhook_url)),
        "journal": {"written": counts.journal, "waiting": counts.outbox},
        "models": {
            "calls": counts.model_calls,
            "input_tokens": counts.model_input_tokens,
            "output_tokens": counts.model_output_tokens,
            "cost_micros": counts.cost_micros,
        },
        "spend": await spend_document(parts),
        "moods": await models_standing(parts),
        "cleaning": {"tokens_before": counts.tokens_in, "tokens_after": counts.tokens_out},
    }


async def depth_of_pen(parts: "Parts") -> "tuple[InboxDepth | None, str]":
    """Return what waits in the holding pen, or None and the reason why it is not known."""
    from domain.errors import HeadgateError

    try:
        async with asyncio.timeout(PEN_ANSWERS_WITHIN_S):
            return await parts.inbox.depth(), ""
    except TimeoutError:
        return None, f"no answer within {PEN_ANSWERS_WITHIN_S:g} s"
    except HeadgateError as error:
        return None, str(error)


async def _without_workflow(parts: "Parts", headgate: "Headgate", *, in_pen: int) -> dict[str, str]:
    """Say that open cases have no workflow any more; nothing where the numbers agree. Temporal's may lag a moment."""
    running = await headgate.cases.count("ExecutionStatus = 'Running'")
    missing = len(await asyncio.to_thread(parts.open_cases.open_cases)) - running
    if missing <= 0 or in_pen > 0:
        return {}
    return {"without_workflow": f"{missing} open cases have no workflow: `headgate rescue --dry-run` says which"}


async def running_replays(parts: "Parts", headgate: "Headgate") -> list[dict[str, object]]:
    """Return how far the runs are that replay dead letters; of those that have ended nothing."""
    from commands.dead_letters.replaying import run_document

    replays = Replays(headgate.temporal)
    shown = []
    for order in await asyncio.to_thread(parts.replay_orders.newest, REPLAYS_LOOKED_AT):
        found = await replays.standing(order.replay_id)
        if found.goes_on or found.standing == NOT_STARTED:
            progress = await asyncio.to_thread(parts.replay_orders.progress, order)
            found = found.judged(order, progress.begun, await asyncio.to_thread(parts.store.dead_letters.now))
            if found.standing != FORGOTTEN:
                shown.append(run_document(order, found, progress))
    return shown


async def ledger_line(parts: "Parts") -> str:
    """Say whether the ledger knows the payment provider's newest payments."""
    from domain.errors import HeadgateError

    try:
        unknown = await parts.unknown_payments()
    except (HeadgateError, ValueError) as error:
        return f"not compared with the provider's log: {error}"
    if not unknown:
        return "knows the provider's newest payments"
    return (
        f"older than the provider's log by {len(unknown)} payments or more: payments wait for "
        "`headgate ledger reconcile`"
    )


def which_document(which: "WhichHeadgate | None", settings: "Settings") -> dict[str, str]:
    """Return which Headgate a command speaks of: its Temporal, where that is known, and its store."""
    from workers.parts.outside_systems import shown_store

    return (which.as_document() if which is not None else {}) | {"store": shown_store(settings)}


def in_force_document(which: "WhichHeadgate | None", parts: "Parts") -> dict[str, object]:
    """Return what is in force: as a running `headgate up` says, else by the record in the store and these settings.

    `differs` is there where the blueprint of these settings is another one than the one in force, and says how.
    """
    from domain.errors import ConfigurationError, UsageError
    from domain.installation.acceptance import difference_line
    from domain.installation.rules import rules_of
    from workers.config.data_dir import instance_of
    from workers.installation import describe

    acceptance = parts.installation.in_force()
    known = which.endpoints.in_force if which is not None and which.endpoints is not None else None
    differs, own = "", None
    try:
        own = parts.blueprint
        if acceptance is not None and acceptance.rules.version != own.version:
            said = difference_line(acceptance.rules, rules_of(own, parts.knowledge))
            differs = f"these settings name {own.version}: {said}"
    except (ConfigurationError, UsageError) as error:  # half edited, perhaps; what runs does not read it
        differs = f"the blueprint of these settings cannot be used: {error}"
    instance = instance_of(parts.settings.data_dir) or ""
    found = known or describe(parts.settings, own, instance=instance, acceptance=acceptance)
    return found.model_dump(mode="json") | ({"differs": differs} if differs else {})


def which_line(document: "Mapping[str, str]") -> str:
    """Return the same in one line for people."""
    store = f"store {document['store']}"
    if "temporal" not in document:
        return store
    return (
        f"Temporal {document['temporal']}, namespace {document['namespace']} (named by {document['named_by']}), {store}"
    )


def for_people(overview: dict[str, object]) -> dict[str, object]:
    """Return the same with money as people write it, and one line each about which Headgate and a silent intake."""
    said: dict[str, Callable[[Any], object]] = {  # Any: each reads the part of the document that it is about
        "headgate": which_line,
        "in_force": in_force_line,
        "inbox": inbox_rows,
        "refunded_minor": money_lines,
        "words": lambda words: words_line(**words),
        "replays": lambda runs: "; ".join(map(replay_line, runs)) or "none under way",
        "moods": lambda moods: "; ".join(map(line_of, moods["models"])) or "no model is in use",
        "stuck": lambda stuck: stuck_line(**stuck),
        "warnings": lambda warnings: "; ".join(warnings) or "none",
    }
    names = {"refunded_minor": "refunded", "categories": "categories (of ended cases)"}
    shown: dict[str, object] = {}
    for name, value in overview.items():
        if name == "spend" and isinstance(value, dict):
            shown |= spend_rows(value)
        else:
            known = name in said and isinstance(value, dict | list)
            shown[names.get(name, name)] = said[name](value) if known else value
    if "intake_reason" in shown:
        shown["intake"] = f"no answer: {shown.pop('intake_reason')}"
    if "inbox_reason" in shown:
        shown["inbox"] = f"not known: {shown.pop('inbox_reason')}"
    return shown


def in_force_line(found: "Mapping[str, object]") -> str:
    """Return what is in force in one line, and how these settings differ from it."""
    differs = f"; {found['differs']}" if "differs" in found else ""
    return InForce.model_validate(found).as_line() + differs


def replay_line(run: "Mapping[str, object]") -> str:
    """Write in one line how far a run is that replays dead letters.

    >>> replay_line({"replay_id": "replay/1", "standing": "running", "begun": 3, "left": 7})
    'replay/1 running, 3 begun, 7 left'
    """
    return f"{run['replay_id']} {run['standing']}, {run['begun']} begun, {run['left']} left"


def _pen_document(depth: "InboxDepth") -> dict[str, object]:
    """Return what waits in the holding pen, and what it ever took or remembers."""
    return {"ready": depth.ready, "leased": depth.leased, "accepted": depth.total, "lanes": depth.lanes}


def _words(counts: "WordCounts", *, hook: bool) -> dict[str, object]:
    """Return what people were told and what waits, the oldest for so many seconds, and where it goes."""
    oldest = counts.oldest_waiting_at
    return {
        "told": counts.told,
        "waiting": counts.waiting,
        "oldest_waiting_s": 0 if oldest is None else max(0, round((datetime.now(UTC) - oldest).total_seconds())),
        "last_error": counts.last_error,
        "hook": hook,
    }


def inbox_rows(inbox: "Mapping[str, object]") -> dict[str, object]:
    """Return what waits in the holding pen, by tenant and priority where more than one of them waits, most first.

    >>> inbox_rows({"ready": 9, "lanes": {"acme/normal": 2, "acme/urgent": 7}})
    {'ready': 9, 'waiting': 'acme/urgent 7, acme/normal 2'}
    >>> inbox_rows({"ready": 9, "lanes": {"default/normal": 9}})
    {'ready': 9}
    """
    rows = {name: value for name, value in inbox.items() if name != "lanes"}
    lanes = inbox.get("lanes")
    if isinstance(lanes, dict) and len(lanes) > 1:
        most = sorted(lanes.items(), key=lambda lane: (-lane[1], lane[0]))
        rest = f" and {len(most) - SHOWN_LANES} more" if len(most) > SHOWN_LANES else ""
        rows["waiting"] = ", ".join(f"{lane} {count}" for lane, count in most[:SHOWN_LANES]) + rest
    return rows


def words_line(*, told: int, waiting: int, oldest_waiting_s: int, last_error: str, hook: bool) -> str:
    """Write in one line what people were told and what waits.

    >>> words_line(told=3, waiting=2, oldest_waiting_s=340, last_error="TransientError: answered 503", hook=True)
    'told 3, waiting 2, the oldest for 340 s; last error: TransientError: answered 503'
    """
    line = f"told {told}, waiting {waiting}" + (f", the oldest for {oldest_waiting_s} s" if waiting else "")
    return (
        line
        + (f"; last error: {last_error}" if last_error else "")
        + ("" if hook else "; to the log only, no webhook is set")
    )


def stuck_line(*, count: int, ids: "Sequence[str]", all_seen: bool) -> str:
    """Write in one line what stands still, a few of them by name.

    >>> stuck_line(count=1, ids=["intake/default"], all_seen=False)
    '1, intake/default: `headgate unstick --all` (more are open than were looked at)'
    """
    few = ", ".join(ids[:3]) + (", …" if count > 3 else "")
    line = f"{count}, {few}: `headgate unstick --all`" if count else "nothing"
    return line if all_seen else f"{line} (more are open than were looked at)"


def money_lines(refunded_minor: dict[str, int]) -> str:
    """Write sums by currency in one line."""
    return ", ".join(format_minor(minor, currency) for currency, minor in refunded_minor.items()) or "nothing"
