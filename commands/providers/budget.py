"""`headgate budget`: what model calls may use and did use, a cap for today, and cases that wait for money."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from commands.providers.reusing import reuse_document, reuse_line
from commands.providers.saving import cheaper_tiers, short_line, short_windows
from commands.providers.spending import SHOWN_BY, lines_by, totals_by
from commands.terminal.cli import (
    DEFAULT_DIR,
    AsJson,
    By,
    DataDir,
    emit,
    person,
    report,
    table,
    with_headgate_and_store,
    with_store,
)

if TYPE_CHECKING:
    from client.headgate import Headgate
    from domain.cache.record import ReuseSum
    from domain.spend.budgets import Budget
    from ports.models.spend import BudgetWindow, SpendSum
    from workers.bootstrap import Parts

budget_app = typer.Typer(
    no_args_is_help=True, help="What model calls may use and did use; a cap for today; cases that wait for money."
)


@budget_app.command("show")
def budget_show(
    data_dir: DataDir = DEFAULT_DIR,
    days: Annotated[int, typer.Option(min=1, max=90, help="Sums of so many days, today included.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Show the budgets of today, which steps begin at a cheaper tier since money is short, what calls used by day,
    tenant, step and model, and what reused answers saved.
    """

    async def work(
        parts: "Parts",
    ) -> "tuple[list[BudgetWindow], list[bool], dict[str, str], list[SpendSum], list[ReuseSum]]":
        shown, blueprint = parts.spend.report, parts.blueprint
        windows = await asyncio.to_thread(shown.windows, blueprint.budgets)
        cheaper = cheaper_tiers(blueprint, parts.settings.models)
        short = short_windows(blueprint.budgets, windows)
        sums, reused = await asyncio.to_thread(shown.sums, days), await asyncio.to_thread(parts.reuse.sums, days)
        return windows, short, cheaper, sums, reused

    windows, short, cheaper, sums, reused = with_store(data_dir, work)
    if as_json:
        emit(
            {
                "windows": [w.model_dump(mode="json") | {"short": s} for w, s in zip(windows, short, strict=True)],
                "cheaper_when_short": cheaper,
                "sums": [s.model_dump() for s in sums],
                "reused": reuse_document(reused) | {"sums": [s.model_dump() for s in reused]},
                **{f"by_{name}": totals_by(sums, name) for name in SHOWN_BY},
            }
        )
        return
    for window, is_short in zip(windows, short, strict=True):
        typer.echo(
            window_line(window)
            + (short_line(cheaper, full=window.used + window.held >= window.cap) if is_short else "")
        )
    if not windows:
        typer.echo("the blueprint has no budgets: nothing is refused for money")
    for name, line in lines_by({f"by_{name}": totals_by(sums, name) for name in SHOWN_BY}).items():
        typer.echo(f"{name}: {line}")
    if saved := reuse_line(reuse_document(reused)):
        typer.echo(f"reused: {saved}")
    columns = ("day (UTC)", "tenant", "step", "model", "calls", "in", "out", "micro-USD")
    table((*columns, "cached", "reasoning", "estimated", "wait s"), (row_of(s).values() for s in sums))


@budget_app.command("set")
def budget_set(
    scope: Annotated[str, typer.Argument(help="As `budget show` names it, such as all or tenant:acme.")],
    cap: Annotated[
        int, typer.Argument(min=1, max=10**15, help="Tokens, or millionths of a US dollar: the budget's own unit.")
    ],
    data_dir: DataDir = DEFAULT_DIR,
    unit: Annotated[str, typer.Option(help="tokens or micros, where the scope has a budget of both.")] = "",
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Set a cap for today, recorded with your name, and let parked cases try again.

    It holds until the budget's day is over; the standing cap is the blueprint's.
    """

    async def work(headgate: "Headgate", parts: "Parts") -> "tuple[BudgetWindow, list[str]]":
        from client.spending.parked import ParkedCases

        budget = _meant(parts.blueprint.budgets, scope, unit)
        window = await asyncio.to_thread(parts.spend.report.set_cap, budget, cap, person(by))
        return window, await ParkedCases(headgate.temporal).resume_all(person(by))

    window, resumed = with_headgate_and_store(data_dir, work)
    said = f"the cap is {window.cap:,} {window.unit} on {window.window}; {len(resumed)} parked cases try again"
    report([window.scope], said, as_json=as_json)


@budget_app.command("resume")
def budget_resume(data_dir: DataDir = DEFAULT_DIR, by: By = "", as_json: AsJson = False) -> None:
    """Let all cases try again that wait for a budget or for a provider that is out; those that cannot go on park once
    more.
    """

    async def work(headgate: "Headgate", _parts: "Parts") -> list[str]:
        from client.spending.parked import ParkedCases

        return await ParkedCases(headgate.temporal).resume_all(person(by))

    ids = with_headgate_and_store(data_dir, work)
    said = f"{len(ids)} parked cases try again" if ids else "no case waits for a budget or a provider"
    report(ids, said, line=said, as_json=as_json)


def cases_resume(case_id: str, data_dir: DataDir = DEFAULT_DIR, by: By = "", as_json: AsJson = False) -> None:
    """Let a parked case try again; of one that ran in a circle, what it asked before counts no more."""

    async def work(headgate: "Headgate", parts: "Parts") -> None:
        from client.spending.parked import ParkedCases

        await ParkedCases(headgate.temporal).require_parked(case_id)
        await asyncio.to_thread(parts.spend.report.let_go, case_id, person(by))
        await ParkedCases(headgate.temporal).resume(case_id, person(by))

    with_headgate_and_store(data_dir, work)
    report([case_id], "tries again", as_json=as_json)


def window_line(window: "BudgetWindow") -> str:
    """Write a budget in one line."""
    by = f", cap set by {window.cap_by}" if window.cap_by else ""
    taken = window.used + window.held
    share = f"{100 * taken / window.cap:.0f}%"
    return (
        f"{window.scope}: {window.used:,} used and {window.held:,} held of {window.cap:,} {window.unit} ({share}) on "
        f"{window.window}{by}"
    )


def row_of(one: "SpendSum") -> dict[str, object]:
    """Return a row of the table, with the wait as people read it."""
    return one.model_dump() | {"waited_s": round(one.waited_s, 1)}


def _meant(budgets: "list[Budget]", scope: str, unit: str) -> "Budget":
    """Return the budget that a person names. Raises UsageError where there is none, or more than one."""
    from domain.errors import UsageError, not_among
    from domain.specialists import is_of_agents
    from domain.spend.budgets import Unit, budgets_named

    if unit and unit not in set(Unit):
        raise not_among("--unit", unit, Unit)
    if not budgets:
        raise UsageError(
            "the blueprint has no budgets: add a table [[budgets]] to blueprint.toml (docs/budgets.md) and start with "
            "`headgate up --accept-blueprint`. If the Headgate that runs has some, set HEADGATE_BLUEPRINT to its folder"
        )
    if scope.endswith(":*"):
        raise UsageError(f"scope {scope!r} is each by itself: name one, as `headgate budget show` does")
    found = [budget for budget in budgets_named(budgets, scope) if unit in ("", budget.unit)]
    if (
        not found or not scope.isprintable() or not is_of_agents(scope)
    ):  # any name goes with `*`, but is shown to people
        raise not_among("scope", scope, [f"{b.scope} ({b.unit})" for b in budgets])
    if len(found) > 1:
        raise UsageError(f"{scope!r} has a budget of tokens and one of micros: say which by --unit")
    return found[0]
