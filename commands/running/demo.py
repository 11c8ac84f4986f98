"""`headgate demo`: watch the sample messages being worked."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from commands.terminal.cli import Models, PortBase, clear_errors


def demo(
    ci: Annotated[bool, typer.Option("--ci", help="Stop at the end instead of staying up.")] = False,
    data_dir: Annotated[Path | None, typer.Option(help="Keep the state here instead of in a temporary folder.")] = None,
    port_base: PortBase = 8700,
    models: Models = None,
) -> None:
    """Watch 210 sample messages being worked.

    They go through the real webhook and a real Temporal; two halted refunds are decided; the result is a table.
    """
    from commands.running.demo_steps import run_demo

    with clear_errors():
        code = asyncio.run(run_demo(ci=ci, data_dir=data_dir, port_base=port_base, models=models))
    raise typer.Exit(code)
