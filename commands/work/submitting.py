"""`headgate submit`: send a file through the real webhook, and wait for what becomes of it."""

import asyncio
import sys
import time
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.text import Text

from client.headgate import Headgate
from client.sending import SendSummary, send_file
from client.which import SourceEndpoint, source_named, which_headgate
from commands.terminal.cli import emit
from commands.terminal.progress import progress_bar
from domain.case import CaseState
from domain.errors import GatewayUnreachableError, ImpossibleError, NotReachableError

POLL_S = 1.0


async def run_submit(
    file: str,
    *,
    data_dir: Path,
    url: str | None = None,
    source: str | None,
    rate: float | None,
    limit: int | None,
    texts: Path | None,
    wait_s: float | None,
    as_json: bool,
) -> bool:
    """Send and, with `wait_s`, wait until every case has ended or waits for somebody; print the summary.

    Without `url` to the gateway of `headgate up`; with it to that gateway, signed by the secrets in `sources.json` of
    the data dir. Waits at the Temporal of the Headgate that is meant (`client/which.py`).

    Returns:
        Whether everything was accepted and, with `wait_s`, settled in time.

    Raises:
        NotReachableError: nobody says which Headgate is meant or where its gateway is, or it does not answer.
        UsageError: there is no such source, or the file is of a kind that is not sent.
        ImpossibleError: the file, or the rest of it, cannot be read; or nothing in it can be sent.
    """
    if url is None or wait_s is not None:
        which_headgate(data_dir).require_running()  # nothing is sent that could not be waited for
    console = Console(stderr=True, highlight=False)
    gateway, target = gateway_and_source(data_dir, url, source)
    summary = await _send(file, gateway, target, console, rate=rate, limit=limit, texts=texts)
    for line in summary.skips:
        print(line, file=sys.stderr)  # noqa: T201
    if not summary.sent:
        more = f"{summary.skipped} of {summary.skipped} cannot be sent" if summary.skipped else "nothing stands in it"
        raise ImpossibleError(f"{file!r}: {more}")
    states: dict[str, int] = {}
    started = time.perf_counter()
    if wait_s is not None:
        async with await Headgate.connect(data_dir) as headgate:
            states = await _wait_until_settled(headgate, summary, wait_s, console)
    running = states.get(CaseState.RUNNING, 0)
    _print_summary(summary, states, time.perf_counter() - started, as_json=as_json)
    if running:
        console.print(f"{running} cases are still running after {wait_s:g} s: look at `headgate status`")
    if summary.unread:
        raise ImpossibleError(summary.unread)
    return not summary.refused and not summary.skipped and not running


async def _send(
    file: str,
    gateway: str,
    target: SourceEndpoint,
    console: Console,
    *,
    rate: float | None,
    limit: int | None,
    texts: Path | None,
) -> SendSummary:
    """Send the file to a gateway, with a bar; raises as `run_submit` does."""
    try:
        with progress_bar(console, "sent", None) as bar:
            return await send_file(
                file,
                gateway=gateway,
                source=target.name,
                secret=target.secret,
                rate=rate,
                limit=limit,
                texts=texts,
                progress=lambda done: bar(done, ""),
                held_up=lambda line: console.print(Text(line)),
            )
    except GatewayUnreachableError as error:
        raise NotReachableError(f"{error}: is that the gateway's address? `headgate doctor` says what runs") from error
    except OSError as error:
        raise ImpossibleError(f"{file!r} cannot be read: {error.strerror or error}") from error


def gateway_and_source(data_dir: Path, url: str | None, source: str | None) -> tuple[str, SourceEndpoint]:
    """Return the address of the gateway, and the source to sign as.

    Raises:
        NotReachableError: nobody says where the gateway is, or there are no secrets here.
        UsageError: there is no such source.
        ConfigurationError: sources.json is not as expected.
    """
    if url is not None:
        from workers.first_secrets import signing_sources

        return url.rstrip("/"), source_named(source, signing_sources(data_dir / "sources.json"))
    which = which_headgate(data_dir).require_running()
    if which.endpoints is None:
        raise NotReachableError(
            f"the gateway of {which} is not known: name it by --url, and by --data-dir a folder with its sources.json"
        )
    return which.endpoints.gateway, source_named(source, which.endpoints.sources)


async def _wait_until_settled(
    headgate: Headgate, summary: SendSummary, wait_s: float, console: Console
) -> dict[str, int]:
    """Return the states of the cases sent, once none runs or the time is up."""
    open_ids = set(summary.case_ids)
    states: Counter[str] = Counter()
    deadline = time.monotonic() + wait_s
    with progress_bar(console, "settled", len(open_ids)) as bar:
        while open_ids and time.monotonic() < deadline:
            async for row in headgate.cases.list(limit=1_000_000):
                if row.case_id in open_ids and row.state != CaseState.RUNNING:
                    open_ids.discard(row.case_id)
                    states[row.state] += 1
            bar(sum(states.values()), ", ".join(f"{n} {state}" for state, n in states.items()))
            if open_ids:
                await asyncio.sleep(POLL_S)
    if open_ids:
        states[CaseState.RUNNING] = len(open_ids)
    return dict(states)


def _print_summary(summary: SendSummary, states: dict[str, int], took_s: float, *, as_json: bool) -> None:
    if as_json:
        settled = {"states": states, "settled_s": round(took_s, 3)} if states else {}
        emit(summary.model_dump(mode="json") | settled)
        return
    print(  # noqa: T201 - the command's output
        f"{summary.sent} sent in {summary.took_s:.1f} s ({summary.per_second:.0f}/s): {summary.accepted} accepted, "
        f"{summary.duplicates} known already, {sum(summary.refused.values())} refused"
        f"{f', {summary.skipped} skipped' if summary.skipped else ''}; "
        f"answered within {summary.p50_s * 1000:.0f} ms (half), {summary.p95_s * 1000:.0f} ms (95 %)"
    )
    if len(summary.case_ids) == 1:
        print(f"its case: {summary.case_ids[0]}")  # noqa: T201
    for code, n in summary.refused.items():
        print(f"  refused {n}: {code}", file=sys.stderr)  # noqa: T201
    if states:
        print("settled: " + ", ".join(f"{n} {state}" for state, n in sorted(states.items())))  # noqa: T201
