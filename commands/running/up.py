"""`headgate up`: everything on one machine, until Ctrl-C."""

import asyncio
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.terminal.cli import (
    DEFAULT_DIR,
    AcceptBlueprint,
    DataDir,
    Models,
    PortBase,
    accepting,
    clear_errors,
    settings_for,
)

if TYPE_CHECKING:
    from client.which import Endpoints
    from workers.config.settings import Settings
    from workers.machine.process_specs import ProcessEvent


async def run_up(
    settings: "Settings",
    *,
    port_base: int,
    ui: bool,
    ephemeral: bool,
    samples: bool,
    accept_by: str | None = None,
    moved: bool = False,
) -> int:
    """Run everything until a signal comes; return the exit code. `accept_by`, `moved`: as `Stack` has them."""
    from workers.machine.stack import Stack
    from workers.parts.outside_systems import check_pen_url
    from workers.running.telemetry import shows_contents, signals_wanted

    check_pen_url(settings)  # before anything is announced
    signals_wanted(os.environ)
    shows_contents(os.environ)
    if ephemeral:
        settings = settings.model_copy(update={"data_dir": Path(tempfile.mkdtemp(prefix="headgate-"))})
    stack = Stack(
        settings, port_base=port_base, ui=ui, samples=samples, on_event=_tell, accept_by=accept_by, moved=moved
    )
    try:
        _say("Starting Temporal and Headgate's processes (about ten seconds; webhooks are taken sooner) …")
        async with stack:
            print(render_urls(stack.endpoints, settings), flush=True)  # noqa: T201 - the command's output
            await stack.keeper.until_stopped()
            _say("Stopping: work under way ends first …")
        return stack.keeper.exit_code
    except KeyboardInterrupt:
        return stack.keeper.exit_code
    finally:
        if ephemeral:
            shutil.rmtree(settings.data_dir, ignore_errors=True)


def render_urls(endpoints: "Endpoints", settings: "Settings") -> str:
    """Return the lines that say where everything is, which model works, and what to keep others from."""
    from workers.config.settings import WHOSE_WORD_COUNTS

    rows = {
        "webhooks": f"{endpoints.gateway}/webhooks/{{source}}",
        "approvals": endpoints.console,
        "Temporal Web UI": (
            f"{endpoints.temporal_ui}/namespaces/{endpoints.namespace}/workflows" if endpoints.temporal_ui else "off"
        ),
        "Temporal": f"{endpoints.temporal} (namespace {endpoints.namespace})",
        "offline model": f"{endpoints.offline_model}/v1",
        "secrets": str(settings.data_dir / "endpoints.json"),
        "logs": str(settings.data_dir / "logs"),
    }
    lines = ["Headgate is up. Ctrl-C stops it.", *(f"  {k:16} {v}" for k, v in rows.items())]
    lines.append(f"  {WHOSE_WORD_COUNTS}")
    if endpoints.in_force is not None:
        lines += ["In force:", *(f"  {k:16} {v}" for k, v in endpoints.in_force.rows().items())]
    if settings.models == "offline":
        lines.append(
            '  The offline model is a stand-in of classifiers, rules and templates: README, "The offline model".'
        )
    else:
        lines.append(
            f"  The models are those of the blueprint's profile {settings.models!r}; the offline model is idle."
        )
    return "\n".join(lines)


def _tell(event: "ProcessEvent") -> None:
    if event.kind in ("died", "restarting", "killed", "leftover_stopped", "note"):
        _say(f"{event.kind.replace('_', ' ')}: {event.name} {event.detail}".rstrip())


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - progress; stdout has the addresses


def up(
    data_dir: DataDir = DEFAULT_DIR,
    port_base: PortBase = 8700,
    ephemeral: Annotated[bool, typer.Option("--ephemeral", help="Keep nothing: use a temporary data dir.")] = False,
    no_ui: Annotated[bool, typer.Option("--no-ui", help="Without Temporal's Web UI.")] = False,
    samples: Annotated[bool, typer.Option("--samples", help="Load the sample customers, orders and accounts.")] = False,
    models: Models = None,
    accept_blueprint: AcceptBlueprint = False,
    moved: Annotated[
        bool,
        typer.Option(
            "--moved",
            help="The data dir was moved here, or is the backup of one that was lost: from now on this is the one.",
        ),
    ] = False,
) -> None:
    """Run everything on this machine.

    Prints the URLs and what is in force; Ctrl-C stops all of it, the state is kept.
    """
    settings = settings_for(data_dir, models=models)
    with clear_errors():
        work = run_up(
            settings,
            port_base=port_base,
            ui=not no_ui,
            ephemeral=ephemeral,
            samples=samples,
            accept_by=accepting(accept_blueprint),
            moved=moved,
        )
        code = asyncio.run(work)
    raise typer.Exit(code)
