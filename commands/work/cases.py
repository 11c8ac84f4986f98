"""`headgate cases`: start, follow, list, decide and cancel cases."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from commands.terminal.cli import (
    DEFAULT_DIR,
    USAGE,
    AsJson,
    By,
    DataDir,
    clear_errors,
    emit,
    fail,
    person,
    report,
    settings_for,
    table,
    with_headgate,
    with_headgate_and_store,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from client.case_rows import CaseRow
    from client.headgate import Headgate
    from domain.case import CaseAnswer, HumanDecision

Answer = TypeVar("Answer")
LET_IN_WITHIN_S = (
    3.0  # from the webhook's 202 to a case that can be asked, where the intake neither rests nor is paused
)

WAITING_HINT = "`headgate cases show CASE`: why, and what the customer wrote; `cases original CASE`: as it came in"

cases_app = typer.Typer(no_args_is_help=True, help="Start, follow, list, decide and cancel cases.")


@cases_app.command("list")
def cases_list(
    data_dir: DataDir = DEFAULT_DIR,
    state: Annotated[str | None, typer.Option(help="Only cases in this state, e.g. waiting_human.")] = None,
    category: Annotated[str | None, typer.Option(help="Only this category, e.g. Billing.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most this many, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List cases, newest first.

    Piped, a line each, tab-separated: case, state, category, amount in minor units, cost in millionths of a US dollar,
    start (UTC).
    """
    from client.case_filters import case_filter
    from domain.case import CaseState
    from domain.routing import parse_route
    from workers.parts.blueprint import read_blueprint

    settings = settings_for(data_dir)
    with clear_errors():  # a slip of the hand is told before anything is connected
        if category is not None:
            names = [known.name for known in read_blueprint(settings).categories]
            case_filter(state, category, categories=names)
            category = parse_route(category, names)
        case_filter(state)

    async def work(headgate: "Headgate") -> None:
        rows = [row async for row in headgate.cases.list(state=state, category=category, limit=limit)]
        if as_json:
            emit({"cases": [row.model_dump(mode="json") for row in rows]})
        elif not rows:
            typer.echo(
                "no cases"
                + (" like that" if state or category else " yet: send some with `headgate submit FILE.jsonl`")
            )
        else:
            table(
                ("case", "state", "category", "amount, minor", "cost µ$", "started UTC"),
                (
                    (r.case_id, r.state, r.category, r.amount_minor, r.cost_micros, f"{r.started_at:%m-%d %H:%M:%S}")
                    for r in rows
                ),
            )
            if any(r.state == CaseState.WAITING_HUMAN for r in rows):
                typer.echo(WAITING_HINT, err=True)

    with_headgate(data_dir, work)


@cases_app.command("show")
def cases_show(case_id: str, data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Show one case for people: what, whose, where it stands, money, letters, what it waits for, what to type next.

    --json prints all fields, amounts in minor units. The message is shown as the models see it: cleaned, with tokens
    for personal data as far as rules find them (of names, those that came with the message); above it, quoted, the
    sentences that ask for something. `headgate cases original` shows it as it came in. The newest letter to the
    customer stands before it, marked >; of a case that waits for its customer what is asked, until when, and what an
    answer does. Of a case that came as a document each field is listed: given, derived (from which record or words),
    guessed or missing, and whether its customer was asked for it; in JSON under `fields`.
    """
    from commands.work.case_page import UNHEARD, case_page, edits_of, letters_of, on_record, settling_of
    from domain.case import CaseMessage
    from domain.errors import UnknownCaseError

    async def work(headgate: "Headgate") -> None:
        try:
            document = await _case_document(headgate, case_id)
            row = await headgate.cases.row(case_id)
            message = await _or_unheard(row, headgate.cases.message(case_id), CaseMessage(notes=[UNHEARD]))
        except UnknownCaseError:
            if (found := on_record(data_dir, case_id)) is None:
                raise
            document, message = found
        document |= settling_of(data_dir, case_id) | edits_of(data_dir, case_id) | letters_of(data_dir, case_id)
        if as_json:
            emit(document | {"message": message.model_dump(mode="json")})
            return
        for line in case_page(document, message):
            typer.echo(line)

    with_headgate(data_dir, work)


async def _or_unheard(row: "CaseRow", asked: "Awaitable[Answer]", instead: "Answer") -> "Answer":
    """Return what a case says of itself; of one that failed at its start, what stands instead."""
    from domain.errors import NotReachableError

    try:
        return await asked
    except NotReachableError:
        if not row.ended_outside:
            raise
        return instead


async def _case_document(headgate: "Headgate", case_id: str) -> dict[str, object]:
    """Return all that is known of a case: the fields of its row in the list, its status, and how it ended."""
    from domain.case import CaseState, CaseStatus

    row = await headgate.cases.row(case_id)
    status = await _or_unheard(
        row, headgate.cases.status(case_id), CaseStatus(case_id=case_id, state=CaseState.RUNNING)
    )
    document = row.model_dump(mode="json") | status.model_dump(mode="json")
    if row.ended_outside:  # the workflow was never told, and would say what it was doing then
        return document | {"state": row.state, "waits_for": "", "waits_until": None}
    outcome = await headgate.cases.outcome(case_id)
    if outcome is not None:
        document |= {"dead_letter_id": outcome.dead_letter_id, "replay": outcome.replay}
    return document


@cases_app.command("start")
def cases_start(
    text: Annotated[str, typer.Argument(help="The message; - reads it from stdin.")],
    data_dir: DataDir = DEFAULT_DIR,
    subject: Annotated[str, typer.Option()] = "",
    customer_id: Annotated[str | None, typer.Option("--customer", help="Customer id, e.g. C-1001.")] = None,
    order_id: Annotated[str | None, typer.Option("--order", help="Order id, e.g. ORD-10023.")] = None,
    event_id: Annotated[str | None, typer.Option("--event-id", help="The same id again is the same case.")] = None,
    source: Annotated[str | None, typer.Option(help="Webhook source; default: the first one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Hand in one message through the signed webhook and print its case id."""
    message = sys.stdin.read() if text == "-" else text

    case_id = with_headgate(
        data_dir,
        lambda headgate: headgate.cases.start(
            text=message,
            subject=subject,
            customer_id=customer_id,
            order_id=order_id,
            event_id=event_id,
            source=source,
        ),
    )
    report([case_id], "accepted: it is on disk and will be worked", line=case_id, as_json=as_json)


@cases_app.command("follow")
def cases_follow(
    case_id: str,
    data_dir: DataDir = DEFAULT_DIR,
    timeout_s: Annotated[float, typer.Option("--timeout", help="Give up after this many seconds.")] = 60.0,
) -> None:
    """Print every change of a case until it ends or waits for somebody."""

    async def work(headgate: "Headgate") -> None:
        from domain.case import TERMINAL_STATES, WAITING_STATES

        row = await _row_once_let_in(headgate, case_id)
        if row.ended_outside:
            typer.echo(f"{row.state} [{row.category or 'no category'}] ended from outside, in Temporal")
            return
        async for status in headgate.cases.follow(case_id, timeout_s=timeout_s):
            waits = f", waits for {status.waits_for}" if status.waits_for else ""
            category = status.category or ("no category" if status.state in TERMINAL_STATES else "no category yet")
            typer.echo(f"{status.state} [{category}] {status.finding}{waits}")
            if status.state in TERMINAL_STATES | WAITING_STATES:
                return
        raise TimeoutError(f"{case_id} is still running after {timeout_s:g} s")

    with_headgate(data_dir, work)


async def _row_once_let_in(headgate: "Headgate", case_id: str) -> "CaseRow":
    """Return the row of a case. An unknown one is reported, and looked for once more: it may be on its way in."""
    from domain.errors import UnknownCaseError

    try:
        return await headgate.cases.row(case_id)
    except UnknownCaseError:
        typer.echo(f"{case_id}: not known; waiting {LET_IN_WITHIN_S:g} s, in case it is just being let in", err=True)
        await asyncio.sleep(LET_IN_WITHIN_S)
        return await headgate.cases.row(case_id)


@cases_app.command("cancel")
def cases_cancel(case_id: str, data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Cancel a case; nothing is paid for it afterwards."""
    with_headgate(data_dir, lambda headgate: headgate.cases.cancel(case_id))
    report([case_id], "asked to end", as_json=as_json)


@cases_app.command("answer")
def cases_answer(
    case_id: str,
    text: Annotated[str, typer.Option("--text", help="What the customer is told; - reads it from stdin.")],
    data_dir: DataDir = DEFAULT_DIR,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Answer a waiting case yourself; it ends as done."""
    from domain.case import HumanDecision, Lane
    from domain.mail.plain_words import plain_words

    said = plain_words(sys.stdin.read() if text == "-" else text)
    if not said.strip():
        raise fail("the answer is empty, or has no words but markup: say something with --text", USAGE)
    _decide_case(HumanDecision(verdict=Lane.ANSWER, by=person(by), text=said), case_id, data_dir, as_json=as_json)


@cases_app.command("close")
def cases_close(
    case_id: str,
    data_dir: DataDir = DEFAULT_DIR,
    reason: Annotated[str, typer.Option(help="Why; stands in the journal.")] = "",
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Close a waiting case without an answer; it ends as rejected.

    One that was ended in Temporal's own tools, or whose workflow is gone, is brought to its end: as cancelled, its
    payments settled. What was started there by hand, and no webhook brought, is taken out, the reason on record.
    """
    from commands.rescue.rescuing import end_from_outside
    from domain.case import HumanDecision, Lane

    decision = HumanDecision(verdict=Lane.CLOSE, by=person(by), reason=reason)
    answer = with_headgate(data_dir, lambda headgate: _close_if_worked(headgate, case_id, decision))
    if answer is not None:
        report([case_id], answer.message, accepted=answer.accepted, as_json=as_json)
        return
    said = with_headgate_and_store(
        data_dir,
        lambda headgate, parts: end_from_outside(parts, headgate, case_id, by=person(by), reason=reason),
    )
    report([case_id], said, as_json=as_json)


async def _close_if_worked(headgate: "Headgate", case_id: str, decision: "HumanDecision") -> "CaseAnswer | None":
    """Put a decision to a case; None where it has no workflow, or one that was ended past Headgate."""
    from domain.errors import UnknownCaseError

    try:
        answer = await headgate.cases.decide(case_id, decision)
        if answer.accepted or not (await headgate.cases.row(case_id)).ended_outside:
            return answer
    except UnknownCaseError:
        pass
    return None


def _decide_case(decision: "HumanDecision", case_id: str, data_dir: Path, *, as_json: bool) -> None:
    answer = with_headgate(data_dir, lambda headgate: headgate.cases.decide(case_id, decision))
    report([case_id], answer.message, accepted=answer.accepted, as_json=as_json)
