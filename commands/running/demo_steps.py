"""`headgate demo`: 210 sample messages through the real webhook, an answer, two decisions at the gate, the result in a
table.
"""

import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from client.case_filters import in_category
from client.connect import connect
from client.deciding.approver_token import own_key
from client.headgate import Headgate
from client.sending import SendSummary, send_file
from commands.running.up import render_urls
from commands.terminal.progress import progress_bar
from commands.work.audit import audit_report
from commands.work.overview import money_lines, states_in_temporal
from domain.authority.signed import sign
from domain.briefs.request import request_rows
from domain.case import CaseState
from domain.case_details import format_cost
from domain.model_call import Tier
from domain.money.approval import ApprovalDecision, ApprovalView, Verdict
from workers.bootstrap import Parts
from workers.config.settings import Settings, load_settings
from workers.config.variables import PROJECT
from workers.machine.stack import Stack

if TYPE_CHECKING:
    from ports.reports import CaseCounts

SAMPLES = PROJECT / "samples" / "complaints.jsonl"
ANSWER = PROJECT / "samples" / "answers.jsonl"  # one, to the question that we ask about evt-0200
# Messages of the samples that are easily misread, and what is in them.
EASILY_MISREAD = {
    "evt-0193": "asks for 25 percent of the price",
    "evt-0194": "names an order that is fine, and one that is broken",
    "evt-0201": "is an out-of-office mail",
    "evt-0200": "names no order: we ask, and its customer answers",
}
APPROVER = "finance"
_DECISIONS = ((Verdict.APPROVE, "checked against the order"), (Verdict.REJECT, "a second look is needed"))
WORK_TIMEOUT_S = 600.0  # on a slow machine; two cores need about half a minute


async def run_demo(*, ci: bool, data_dir: Path | None, port_base: int, models: str | None) -> int:
    """Run the demo and return the exit code: 0 only if all was accepted, both decisions counted and the audit is clean.

    Args:
        ci: end when it is done; otherwise stay up until Ctrl-C.
        data_dir: where the state is kept; None: in a temporary folder that is removed at the end.
        port_base: first port to try.
        models: profile of the blueprint; None: the settings' own.
    """
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    folder = data_dir or Path(tempfile.mkdtemp(prefix="headgate-demo-"))
    settings = load_settings(data_dir=folder, **({"models": models} if models else {}))
    stack = Stack(settings, port_base=port_base, samples=True)
    try:
        console.print("[bold]Starting Temporal and Headgate's processes[/] (about ten seconds) …")
        async with stack:
            console.print(Text(render_urls(stack.endpoints, settings)))
            parts = Parts(settings)
            try:
                good = await stack.unless_stopped(_run_steps(console, stack, parts, settings))
            finally:
                parts.close()
            if not ci:
                console.print()
                console.print("[bold]It stays up[/] until you press Ctrl-C. Open:")
                console.print(Text(_pages_to_open(stack, folder)))
                await stack.keeper.until_stopped()
        return 0 if good else 1
    except KeyboardInterrupt:
        return 130
    finally:
        if data_dir is None:
            shutil.rmtree(folder, ignore_errors=True)


async def _run_steps(console: Console, stack: Stack, parts: Parts, settings: Settings) -> bool:
    started = time.perf_counter()
    async with Headgate(await connect(stack.which), stack.which) as headgate:
        console.rule("[bold]1. Messages come in[/]")
        sent = await _send_samples(console, stack)
        console.print(
            f"{sent.sent} sent and accepted: {sent.accepted} new, {sent.duplicates} came twice and count once; "
            f"on disk and answered within {sent.p50_s * 1000:.0f} ms (half of them)"
        )
        console.rule("[bold]2. They are cleaned, routed and worked[/]")
        await _wait_until_worked(console, headgate, sent.accepted)
        console.rule("[bold]3. Read for sure, or not acted on[/]")
        await _answer_a_question(console, headgate, stack)
        await _show_easily_misread(console, headgate)
        console.rule("[bold]4. A person at the gate[/]")
        decided = await _decide_two(console, headgate, settings.data_dir)
        complete = not sent.refused and len(decided) == len(_DECISIONS)
        await _wait_until_settled(headgate, parts, decided)
        console.rule("[bold]5. What became of them[/]")
        counts = await asyncio.to_thread(parts.store.reports.counts)
        categories = await _categories_line(headgate, [c.name for c in parts.blueprint.categories], counts.total)
        states = await states_in_temporal(headgate)
        console.print(_result_table(counts, categories, states, sent, _shadow_cost(parts, counts)))
        document, lines = await audit_report(parts, headgate)
        for line in lines:
            console.print(Text(line))
        took = time.perf_counter() - started
        models = "the offline model" if settings.models == "offline" else f"the model profile {settings.models!r}"
        console.print(f"{took:.0f} s with {models}")
        if not complete:
            console.print(
                f"[bold red]not as it should be[/]: {sum(sent.refused.values())} messages refused, "
                f"{len(decided)} of {len(_DECISIONS)} decisions took effect"
            )
        return complete and not document["violations"]


async def _send_samples(console: Console, stack: Stack) -> SendSummary:
    total = sum(1 for line in SAMPLES.read_text("utf-8").splitlines() if line.strip())
    source = next(s for s in stack.endpoints.sources if s.name == "demo")
    with progress_bar(console, "webhooks", total) as bar:
        return await send_file(
            SAMPLES,
            gateway=stack.endpoints.gateway,
            source=source.name,
            secret=source.secret,
            progress=lambda done: bar(done, ""),
        )


async def _wait_until_worked(console: Console, headgate: Headgate, expected: int) -> None:
    """Wait until every case has ended or waits for somebody."""
    deadline = time.monotonic() + WORK_TIMEOUT_S
    with progress_bar(console, "cases", expected) as bar:
        while time.monotonic() < deadline:
            states = await states_in_temporal(headgate)
            settled = sum(n for state, n in states.items() if state != "running")
            bar(min(settled, expected), ", ".join(f"{n} {state}" for state, n in states.items()))
            if settled >= expected:
                return
            await asyncio.sleep(0.5)
    raise TimeoutError(f"the cases did not settle within {WORK_TIMEOUT_S:g} s: look at the logs and `headgate status`")


async def _answer_a_question(console: Console, headgate: Headgate, stack: Stack) -> None:
    """Let a customer answer our question, and wait until their case has gone on with it."""
    source = next(s for s in stack.endpoints.sources if s.name == "demo")
    await send_file(ANSWER, gateway=stack.endpoints.gateway, source=source.name, secret=source.secret)
    await headgate.cases.settled("case/demo/evt-0200-answer", timeout_s=WORK_TIMEOUT_S)
    async for status in headgate.cases.follow("case/demo/evt-0200", timeout_s=WORK_TIMEOUT_S):
        if status.state not in (CaseState.RUNNING, CaseState.WAITING_CUSTOMER):
            break
    console.print(
        "A customer was asked for the order number, and has answered. Four messages, and what became of them:"
    )


async def _show_easily_misread(console: Console, headgate: Headgate) -> None:
    for event_id, what in EASILY_MISREAD.items():
        status = await headgate.cases.status(f"case/demo/{event_id}")
        console.print(Text(f"  {event_id} {what}", style="bold"))
        console.print(Text(f"    {status.state.replace('_', ' ')}: {status.finding}"))


async def _decide_two(console: Console, headgate: Headgate, data_dir: Path) -> list[str]:
    """Approve one halted refund and reject another, as a person would who reads the briefs; return the cases of those
    decisions that counted.
    """
    pending = (await headgate.approvals.pending()).views
    console.print(f"{len(pending)} refunds were halted. Two of them are decided now; the others wait for you.")
    decided = []
    for view, (verdict, reason) in zip(pending, _DECISIONS, strict=False):
        _print_brief(console, view)
        decision = ApprovalDecision(
            approval_id=view.approval_id, digest=view.digest, verdict=verdict, by=APPROVER, reason=reason
        )
        key = own_key(APPROVER, data_dir)
        answer = await headgate.approvals.decide(sign(decision, key, datetime.now(UTC)))
        console.print(Text(f'  > headgate approvals {verdict} {view.approval_id} --by {APPROVER} --reason "{reason}"'))
        console.print(Text(f"  {answer.message}\n"))
        if answer.accepted:
            decided.append(view.case_id)
    return decided


def _print_brief(console: Console, view: ApprovalView) -> None:
    brief = view.brief
    console.print(Text(f"  {brief.what}", style="bold"))
    console.print(Text(f"    for   {brief.for_whom}\n    why   {brief.why}"))
    for line in brief.evidence:
        console.print(Text(f"    -     {line}"))
    for name, line in request_rows(brief.request):
        console.print(Text(f"    {'said' if line.startswith('“') else name:5} {line}"))


async def _wait_until_settled(headgate: Headgate, parts: Parts, decided: list[str]) -> None:
    """Wait until the decided cases have ended, for lists too, and the journal has caught up."""
    deadline = time.monotonic() + WORK_TIMEOUT_S
    while time.monotonic() < deadline:
        waiting = [row.case_id async for row in headgate.cases.list(state=CaseState.WAITING_APPROVAL, limit=1000)]
        counts = await asyncio.to_thread(parts.store.reports.counts)
        states = await states_in_temporal(headgate)
        if not set(decided) & set(waiting) and not states.get(CaseState.RUNNING) and not counts.outbox:
            return
        await asyncio.sleep(0.3)
    raise TimeoutError(f"decided cases did not end within {WORK_TIMEOUT_S:g} s: look at the logs")


def _result_table(
    counts: "CaseCounts", categories: str, states: dict[str, int], sent: SendSummary, shadow: str
) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    saved = counts.tokens_in - counts.tokens_out
    share = f" ({saved / counts.tokens_in:.0%})" if counts.tokens_in else ""
    tokens = f"{counts.model_input_tokens:,} in, {counts.model_output_tokens:,} out"
    rows = {
        "messages": f"{sent.sent} accepted and an answer, {sent.duplicates} redelivered: {counts.total} cases",
        "categories": categories,
        "states": ", ".join(f"{n} {state.replace('_', ' ')}" for state, n in states.items()),
        "refunds": f"{counts.effects.get('refund', 0)} paid: {money_lines(counts.refunded_minor)}",
        "approvals": ", ".join(f"{n} {standing}" for standing, n in counts.approvals.items()) or "none",
        "leads recorded": str(counts.effects.get("lead", 0)),
        "replies": str(counts.replies),
        "dead letters": ", ".join(f"{n} {status}" for status, n in counts.dead_letters.items()) or "none",
        "journal": f"{counts.journal} outcomes written, {counts.outbox} on their way",
        "models": f"{counts.model_calls:,} calls, {tokens}",
        "cost": format_cost(counts.cost_micros) + shadow,
        "saved by cleaning": f"{saved:,} of {counts.tokens_in:,} tokens{share}",
    }
    for name, value in rows.items():
        table.add_row(name, Text(value))
    return table


def _shadow_cost(parts: Parts, counts: "CaseCounts") -> str:
    """Return what the offline model's tokens would have cost at a list price; empty for real models."""
    profile = parts.blueprint.models.get("openai")
    if parts.settings.models != "offline" or profile is None:
        return ""
    price = parts.blueprint.price_of(profile[Tier.SMALL][0].model, datetime.now(UTC).date())
    micros = price.cost_micros(counts.model_input_tokens, counts.model_output_tokens)
    return f" (offline; at the list price of {price.model}: {format_cost(micros)})"


async def _categories_line(headgate: Headgate, names: Sequence[str], total: int) -> str:
    """Count all cases by category, those that wait included."""
    counts = await asyncio.gather(*(headgate.cases.count(in_category(name)) for name in names))
    none = total - sum(counts)
    return ", ".join(
        [*(f"{n} {name}" for name, n in zip(names, counts, strict=True)), f"{none} none (a person decides)"]
    )


def _pages_to_open(stack: Stack, folder: Path) -> str:
    endpoints = stack.endpoints
    web = f"{endpoints.temporal_ui}/namespaces/{endpoints.namespace}/workflows"
    return (
        f"  every case, step by step   {web}\n"
        f"  what waits for a decision  {endpoints.console}\n"
        f"                             (log in as {APPROVER}; the token is in {folder / 'approver-tokens.json'})\n"
        f"  by command                 .venv/bin/headgate status --data-dir {folder}\n"
        f"                             .venv/bin/headgate approvals list --data-dir {folder}\n"
        f"                             .venv/bin/headgate cases list --state waiting_human --data-dir {folder}"
    )
