"""`headgate approvals`: what waits at the gate, and a person's decision on it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.approvals.approval_trail import trail_document, trail_lines
from commands.terminal.cli import (
    DEFAULT_DIR,
    WRONG,
    AsJson,
    DataDir,
    emit,
    fail,
    report,
    table,
    with_headgate,
    with_store,
)

if TYPE_CHECKING:
    from client.headgate import Headgate
    from domain.authority.trail import TrailRow
    from domain.money.approval import ApprovalView, DecisionAnswer, Verdict
    from workers.bootstrap import Parts

LIST_QUOTE_CHARS = 80
approvals_app = typer.Typer(no_args_is_help=True, help="What waits at the gate, and your decision on it.")


@approvals_app.command("list")
def approvals_list(data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """List what waits for a decision, the oldest first.

    Piped, a line each, tab-separated: approval, amount, what, until when (UTC), what the customer wrote since, what the
    customer wrote, each reason why a person decides.
    """
    from domain.briefs.request import short_request

    async def work(headgate: "Headgate") -> None:
        pending = await headgate.approvals.pending()
        views = pending.views
        if as_json:
            emit({"approvals": [view.model_dump(mode="json") for view in views], "unshown": pending.unshown})
            return
        if pending.unshown:
            typer.echo(f"{len(pending.unshown)} cannot be shown just now: {', '.join(pending.unshown)}", err=True)
        if not views and not pending.unshown:
            typer.echo("nothing waits for a decision")
        elif views:
            table(
                ("approval", "amount", "what", "decide until (UTC)", "wrote since", "the customer", "why a person"),
                (
                    (
                        v.approval_id,
                        v.amount,
                        v.brief.what,
                        f"{v.expires_at:%m-%d %H:%M}",
                        f"{len(v.wrote_since)}: {short_request(v.wrote_since, LIST_QUOTE_CHARS)}"
                        if v.wrote_since
                        else "",
                        short_request(v.brief.request, LIST_QUOTE_CHARS),
                        v.brief.why_in_short,
                    )
                    for v in views
                ),
            )

    with_headgate(data_dir, work)


@approvals_app.command("show")
def approvals_show(approval_id: str, data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Show the brief: what, for whom, why, evidence, what the customer wrote, policy, and what each answer does."""

    async def work(headgate: "Headgate") -> None:
        view = await headgate.approvals.show(approval_id)
        if as_json:
            emit(view.model_dump(mode="json"))
        else:
            _print_brief(view)

    with_headgate(data_dir, work)


def _print_brief(view: "ApprovalView") -> None:
    from domain.briefs.request import request_rows
    from domain.conversations.since import if_approved, since_rows

    brief = view.brief
    typer.echo(f"{view.approval_id}: {view.standing}" + (f" by {view.decided_by}" if view.decided_by else ""))
    for name, value in (
        ("what", brief.what),
        ("for whom", brief.for_whom),
        *(("why a person", line) for line in brief.why_lines()),
        *(("evidence", line) for line in brief.evidence),
        *request_rows(brief.request),
        *since_rows(view),
        ("policy", brief.policy),
        ("if approved", if_approved(view)),
        ("if rejected", brief.if_rejected),
        ("decide until", f"{view.expires_at:%Y-%m-%d %H:%M} UTC"),
        ("digest", view.digest),
        *(("had no effect", notice) for notice in view.notices),
        ("original", f"headgate cases original {view.case_id}"),
    ):
        typer.echo(f"  {name:13} {value}")


@approvals_app.command("history")
def approvals_history(
    subject: Annotated[str, typer.Argument(metavar="CASE|APPROVAL", help="A case, or one approval of it.")],
    verify: Annotated[
        bool, typer.Option("--verify", help="Check that the rows of all approvals still fit; exit 1 if one does not.")
    ] = False,
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Show what happened to approvals: asked for, reminded, each decision counted or refused, from the store alone.

    Each row seals the one before it. `--verify` names rows that no longer fit; it does not check signatures, and finds
    nothing where all later rows were made anew. The newest row's number and hash, kept elsewhere, show that.
    """

    async def work(parts: "Parts") -> "tuple[list[TrailRow], list[str] | None, TrailRow | None]":
        trail = parts.store.trail
        return trail.of(subject), trail.breaks() if verify else None, trail.newest()

    rows, breaks, newest = with_store(data_dir, work)
    if not rows and not breaks:
        raise fail(f"nothing on the trail of {subject!r}: name a case, or an approval of it")
    if as_json:
        emit(trail_document(rows, breaks, newest))
    else:
        for line in trail_lines(rows, breaks, newest):
            typer.echo(line)
    if breaks:
        raise typer.Exit(WRONG)


Approvers = Annotated[
    str, typer.Option("--by", envvar="HEADGATE_USER", help="Your name on the blueprint's list of approvers.")
]
Why = Annotated[str, typer.Option("--reason", help="Why; a rejection's reason is told to the customer.")]
Digest = Annotated[str | None, typer.Option("--digest", help="Only if the action still has this digest.")]


@approvals_app.command("approve")
def approvals_approve(
    approval_id: str,
    by: Approvers,
    data_dir: DataDir = DEFAULT_DIR,
    reason: Why = "",
    digest: Digest = None,
    as_json: AsJson = False,
) -> None:
    """Approve exactly the action that `show` shows, signed with your own token (HEADGATE_APPROVER_TOKEN)."""
    from domain.money.approval import Verdict

    _hand_in_decision(approval_id, Verdict.APPROVE, by, reason, digest, data_dir, as_json=as_json)


@approvals_app.command("reject")
def approvals_reject(
    approval_id: str,
    by: Approvers,
    data_dir: DataDir = DEFAULT_DIR,
    reason: Why = "",
    digest: Digest = None,
    as_json: AsJson = False,
) -> None:
    """Reject the action, signed with your own token; nothing is paid and the customer is told."""
    from domain.money.approval import Verdict

    _hand_in_decision(approval_id, Verdict.REJECT, by, reason, digest, data_dir, as_json=as_json)


def _hand_in_decision(
    approval_id: str, verdict: "Verdict", by: str, reason: str, digest: str | None, data_dir: Path, *, as_json: bool
) -> None:
    from client.deciding.approver_token import own_key
    from domain.authority.signed import sign
    from domain.money.approval import ApprovalDecision

    async def work(headgate: "Headgate") -> "DecisionAnswer":
        key = own_key(by, data_dir)
        view = await headgate.approvals.show(approval_id)
        decision = ApprovalDecision(
            approval_id=approval_id, digest=digest or view.digest, verdict=verdict, by=by, reason=reason
        )
        return await headgate.approvals.decide(sign(decision, key, datetime.now(UTC)))

    answer = with_headgate(data_dir, work)
    message = answer.message if answer.accepted else f"had no effect: {answer.message}"
    report([approval_id], message, accepted=answer.accepted, as_json=as_json)
