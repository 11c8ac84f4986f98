"""`headgate audit`: check the promises."""

import asyncio
from typing import TYPE_CHECKING

import typer

from commands.terminal.cli import DEFAULT_DIR, WRONG, AsJson, DataDir, emit, with_headgate_and_store

if TYPE_CHECKING:
    from client.headgate import Headgate
    from domain.audit.facts import AuditReport
    from workers.bootstrap import Parts


async def audit_report(parts: "Parts", headgate: "Headgate") -> tuple[dict[str, object], list[str]]:
    """Run the audit; return its JSON document and the lines for people."""
    from client.audit_gathering import run_audit

    report = await run_audit(
        inbox=parts.inbox,
        store=parts.store.audit,
        rail=parts.rail,
        client=headgate.temporal,
        hook=bool(parts.settings.supervisor_webhook_url),
    )
    await _compare_spending(parts, report)
    document = report.model_dump(mode="json")
    lines = [f"{v.promise} {v.subject}: {v.text}\n    {v.evidence}" for v in report.violations]
    lines += [f"note: {note}" for note in report.notes]
    checked = ", ".join(f"{name} {n}" for name, n in report.checked.items())
    verdict = f"{len(report.violations)} violations" if report.violations else "clean"
    return document, [*lines, f"audit: {verdict} (checked {checked})"]


async def _compare_spending(parts: "Parts", report: "AuditReport") -> None:
    """L5: what budgets say was used is what the calls say that were charged to them."""
    from domain.audit.facts import Violation

    found = await asyncio.to_thread(parts.spend.report.differences)
    budgets = len(await asyncio.to_thread(parts.spend.report.windows, []))
    if budgets > 0:
        report.checked["L5"] = budgets
    report.violations += [
        Violation(promise="L5", kind="budget_differs", subject=said.partition(":")[0], text=said) for said in found
    ]


def audit(data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Check the promises; exit 1 if one is broken.

    S1 to S6, L1 to L3 and the budgets of L5 (docs/promises.md), from the stores, the payment provider's own log and
    Temporal itself.
    """

    async def work(headgate: "Headgate", parts: "Parts") -> "tuple[dict[str, object], list[str]]":
        return await audit_report(parts, headgate)

    document, lines = with_headgate_and_store(data_dir, work, own_pen=True)
    if as_json:
        emit(document)
    else:
        for line in lines:
            typer.echo(line)
    if document["violations"]:
        raise typer.Exit(WRONG)
