"""`headgate cache`: the answers that are kept to be reused."""

import sys
from typing import Annotated

import typer

from commands.terminal.cli import DEFAULT_DIR, USAGE, AsJson, DataDir, fail, report, run, settings_for

cache_app = typer.Typer(no_args_is_help=True, help="Answers that are kept to be reused: drop them by hand.")


@cache_app.callback()
def _group() -> None:
    """Keep `drop` a command of its own, though it is the only one."""


@cache_app.command("drop")
def cache_drop(
    tenant: Annotated[str, typer.Option(help="Whose answers.")] = "default",
    article: Annotated[
        str, typer.Option(help="Only those of this article: its id, or ID@VERSION. Default: all of the tenant.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before all of a tenant's are dropped.")] = False,
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Forget answers in the Redis of HEADGATE_REDIS, for all processes at once: the next such question is asked.

    What was found out by checks stays: an answer in quarantine stays there. Without HEADGATE_REDIS each process keeps
    its own, and forgets when it is restarted. Safe to repeat.
    """
    if not tenant.strip():
        raise fail("the tenant is empty: say --tenant, or leave it out for 'default'", USAGE)
    settings = settings_for(data_dir)
    of = f" of article {article!r}" if article else ""
    if not article and not yes and not (sys.stdin.isatty() and typer.confirm(f"drop all answers of {tenant!r}?")):
        raise fail(f"all answers kept for {tenant!r} would be dropped: say --yes, or --article", USAGE)

    async def work() -> int:
        from workers.parts.models import drop_answers

        return await drop_answers(settings.redis, tenant, article.strip())

    dropped = run(work)
    report([tenant], f"{dropped} answers{of} that were kept for {tenant!r} are dropped", as_json=as_json)
