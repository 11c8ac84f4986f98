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
    from workers.settings import Settings

WRONG, USAGE, UNREACHABLE = 1, 2, 3

DataDir = Annotated[
    Path, typer.Option("--data-dir", envvar="HEADGATE_DATA_DIR", help="Data folder of the running Headgate.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
By = Annotated[str, typer.Option("--by", envvar="HEADGATE_USER", help="Who decides; recorded with the decision.")]
DEFAULT_DIR = Path(".headgate")

Result = TypeVar("Result")


# --- printing -----------------------------------------------------------------------------------------------


def fail(message: str, code: int = WRONG) -> typer.Exit:
    """Say what is wrong on stderr and return what the command is to be ended with: raise it."""
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
    """Print a table: lines and colours on a terminal, tab-separated without."""
    if not sys.stdout.isatty():
        for row in rows:
            typer.echo("\t".join("" if cell is None else str(cell) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(*columns, box=None, pad_edge=False, header_style="bold")
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
    """Run a command's work; what goes wrong ends the command as `clear_errors` says."""
    with clear_errors():
        return asyncio.run(_awaited(work))


async def _awaited(work: Callable[[], Awaitable[Result]]) -> Result:
    return await work()


def with_headgate(data_dir: Path, work: Callable[["Headgate"], Awaitable[Result]]) -> Result:
    """Connect to the Headgate of a data dir (or by `TEMPORAL_ADDRESS` where there is none) and run a command's work."""

    async def connected() -> Result:
        from client.headgate import Headgate

        known = (data_dir / "endpoints.json").exists() or not os.environ.get("TEMPORAL_ADDRESS")
        async with await Headgate.connect(data_dir if known else None) as headgate:
            return await work(headgate)

    return run(connected)


def person(by: str) -> str:
    """Return who decides: as named, else who is logged in."""
    return by or getpass.getuser()


def with_parts(data_dir: Path, work: "Callable[[Parts], Awaitable[Result]]") -> Result:
    """Open the stores of a data dir and run a command's work."""

    async def opened() -> Result:
        from workers.bootstrap import Parts
        from workers.settings import load_settings

        settings = load_settings(data_dir=data_dir)
        if not settings.store_url and not (data_dir / "store.db").exists():
            from domain.errors import NotReachableError

            raise NotReachableError(
                f"no store in {str(data_dir)!r}: start Headgate with `headgate up --data-dir {data_dir}`, or name the "
                "right folder with --data-dir or HEADGATE_DATA_DIR"
            )
        parts = Parts(settings)
        try:
            return await work(parts)
        finally:
            parts.close()

    return run(opened)


async def connected(data_dir: Path) -> "Headgate":
    """Connect to what runs with a data dir, else by `TEMPORAL_*`."""
    from client.headgate import Headgate

    return await Headgate.connect(data_dir if (data_dir / "endpoints.json").exists() else None)


PortBase = Annotated[int, typer.Option(min=1024, max=65000, help="First port to try; free ones are taken from there.")]


Models = Annotated[
    str | None,
    typer.Option(
        "--models", envvar="HEADGATE_MODELS", help="Model profile of the blueprint: offline, openai, anthropic."
    ),
]


def settings_for(data_dir: Path, **given: object) -> "Settings":
    """Read the settings for a data dir; wrong ones end the command with a clear message."""
    from workers.settings import load_settings

    with clear_errors():
        return load_settings(data_dir=data_dir, **{name: value for name, value in given.items() if value is not None})
