"""What all commands share: options, printing, running, and one clear line for what went wrong.

Everything heavy is imported inside the commands, so that `--help` stays instant.
"""

import asyncio
import getpass
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from client.headgate import Headgate
    from workers.bootstrap import Parts
    from workers.config.settings import Settings

WRONG, USAGE, UNREACHABLE = 1, 2, 3

DataDir = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        envvar="HEADGATE_DATA_DIR",
        help="Data dir of the Headgate that is meant. Its endpoints.json, which `headgate up` writes, wins over "
        "TEMPORAL_ADDRESS and Temporal profiles.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
By = Annotated[str, typer.Option("--by", envvar="HEADGATE_USER", help="Who decides; recorded with the decision.")]
DEFAULT_DIR = Path(".headgate")

Result = TypeVar("Result")


# --- printing -----------------------------------------------------------------------------------------------


def fail(message: str, code: int = WRONG) -> typer.Exit:
    """Print an error on stderr and return the exit to raise."""
    typer.secho(message, err=True, fg=typer.colors.RED if sys.stderr.isatty() else None)
    return typer.Exit(code)


def emit(document: object) -> None:
    """Print one JSON document on stdout."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2, default=str))


def report(ids: Sequence[str], message: str, *, as_json: bool, accepted: bool = True, line: str | None = None) -> None:
    """End a command that changes something: say what became of it, with exit code 1 if the change had no effect.

    Args:
        ids: what was to be changed.
        message: what became of it.
        as_json: print ids, accepted and message as one document.
        accepted: whether the change counted.
        line: for people, where it is not just the ids and the message.
    """
    if as_json:
        emit({"ids": list(ids), "accepted": accepted, "message": message})
    else:
        typer.echo(f"{', '.join(ids)}: {message}" if line is None else line, err=not accepted)
    if not accepted:
        raise typer.Exit(WRONG)


def table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Print a table: with the names of its columns on a terminal, tab-separated and without them otherwise.

    The first column is what other commands are given: it is not broken over lines.
    """
    if not sys.stdout.isatty():
        for row in rows:
            typer.echo("\t".join("" if cell is None else str(cell) for cell in row))
        return
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    first, *others = columns
    shown = Table(Column(first, no_wrap=True), *others, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        shown.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    Console().print(shown)


# --- running -------------------------------------------------------------------------------------------------


@contextmanager
def clear_errors() -> Iterator[None]:
    """End the command with one clear line and the documented exit code when its work fails.

    Both roots of `domain/errors.py` say themselves which code. A built-in KeyError, ValueError or TimeoutError is what
    the stores and the standard library say about a value or a wait.
    """
    from temporalio.service import RPCError

    from domain.errors import HeadgateError, UseError

    try:
        yield
    except (HeadgateError, UseError) as error:
        raise fail(str(error), error.exit_code) from None
    except RPCError as error:
        said = f"Temporal refused ({error.status.name}: {error.message}): `headgate doctor` says what is there"
        raise fail(said, UNREACHABLE) from None
    except (KeyError, ValueError, TimeoutError) as error:
        raise fail(str(error.args[0] if isinstance(error, KeyError) and error.args else error), WRONG) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def run(work: Callable[[], Awaitable[Result]]) -> Result:
    """Run a command's work; what goes wrong ends the command as `clear_errors` says.

    A misspelt variable ends it before: it would go to another Headgate, or by other rules, than somebody meant.
    """
    from workers.config.variables import refuse_misspelt

    with clear_errors():
        refuse_misspelt()
        return asyncio.run(_await_work(work))


async def _await_work(work: Callable[[], Awaitable[Result]]) -> Result:
    return await work()


def with_headgate(data_dir: Path, work: Callable[["Headgate"], Awaitable[Result]]) -> Result:
    """Connect to the Headgate that is meant (`client/which.py`) and run a command's work."""

    async def connected() -> Result:
        from client.headgate import Headgate

        async with await Headgate.connect(data_dir) as headgate:
            return await work(headgate)

    return run(connected)


def with_store(data_dir: Path, work: "Callable[[Parts], Awaitable[Result]]", *, any_pen: bool = False) -> Result:
    """Open the stores of a data dir and run a command's work, which needs no Temporal: it may be down.

    `any_pen`: the command itself sees to it that the pen is the one that is meant.
    """
    settings = settings_for(data_dir)

    async def opened() -> Result:
        with opened_parts(settings) as parts:
            if not any_pen:
                tell_of_another_pen(settings)
            return await and_close_inbox(parts, work(parts))

    return run(opened)


def with_headgate_and_store(
    data_dir: Path, work: "Callable[[Headgate, Parts], Awaitable[Result]]", *, own_pen: bool = False
) -> Result:
    """Connect to the Headgate that is meant, open its stores and run a command's work.

    `own_pen`: with another holding pen than the gateway's it would be wrong or do harm; else that is a warning.
    """
    settings = settings_for(data_dir)

    async def both() -> Result:
        from client.headgate import Headgate
        from workers.namespace import require_ours

        async with await Headgate.connect(data_dir) as headgate:
            with opened_parts(settings) as parts:
                await require_ours(headgate.temporal, parts.installation.known_id() or "")
                tell_of_another_pen(settings, refuse=own_pen)
                return await and_close_inbox(parts, work(headgate, parts))

    return run(both)


async def and_close_inbox(parts: "Parts", work: Awaitable[Result]) -> Result:
    """Await work with the holding pen, and let go of that."""
    try:
        return await work
    finally:
        await parts.close_inbox()


def tell_of_another_pen(settings: "Settings", *, refuse: bool = False) -> None:
    """Say on stderr where these settings name another holding pen than the gateway of the data dir has.

    Raises:
        ImpossibleError: that is to be refused.
    """
    from domain.errors import ImpossibleError
    from workers.parts.outside_systems import another_pen

    said = another_pen(settings)
    if said and refuse:
        raise ImpossibleError(said)
    if said:
        typer.secho(f"warning: {said}", err=True, fg=typer.colors.YELLOW if sys.stderr.isatty() else None)


@contextmanager
def opened_parts(settings: "Settings") -> "Iterator[Parts]":
    """Open the stores that the settings name.

    Raises:
        NotReachableError: there is no store, or nobody says which Headgate is meant.
    """
    from client.which import which_headgate
    from domain.errors import NotReachableError
    from workers.bootstrap import Parts
    from workers.installation import require_own_store

    folder = settings.data_dir
    if not settings.store_url and not (folder / "store.db").exists():
        raise NotReachableError(
            f"the store of {which_headgate(folder)} is not here: no store.db in {str(folder)!r}; name its data dir by "
            "--data-dir or HEADGATE_DATA_DIR, or the store itself by HEADGATE_STORE_URL"
        )
    parts = Parts(settings)
    try:
        require_own_store(parts)
        yield parts
    finally:
        parts.close()


def person(by: str) -> str:
    """Return the name of who decides: `by`, else the user who is logged in."""
    return by or getpass.getuser()


PortBase = Annotated[int, typer.Option(min=1024, max=65000, help="First port to try; free ones are taken from there.")]


AcceptBlueprint = Annotated[
    bool,
    typer.Option(
        "--accept-blueprint",
        help="Start although the blueprint is another one than the last; who said so goes on record.",
    ),
]
PROFILES = ("offline", "openai", "anthropic", "openai_thrifty")
"""The model profiles of the blueprint that ships, for `--help`, which reads no file; a test holds them to it."""
MODELS_HELP = f"Model profile of the blueprint. The one that ships has {', '.join(PROFILES)}."
Models = Annotated[str | None, typer.Option("--models", envvar="HEADGATE_MODELS", help=MODELS_HELP)]


def accepting(accept_blueprint: bool) -> str | None:
    """Return who accepts another blueprint, by HEADGATE_USER or as who is logged in; None where nobody does."""
    return person(os.environ.get("HEADGATE_USER", "")) if accept_blueprint else None


def settings_for(data_dir: Path, **given: object) -> "Settings":
    """Read the settings for a data dir; a wrong one ends the command with one clear line."""
    from workers.config.settings import load_settings

    with clear_errors():
        return load_settings(data_dir=data_dir, **{name: value for name, value in given.items() if value is not None})
