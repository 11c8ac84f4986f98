"""`headgate cases route`: one case, or all that stand with people for the same reason."""

from typing import TYPE_CHECKING, Annotated

import typer

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
    settings_for,
    with_headgate,
)

if TYPE_CHECKING:
    from pathlib import Path

    from client.cases import RoutedCases
    from client.headgate import Headgate

SHOWN_AT_MOST = 20


def cases_route(
    words: Annotated[list[str], typer.Argument(metavar="[CASE] CATEGORY", help="No case with --all.")],
    data_dir: DataDir = DEFAULT_DIR,
    every: Annotated[
        bool, typer.Option("--all", help="All cases that wait for a person with such a --finding.")
    ] = False,
    finding: Annotated[
        str, typer.Option(help="With --all: how the finding begins, in any case of letters; * stands for anything.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="With --all: at most this many.")] = 1000,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --all: only say which they are.")] = False,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Send waiting cases to a category of their blueprint, such as Billing or "Technical Support"."""
    from domain.case import HumanDecision, Lane

    if len(words) != (1 if every else 2):
        raise fail("name a case and a category, or say --all --finding TEXT and a category", USAGE)
    if every and not finding.strip():
        raise fail('the finding is empty: say with --finding how it begins, or --finding "*" for all', USAGE)
    if not every and (finding or dry_run):
        raise fail("--finding and --dry-run go with --all", USAGE)
    decision = HumanDecision(verdict=Lane.ROUTE, by=person(by), category=words[-1])
    if not every:
        case_id = words[0]
        answer = with_headgate(data_dir, lambda headgate: headgate.cases.decide(case_id, decision))
        report([case_id], answer.message, accepted=answer.accepted, as_json=as_json)
        return
    decision.category = _category(data_dir, words[-1])

    async def work(headgate: "Headgate") -> "RoutedCases":
        return await headgate.cases.route_all(finding, decision, limit=limit, dry_run=dry_run)

    _report_all(with_headgate(data_dir, work), dry_run=dry_run, as_json=as_json)


def _category(data_dir: "Path", named: str) -> str:
    """Return a category as the blueprint writes it; an unknown one ends the command before anything is asked."""
    from domain.errors import not_among
    from domain.routing import parse_route
    from workers.parts.blueprint import read_blueprint

    with clear_errors():
        names = [known.name for known in read_blueprint(settings_for(data_dir)).categories]
        found = parse_route(named, names)
        if found is None:
            raise not_among("category", named, names)
    return found


def _report_all(done: "RoutedCases", *, dry_run: bool, as_json: bool) -> None:
    took = f"{len(done.routed)} {'would be sent' if dry_run else 'sent'}"
    message = f"{done.looked_at} looked at, {len(done.routed) + len(done.refused)} with such a finding, {took}"
    if done.refused:
        message += f", {len(done.refused)} did not take it"
    if as_json:
        emit(
            {
                "ids": done.routed,
                "accepted": not done.refused,
                "message": message,
                "looked_at": done.looked_at,
                "refused": done.refused,
            }
        )
    else:
        typer.echo(message)
        shown = done.routed if dry_run else []
        for case_id in shown[:SHOWN_AT_MOST]:
            typer.echo(f"  {case_id}")
        for case_id, why in list(done.refused.items())[:SHOWN_AT_MOST]:
            typer.echo(f"  {case_id}: {why}", err=True)
        more = max(len(shown) - SHOWN_AT_MOST, 0) + max(len(done.refused) - SHOWN_AT_MOST, 0)
        if more:
            typer.echo(f"  and {more} more: --json names all", err=True)
    if done.refused:
        raise typer.Exit(WRONG)
