"""`headgate mailbox`: a mailbox as a source of messages."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated

import typer

from commands.terminal.cli import DEFAULT_DIR, WRONG, DataDir, clear_errors, settings_for


def mailbox(
    url: Annotated[
        str,
        typer.Option(
            "--url",
            help="imaps://user@host/FOLDER; imap:// goes on by STARTTLS. The password is in HEADGATE_MAILBOX_PASSWORD, "
            "or in the file that HEADGATE_MAILBOX_PASSWORD_FILE names.",
        ),
    ],
    source: Annotated[str | None, typer.Option(help="Webhook source to sign as; default: the first one.")] = None,
    gateway: Annotated[
        str | None,
        typer.Option(help="Another gateway than that of `headgate up`; sources.json in the data dir has its secrets."),
    ] = None,
    every_s: Annotated[
        float,
        typer.Option("--every", min=1, help="Seconds between two looks; a server with IDLE tells of new mail itself."),
    ] = 60.0,
    once: Annotated[bool, typer.Option("--once", help="Take what nobody has seen yet, and end.")] = False,
    data_dir: DataDir = DEFAULT_DIR,
) -> None:
    """Take mail from a mailbox to the gateway until SIGTERM or Ctrl-C.

    Each message that nobody has seen goes in as it is, and is marked as seen once it is on disk there. What the gateway
    refuses for good gets the keyword $HeadgateRefused and stays unseen. Nothing is deleted.
    """
    from client.mailboxes.feed import MailboxFeed, Stop
    from commands.work.submitting import gateway_and_source
    from workers.config.variables import refuse_misspelt
    from workers.json_logs import configure_logging
    from workers.parts.outside_systems import mailbox_opener

    settings = settings_for(data_dir)
    configure_logging(settings.log_level)
    stop = Stop()
    with clear_errors():
        refuse_misspelt()
        gateway_and_source(data_dir, gateway, source)  # a mistake is told before anybody is asked
        feed = MailboxFeed(
            mailbox_opener(url, os.environ),
            lambda: gateway_and_source(data_dir, gateway, source),
            limit_bytes=settings.body_limit_bytes,
            every_s=every_s,
            stop=stop,
        )
        with _ended_by_signals(stop.set):
            taken = feed.run(once=once)
    typer.echo(f"{taken.accepted} accepted, {taken.duplicates} known already, {taken.refused} refused")
    if once and taken.refused:
        raise typer.Exit(WRONG)


@contextmanager
def _ended_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """End with the message in hand at the first SIGTERM or Ctrl-C, and at once at the second."""

    def end(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        stop()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
