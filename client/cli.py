"""Commands that need only Temporal and the gateway: cases, approvals, intake.

Everything heavy is imported inside the commands, so that `--help` stays instant.
"""

import asyncio
import getpass
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from client.cases import Headgate
    from domain.approval import ApprovalView, Verdict
    from domain.case import HumanDecision

GOOD, WRONG, USAGE, UNREACHABLE = 0, 1, 2, 3

DataDir = Annotated[
    Path, typer.Option("--data-dir", envvar="HEADGATE_DATA_DIR", help="Data folder of the running Headgate.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
By = Annotated[str, typer.Option("--by", envvar="HEADGATE_USER", help="Who decides; recorded with the decision.")]
DEFAULT_DIR = Path(".headgate")

cases_app = typer.Typer(no_args_is_help=True, help="Start, follow, list, decide and cancel cases.")
approvals_app = typer.Typer(no_args_is_help=True, help="What waits at the gate, and your decision on it.")
intake_app = typer.Typer(no_args_is_help=True, help="Pause, resume and pace what is let in.")

Result = TypeVar("Result")


def fail(message: str, code: int = WRONG) -> typer.Exit:
    """Say what is wrong on stderr and return what the command is to be ended with: raise it."""
    typer.secho(message, err=True, fg=typer.colors.RED if sys.stderr.isatty() else None)
    return typer.Exit(code)


def emit(document: object) -> None:
    """Print one JSON document on stdout."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2, default=str))


def table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Print a table: lines and colours on a terminal, tab-separated without."""
    if not sys.stdout.isatty():
        for row in rows:
            typer.echo("\t".join("" if cell is None else str(cell) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        shown.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    Console().print(shown)


def run(work: Callable[[], Awaitable[Result]]) -> Result:
    """Run a command's work; errors become one clear line and the documented exit code."""
    from client.connect import NotReachableError
    from domain.errors import HeadgateError, TransientError

    try:
        return asyncio.run(_awaited(work))
    except NotReachableError as error:
        raise fail(str(error), UNREACHABLE) from None
    except TransientError as error:
        raise fail(str(error), UNREACHABLE) from None
    except (HeadgateError, KeyError, ValueError, TimeoutError) as error:
        raise fail(str(error.args[0] if isinstance(error, KeyError) and error.args else error), WRONG) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


async def _awaited(work: Callable[[], Awaitable[Result]]) -> Result:
    return await work()


def with_headgate(data_dir: Path, work: Callable[["Headgate"], Awaitable[Result]]) -> Result:
    """Connect to the Headgate of a data dir (or by `TEMPORAL_ADDRESS` where there is none) and run a command's work."""

    async def connected() -> Result:
        from client.cases import Headgate

        known = (data_dir / "endpoints.json").exists() or not os.environ.get("TEMPORAL_ADDRESS")
        async with await Headgate.connect(data_dir if known else None) as headgate:
            return await work(headgate)

    return run(connected)


def _person(by: str) -> str:
    return by or getpass.getuser()


# --- cases --------------------------------------------------------------------------------------------------


@cases_app.command("list")
def cases_list(
    data_dir: DataDir = DEFAULT_DIR,
    state: Annotated[str | None, typer.Option(help="Only cases in this state, e.g. waiting_human.")] = None,
    category: Annotated[str | None, typer.Option(help="Only this category, e.g. Billing.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List cases, newest first."""

    async def work(headgate: "Headgate") -> None:
        rows = [row async for row in headgate.cases(state=state, category=category, limit=limit)]
        if as_json:
            emit({"cases": [row.model_dump(mode="json") for row in rows]})
        elif not rows:
            typer.echo(
                "no cases"
                + (" like that" if state or category else " yet: send some with `headgate submit FILE.jsonl`")
            )
        else:
            table(
                ("case", "state", "category", "amount", "cost µ$", "started"),
                (
                    (r.case_id, r.state, r.category, r.amount_minor, r.cost_micros, f"{r.started_at:%m-%d %H:%M:%S}")
                    for r in rows
                ),
            )

    with_headgate(data_dir, work)


@cases_app.command("show")
def cases_show(case_id: str, data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Show one case: state, decision, money, cost, what it waits for."""

    async def work(headgate: "Headgate") -> None:
        status = await headgate.status(case_id)
        outcome = await headgate.outcome(case_id)
        document = status.model_dump(mode="json")
        if outcome is not None:
            document |= {
                "closed_at": outcome.closed_at.isoformat() if outcome.closed_at else None,
                "dead_letter_id": outcome.dead_letter_id,
                "replay": outcome.replay,
            }
        if as_json:
            emit(document)
            return
        for name, value in document.items():
            if value not in ("", None, [], 0):
                typer.echo(
                    f"{name:18} {json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value}"
                )

    with_headgate(data_dir, work)


@cases_app.command("start")
def cases_start(
    text: Annotated[str, typer.Argument(help="The message; - reads it from stdin.")],
    data_dir: DataDir = DEFAULT_DIR,
    subject: Annotated[str, typer.Option()] = "",
    customer_id: Annotated[str | None, typer.Option("--customer", help="Customer id, e.g. C-1001.")] = None,
    order_id: Annotated[str | None, typer.Option("--order", help="Order id, e.g. ORD-10023.")] = None,
    event_id: Annotated[str | None, typer.Option("--event-id", help="The same id again is the same case.")] = None,
    source: Annotated[str | None, typer.Option(help="Webhook source; default: the first one.")] = None,
) -> None:
    """Hand in one message through the signed webhook and print its case id."""
    message = sys.stdin.read() if text == "-" else text

    async def work(headgate: "Headgate") -> None:
        typer.echo(
            await headgate.start(
                text=message,
                subject=subject,
                customer_id=customer_id,
                order_id=order_id,
                event_id=event_id,
                source=source,
            )
        )

    with_headgate(data_dir, work)


@cases_app.command("follow")
def cases_follow(
    case_id: str,
    data_dir: DataDir = DEFAULT_DIR,
    timeout_s: Annotated[float, typer.Option("--timeout", help="Give up after so many seconds.")] = 60.0,
) -> None:
    """Print every change of a case until it ends or waits for a person."""

    async def work(headgate: "Headgate") -> None:
        from domain.case import TERMINAL_STATES, WAITING_STATES

        async for status in headgate.follow(case_id, timeout_s=timeout_s):
            waits = f", waits for {status.waits_for}" if status.waits_for else ""
            typer.echo(f"{status.state} [{status.category or 'no category yet'}] {status.finding}{waits}")
            if status.state in TERMINAL_STATES | WAITING_STATES:
                return
        raise TimeoutError(f"{case_id} is still running after {timeout_s:g} s")

    with_headgate(data_dir, work)


@cases_app.command("cancel")
def cases_cancel(case_id: str, data_dir: DataDir = DEFAULT_DIR) -> None:
    """Cancel a case; nothing is paid for it afterwards."""

    async def work(headgate: "Headgate") -> None:
        await headgate.cancel(case_id)
        typer.echo(f"{case_id}: asked to end")

    with_headgate(data_dir, work)


@cases_app.command("route")
def cases_route(case_id: str, category: str, data_dir: DataDir = DEFAULT_DIR, by: By = "") -> None:
    """Send a waiting case to Billing, "Technical Support" or Sales."""
    from domain.case import HumanDecision, Lane
    from domain.routing import CATEGORIES, parse_route

    chosen = parse_route(category)
    if chosen is None:
        raise fail(f"category {category!r}: expected one of {', '.join(CATEGORIES)}", USAGE)
    _decide_case(case_id, HumanDecision(verdict=Lane.ROUTE, by=_person(by), category=chosen), data_dir)


@cases_app.command("answer")
def cases_answer(
    case_id: str,
    text: Annotated[str, typer.Option("--text", help="What the customer is told; - reads it from stdin.")],
    data_dir: DataDir = DEFAULT_DIR,
    by: By = "",
) -> None:
    """Answer a waiting case yourself; it ends as done."""
    from domain.case import HumanDecision, Lane

    said = sys.stdin.read() if text == "-" else text
    if not said.strip():
        raise fail("the answer is empty: say something with --text", USAGE)
    _decide_case(case_id, HumanDecision(verdict=Lane.ANSWER, by=_person(by), text=said), data_dir)


@cases_app.command("close")
def cases_close(
    case_id: str,
    data_dir: DataDir = DEFAULT_DIR,
    reason: Annotated[str, typer.Option(help="Why; stands in the journal.")] = "",
    by: By = "",
) -> None:
    """Close a waiting case without an answer; it ends as rejected."""
    from domain.case import HumanDecision, Lane

    _decide_case(case_id, HumanDecision(verdict=Lane.CLOSE, by=_person(by), reason=reason), data_dir)


def _decide_case(case_id: str, decision: "HumanDecision", data_dir: Path) -> None:
    async def work(headgate: "Headgate") -> bool:
        answer = await headgate.decide_case(case_id, decision)
        typer.echo(f"{case_id}: {answer.message}", err=not answer.accepted)
        return answer.accepted

    if not with_headgate(data_dir, work):
        raise typer.Exit(WRONG)


# --- approvals ----------------------------------------------------------------------------------------------


@approvals_app.command("list")
def approvals_list(data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """List what waits for a decision, the oldest first."""

    async def work(headgate: "Headgate") -> None:
        views = await headgate.pending()
        if as_json:
            emit({"approvals": [view.model_dump(mode="json") for view in views]})
        elif not views:
            typer.echo("nothing waits for a decision")
        else:
            table(
                ("approval", "amount", "what", "decide until (UTC)"),
                ((v.approval_id, v.amount, v.brief.what, f"{v.expires_at:%m-%d %H:%M}") for v in views),
            )

    with_headgate(data_dir, work)


@approvals_app.command("show")
def approvals_show(approval_id: str, data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Show the brief: what, for whom, why, evidence, policy, and what each answer does."""

    async def work(headgate: "Headgate") -> None:
        view = await headgate.show(approval_id)
        if as_json:
            emit(view.model_dump(mode="json"))
        else:
            _print_brief(view)

    with_headgate(data_dir, work)


def _print_brief(view: "ApprovalView") -> None:
    brief = view.brief
    typer.echo(f"{view.approval_id}: {view.standing}" + (f" by {view.decided_by}" if view.decided_by else ""))
    for name, value in (
        ("what", brief.what),
        ("for whom", brief.for_whom),
        ("why a person", brief.why),
        *(("evidence", line) for line in brief.evidence),
        ("policy", brief.policy),
        ("if approved", brief.if_approved),
        ("if rejected", brief.if_rejected),
        ("decide until", f"{view.expires_at:%Y-%m-%d %H:%M} UTC"),
        ("digest", view.digest),
        *(("did not count", notice) for notice in view.notices),
    ):
        typer.echo(f"  {name:13} {value}")


Approvers = Annotated[
    str, typer.Option("--by", envvar="HEADGATE_USER", help="Your name on the blueprint's list of approvers.")
]
Why = Annotated[str, typer.Option("--reason", help="Why; a rejection's reason is told to the customer.")]
Digest = Annotated[str | None, typer.Option("--digest", help="Only if the action still has this digest.")]


@approvals_app.command("approve")
def approvals_approve(
    approval_id: str, by: Approvers, data_dir: DataDir = DEFAULT_DIR, reason: Why = "", digest: Digest = None
) -> None:
    """Approve exactly the action that `show` shows."""
    from domain.approval import Verdict

    _decide(approval_id, Verdict.APPROVE, by, reason, digest, data_dir)


@approvals_app.command("reject")
def approvals_reject(
    approval_id: str, by: Approvers, data_dir: DataDir = DEFAULT_DIR, reason: Why = "", digest: Digest = None
) -> None:
    """Reject the action; nothing is paid and the customer is told."""
    from domain.approval import Verdict

    _decide(approval_id, Verdict.REJECT, by, reason, digest, data_dir)


def _decide(approval_id: str, verdict: "Verdict", by: str, reason: str, digest: str | None, data_dir: Path) -> None:
    from domain.approval import ApprovalDecision

    async def work(headgate: "Headgate") -> bool:
        view = await headgate.show(approval_id)
        decision = ApprovalDecision(
            approval_id=approval_id, digest=digest or view.digest, verdict=verdict, by=by, reason=reason
        )
        answer = await headgate.decide(decision)
        typer.echo(
            f"{approval_id}: {'' if answer.accepted else 'did not count: '}{answer.message}", err=not answer.accepted
        )
        return answer.accepted

    if not with_headgate(data_dir, work):
        raise typer.Exit(WRONG)


# --- intake -------------------------------------------------------------------------------------------------


@intake_app.command("show")
def intake_show(data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Show pace, pause and counts."""

    async def work(headgate: "Headgate") -> None:
        state = await headgate.intake()
        if as_json:
            emit(state.model_dump(mode="json"))
            return
        pause = "pausing, a batch is still coming in" if state.taking else "paused"
        doing = pause if state.paused else f"up to {state.per_second:g} cases per second"
        typer.echo(f"{doing}; {state.admitted} admitted, {state.poison} unreadable")

    with_headgate(data_dir, work)


@intake_app.command("pause")
def intake_pause(data_dir: DataDir = DEFAULT_DIR) -> None:
    """Let nothing more in; webhooks are still accepted and wait on disk."""
    state = with_headgate(data_dir, lambda headgate: headgate.pause_intake())
    typer.echo("pausing, a batch is still coming in" if state.taking else "paused")


@intake_app.command("resume")
def intake_resume(data_dir: DataDir = DEFAULT_DIR) -> None:
    """Go on letting in."""
    with_headgate(data_dir, lambda headgate: headgate.resume_intake())
    typer.echo("resumed")


@intake_app.command("pace")
def intake_pace(per_second: float, data_dir: DataDir = DEFAULT_DIR) -> None:
    """Let in so many cases per second."""
    with_headgate(data_dir, lambda headgate: headgate.pace_intake(per_second))
    typer.echo(f"up to {per_second:g} cases per second")
