"""`headgate submit`: send messages through the real webhook."""

from pathlib import Path
from typing import Annotated

import typer

from commands.terminal.cli import DEFAULT_DIR, WRONG, AsJson, DataDir, run

Rate = Annotated[float | None, typer.Option(help="Messages per second; default: as fast as they are accepted.")]
Texts = Annotated[Path | None, typer.Option(help="Where the texts of a schedule are; default: the folder above it.")]


def submit(
    file: Annotated[
        str,
        typer.Argument(
            help="FILE.jsonl, a table FILE.csv, either with .gz, an e-mail FILE.eml, a folder of them, or - for stdin."
        ),
    ],
    data_dir: DataDir = DEFAULT_DIR,
    url: Annotated[
        str | None,
        typer.Option(help="Another gateway than that of `headgate up`; sources.json in the data dir has its secrets."),
    ] = None,
    source: Annotated[str | None, typer.Option(help="Webhook source; default: the first one.")] = None,
    rate: Rate = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Send only the first messages, this many.")] = None,
    texts: Texts = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until every case has ended or waits for somebody.")] = False,
    timeout_s: Annotated[
        float, typer.Option("--timeout", help="With --wait: give up after this many seconds.")
    ] = 3600.0,
    as_json: AsJson = False,
) -> None:
    """Send messages through the real, signed webhook.

    The first line of a table names the fields (text, subject, customer_email, order_id …). A line, a row or an e-mail
    that cannot be sent is told, the others are sent, and the exit code is 1. The same row or e-mail again is the same
    case. Where one case came of it, its id is printed; --json has the ids of all. What a gateway answers that takes
    nothing for now is told on stderr; each message is tried eight times.
    """
    from commands.work.submitting import run_submit

    good = run(
        lambda: run_submit(
            file,
            data_dir=data_dir,
            url=url,
            source=source,
            rate=rate,
            limit=limit,
            texts=texts,
            wait_s=timeout_s if wait else None,
            as_json=as_json,
        )
    )
    if not good:
        raise typer.Exit(WRONG)
