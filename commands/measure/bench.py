"""`headgate bench`: rates, each beside a plain baseline in the same run."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from commands.measure.claim_report import as_mapping
from commands.terminal.cli import USAGE, AsJson, clear_errors, emit, fail, run

bench_app = typer.Typer(no_args_is_help=True, help="Rates, each beside a plain baseline in the same run.")


@bench_app.command("intake")
def bench_intake(
    seconds: Annotated[float, typer.Option(min=1, help="Seconds per round.")] = 5.0,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each kind, alternating.")] = 3,
    inbox: Annotated[
        str, typer.Option(help="URL of a holding pen, as in HEADGATE_INBOX; queues of this run's own are made there.")
    ] = "",
    n: Annotated[int, typer.Option("--n", min=1000, help="Webhooks in all, where --inbox is given.")] = 50_000,
    gateways: Annotated[
        int,
        typer.Option(
            min=1, max=16, help="Gateways that share the pen, where --inbox is given; one takes about a core."
        ),
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """Accepted webhooks per second, against the same server with an empty handler.

    With --inbox over that pen, with the waits of senders, and against publishing straight to its broker.
    """
    _require_bench()
    from bench.intake import bench_intake as measure
    from bench.pens import bench_pen

    with clear_errors():
        document = bench_pen(inbox, n, rounds, gateways) if inbox else measure(seconds=seconds, rounds=rounds)
    _print_figures(document, as_json=as_json)


@bench_app.command("cases")
def bench_cases(
    cases: Annotated[int, typer.Option(min=10, help="Cases per round.")] = 300,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each kind, alternating.")] = 2,
    as_json: AsJson = False,
) -> None:
    """Cases per second and per second of processor time, and a lone ticket's wait, against a bare workflow with the
    same model calls, on the same server in the same run.
    """
    _require_bench()

    async def work() -> dict[str, object]:
        from bench.cases import bench_cases as measure

        return await measure(cases=cases, rounds=rounds)

    _print_figures(run(work), as_json=as_json)


@bench_app.command("steady")
def bench_steady(
    cases: Annotated[int, typer.Option(min=2000, help="Cases in all.")] = 10_000,
    as_json: AsJson = False,
) -> None:
    """Thousands of cases in a row: whether the rate holds and the memory of every process stays flat."""
    _require_bench()

    async def work() -> dict[str, object]:
        from bench.steady import bench_steady as measure

        return await measure(cases=cases)

    _print_figures(run(work), as_json=as_json)


@bench_app.command("spend")
def bench_spend(
    calls: Annotated[int, typer.Option(min=50, help="Calls of each kind, alternating.")] = 400,
    store: Annotated[str, typer.Option(help="URL of an empty PostgreSQL database, beside an SQLite file.")] = "",
    redis: Annotated[str, typer.Option(help="URL of a Redis for the limiter, beside one in process.")] = "",
    as_json: AsJson = False,
) -> None:
    """What limiter, budget and record add to a model call, beside the bare call through the same client, in turn."""
    _require_bench()

    async def work() -> dict[str, object]:
        from bench.spending.measure import bench_spend as measure
        from commands.measure.model_server import models_for

        async with models_for("offline") as parts:
            return await measure(parts, calls=calls, store_url=store, redis_url=redis)

    _print_figures(run(work), as_json=as_json)


@bench_app.command("costs")
def bench_costs(
    data: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help='Instead of the samples: lines of {"id", "text", "lang", "label"}.'
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Of --data, the first so many lines.")] = 2000,
    as_json: AsJson = False,
) -> None:
    """What model calls cost at list prices by each profile, step by step, beside the large model for every step.

    No provider is asked: the offline model answers, and its count of tokens is priced.
    """
    _require_bench()

    async def work() -> dict[str, object]:
        from bench.spending.costs import bench_costs as measure
        from bench.spending.costs import sample_messages, ticket_messages
        from commands.measure.model_server import models_for

        async with models_for("offline") as parts:
            messages = sample_messages(parts) if data is None else ticket_messages(parts, data, limit)
            return await measure(parts, messages)

    document = run(work)
    if as_json:
        emit(document)
        return
    by_step = document.pop("by step")
    _print_figures(document, as_json=False)
    for name, rows in as_mapping(by_step).items():
        typer.echo(name)
        for row in rows if isinstance(rows, list) else ():
            typer.echo(
                "  {step:10} {model:20} {calls:6} calls {tokens_in:9,} in {tokens_out:8,} out  ${usd:.4f}".format(**row)
            )


@bench_app.command("start")
def bench_start(as_json: AsJson = False) -> None:
    """Seconds from `headgate up` to the first accepted webhook, and after kill -9 of everything to the old rate."""
    _require_bench()

    async def work() -> dict[str, object]:
        from bench.start import bench_start as measure

        return await measure()

    _print_figures(run(work), as_json=as_json)


@bench_app.command("limiter")
def bench_limiter(
    redis: Annotated[str, typer.Option(help="URL of a Redis, as in HEADGATE_REDIS; what is put there ends by itself.")],
    rpm: Annotated[int, typer.Option(min=60, help="The provider's limit, requests per minute.")] = 1200,
    seconds: Annotated[float, typer.Option(min=10, help="At the whole limit; then as long at half of it.")] = 90.0,
    as_json: AsJson = False,
) -> None:
    """Calls against a provider that lets refused calls count, its limit halved in mid-run: a shared limiter, and
    back-off alone; and what the limiter costs beside a bare call.
    """
    _require_bench()
    from bench.limits.limiter import bench_limiter as measure

    with clear_errors():
        document = measure(redis, rpm, seconds)
    _print_figures(document, as_json=as_json)


@bench_app.command("mails")
def bench_mails(
    mails: Annotated[int, typer.Option(min=33, help="Mails in all, of 33 kinds in turn.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """Words of generated mails that are kept, lost or taken for the sender's, by Headgate and by three libraries."""
    _require_bench()
    from bench.mails.measure import bench_mails as measure

    document = measure(count=mails)
    if as_json:
        emit(document)
        return
    for name, figures in document.items():
        typer.echo(name if isinstance(figures, dict) else f"{name}: {figures}")
        _print_figures(figures if isinstance(figures, dict) else {}, as_json=False)


@bench_app.command("cache")
def bench_cache(
    entries: Annotated[int, typer.Option(min=100, max=100_000, help="Answered questions of a scope.")] = 20_000,
    decisions: Annotated[int, typer.Option(min=100, help="Decisions that are timed.")] = 1_000,
    probes: Annotated[int, typer.Option(min=1, help="Questions put to scopes that differ in one part.")] = 10_000,
    redis: Annotated[str, typer.Option(help="URL of a Redis, beside the cache in process.")] = "",
    as_json: AsJson = False,
) -> None:
    """How long the answer cache takes to decide, beside a plain search and a PING, and what other scopes see of it."""
    _require_bench()

    async def work() -> dict[str, object]:
        from bench.caching.speed import bench_cache as measure

        return await measure(entries, decisions, probes, redis)

    _print_figures(run(work), as_json=as_json)


def _require_bench() -> None:
    if importlib.util.find_spec("bench") is None:
        raise fail(
            "the measurements (folder `bench`) are not in this installation, nor in the container image: run "
            "`make bench` in a checkout of the sources",
            USAGE,
        )


def _print_figures(document: Mapping[str, object], *, as_json: bool) -> None:
    if as_json:
        emit(document)
        return
    for name, value in document.items():
        typer.echo(f"{name:28} {value}")
