"""`headgate audit`: check the promises."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.terminal.cli import DEFAULT_DIR, WRONG, AsJson, DataDir, emit, with_headgate_and_store

if TYPE_CHECKING:
    from client.headgate import Headgate
    from domain.audit.facts import AuditReport
    from domain.audit.model_log import AnsweredCall
    from workers.bootstrap import Parts


async def audit_report(
    parts: "Parts", headgate: "Headgate", exported: "list[AnsweredCall] | None" = None
) -> tuple[dict[str, object], list[str]]:
    """Run the audit; return its JSON document and the lines for people. `exported` is a model server's own log."""
    from client.audit_gathering import run_audit

    report = await run_audit(
        inbox=parts.inbox,
        store=parts.store.audit,
        rail=parts.rail,
        client=headgate.temporal,
        hook=bool(parts.settings.supervisor_webhook_url),
    )
    await _compare_spending(parts, report)
    await _compare_models(parts, report, exported)
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


async def _compare_models(parts: "Parts", report: "AuditReport", exported: "list[AnsweredCall] | None") -> None:
    """L5: what a model server says it answered is on record. Its log is read first: each line has its call by then."""
    from domain.audit.model_log import compare_with_log, is_of
    from domain.spend.calls import KEPT
    from workers.running.answer_log import own_answers

    until = now = datetime.now(UTC)
    unread = 0
    if exported is None:
        answered, unread = await asyncio.to_thread(own_answers, parts.settings.data_dir)
    else:
        answered, until = exported, min(now, max(call.at for call in exported))
    if unread:
        report.notes.append(f"lines of the offline model's log that cannot be read: {unread}")
    if not answered:
        return
    since, models = max(min(call.at for call in answered), now - KEPT), {call.model for call in answered}
    calls = await asyncio.to_thread(parts.spend.report.calls_since, since)
    if exported is None:  # one of another address is another server
        calls = [call for call in calls if call.model.startswith("offline ") and " at " not in call.model]
    calls = [call for call in calls if any(is_of(call.model, named) for named in models)]
    free = {named for named in models if _is_free(parts, named)}
    answered = [call for call in answered if call.at >= since]
    found = compare_with_log(answered, calls, since=since, until=until, free=free)
    report.checked["model log"] = found.checked
    report.violations += found.violations
    report.notes += found.notes


def _is_free(parts: "Parts", model: str) -> bool:
    """Return whether the blueprint says that a model costs nothing; one that it does not know may cost."""
    from domain.errors import ConfigurationError, UsageError

    try:
        price = parts.blueprint.price_of(model, datetime.now(UTC).date())
    except (KeyError, ConfigurationError, UsageError):
        return False
    return not (price.input or price.output)


def audit(
    data_dir: DataDir = DEFAULT_DIR,
    model_log: Annotated[
        Path | None,
        typer.Option(
            help="A model server's own log of the calls that it answered, to compare the record with: lines of JSON "
            "with request_id, model, tokens_in, tokens_out, at. Default: that of the data dir's offline model.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check the promises; exit 1 if one is broken.

    S1 to S6, L1 to L3 and the budgets and calls of L5 (docs/promises.md), from the stores, the payment provider's own
    log, the model server's own log where there is one, and Temporal itself.
    """

    async def work(headgate: "Headgate", parts: "Parts") -> "tuple[dict[str, object], list[str]]":
        from workers.running.answer_log import exported_answers

        exported = None if model_log is None else await asyncio.to_thread(exported_answers, model_log)
        return await audit_report(parts, headgate, exported)

    document, lines = with_headgate_and_store(data_dir, work, own_pen=True)
    if as_json:
        emit(document)
    else:
        for line in lines:
            typer.echo(line)
    if document["violations"]:
        raise typer.Exit(WRONG)
