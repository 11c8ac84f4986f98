"""Where things stand: `headgate status`, and the audit's report for people and for scripts."""

import asyncio
from typing import TYPE_CHECKING

from domain.case import CaseState
from domain.money import format_minor
from domain.story import format_cost

if TYPE_CHECKING:
    from adapters.store.reports import CaseCounts
    from client.cases import Headgate
    from workers.bootstrap import Parts


async def states_in_temporal(headgate: "Headgate", replayed: int = 0) -> dict[str, int]:
    """Count cases by state; a dead letter that was replayed (so many) is a run in Temporal, but no case any more."""
    numbers = await asyncio.gather(*(headgate.count(f"CaseState = '{state}'") for state in CaseState))
    counts = dict(zip(CaseState, numbers, strict=True))
    counts[CaseState.DEAD_LETTERED] -= replayed
    return {str(state): n for state, n in counts.items() if n > 0}


async def gather_standing(parts: "Parts", headgate: "Headgate") -> dict[str, object]:
    """Return counts of cases, waiting work, money and cost; the JSON document of `headgate status`."""
    counts: CaseCounts = await asyncio.to_thread(parts.store.reports.counts)
    depth = await parts.inbox.depth()
    states = await states_in_temporal(headgate, counts.dead_letters.get("replayed", 0))
    intake = await headgate.intake()
    switch = await asyncio.to_thread(parts.store.switches.effects)
    return {
        "cases": states,
        "categories": counts.by_category,
        "inbox": {"ready": depth.ready, "leased": depth.leased, "accepted": depth.total},
        "intake": {"paused": intake.paused, "per_second": intake.per_second},
        "approvals": counts.approvals,
        "dead_letters": counts.dead_letters,
        "refunded_minor": counts.refunded_minor,
        "effects": "stopped by " + switch.changed_by if switch.stopped else "allowed",
        "journal": {"written": counts.journal, "waiting": counts.outbox},
        "models": {
            "calls": counts.model_calls,
            "input_tokens": counts.model_input_tokens,
            "output_tokens": counts.model_output_tokens,
            "cost_micros": counts.cost_micros,
        },
        "cleaning": {"tokens_before": counts.tokens_in, "tokens_after": counts.tokens_out},
    }


def money_lines(refunded_minor: dict[str, int]) -> str:
    """Write sums by currency in one line."""
    return ", ".join(format_minor(minor, currency) for currency, minor in refunded_minor.items()) or "nothing"


def cost_line(counts: "CaseCounts") -> str:
    """Write model calls, tokens and cost in one line."""
    tokens = f"{counts.model_input_tokens:,} in, {counts.model_output_tokens:,} out"
    return f"{counts.model_calls:,} calls, {tokens}, {format_cost(counts.cost_micros)}"


async def audit_report(parts: "Parts", headgate: "Headgate") -> tuple[dict[str, object], list[str]]:
    """Run the audit; return its JSON document and the lines for people."""
    from workers.audit import run_audit

    report = await run_audit(inbox=parts.inbox, store=parts.store, rail=parts.rail, client=headgate.temporal)
    document = report.model_dump(mode="json")
    lines = [f"{v.promise}: {v.text}\n    {v.evidence}" for v in report.violations]
    checked = ", ".join(f"{name} {n}" for name, n in report.checked.items())
    verdict = f"{len(report.violations)} violations" if report.violations else "clean"
    return document, [*lines, f"audit: {verdict} (checked {checked})"]
