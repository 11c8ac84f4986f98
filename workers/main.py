"""The `headgate` command: put together here, where everything may be imported, and lazily, so that `--help` stays
instant.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from client.approval_commands import approvals_app
from client.case_commands import cases_app
from client.cli import DEFAULT_DIR, USAGE, WRONG, AsJson, DataDir, emit, erring, fail, run
from client.intake_commands import intake_app
from workers.measuring import bench_app, eval_app
from workers.operating import add_operating_commands

if TYPE_CHECKING:
    from workers.preparing import Prepared
    from workers.settings import Settings

app = typer.Typer(
    name="headgate",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help comes in half the time
    help="A durable AI back office on Temporal: complaints in, answers and refunds out, a person at the gate.",
    epilog="Exit codes: 0 good, 1 something is wrong with the work, 2 usage, 3 a needed part cannot be reached.",
)
app.add_typer(cases_app, name="cases")
app.add_typer(approvals_app, name="approvals")
app.add_typer(intake_app, name="intake")
app.add_typer(eval_app, name="eval")
app.add_typer(bench_app, name="bench")
add_operating_commands(app)

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

    with erring():
        return load_settings(data_dir=data_dir, **{name: value for name, value in given.items() if value is not None})


@app.command()
def up(
    data_dir: DataDir = DEFAULT_DIR,
    port_base: PortBase = 8700,
    ephemeral: Annotated[bool, typer.Option("--ephemeral", help="Keep nothing: use a temporary data dir.")] = False,
    no_ui: Annotated[bool, typer.Option("--no-ui", help="Without Temporal's Web UI.")] = False,
    samples: Annotated[bool, typer.Option("--samples", help="Load the sample customers, orders and accounts.")] = False,
    models: Models = None,
) -> None:
    """Run everything on this machine.

    Prints the URLs; Ctrl-C stops all of it, the state is kept.
    """
    import asyncio

    from workers.data_dir import DataDirInUseError
    from workers.local_ports import NoFreePortError
    from workers.processes import SupervisorError
    from workers.temporal_server import ServerProgramMissingError
    from workers.up import run_up

    settings = settings_for(data_dir, models=models)
    with erring(SupervisorError, ServerProgramMissingError, DataDirInUseError, NoFreePortError):
        code = asyncio.run(run_up(settings, port_base=port_base, ui=not no_ui, ephemeral=ephemeral, samples=samples))
    raise typer.Exit(code)


@app.command()
def demo(
    ci: Annotated[bool, typer.Option("--ci", help="Stop at the end instead of staying up.")] = False,
    data_dir: Annotated[Path | None, typer.Option(help="Keep the state here instead of in a temporary folder.")] = None,
    port_base: PortBase = 8700,
    models: Models = None,
) -> None:
    """Watch 200 sample messages being worked.

    They go through the real webhook and a real Temporal; two halted refunds are decided; the result is a table.
    """
    import asyncio

    from workers.data_dir import DataDirInUseError
    from workers.demo import run_demo
    from workers.local_ports import NoFreePortError
    from workers.processes import SupervisorError
    from workers.temporal_server import ServerProgramMissingError

    with erring(SupervisorError, ServerProgramMissingError, DataDirInUseError, NoFreePortError):
        code = asyncio.run(run_demo(ci=ci, data_dir=data_dir, port_base=port_base, models=models))
    raise typer.Exit(code)


@app.command("init")
def prepare(
    wait_s: Annotated[float, typer.Option("--wait", min=0, help="Seconds that the server may take to start.")] = 10.0,
    as_json: AsJson = False,
) -> None:
    """Prepare a Temporal of your own.

    Makes the namespace and the search attributes on the server that TEMPORAL_* names, before the processes are run one
    by one; `headgate up` does it by itself. Safe to run again: prints what it made and what was there.
    """

    async def work() -> "Prepared":
        from workers.preparing import prepare_temporal

        return await prepare_temporal(wait_s=wait_s)

    prepared = run(work)
    if as_json:
        emit(prepared.as_document())
        return
    for line in prepared.as_lines():
        typer.echo(line)


# --- processes ----------------------------------------------------------------------------------------------


@app.command()
def gateway(data_dir: DataDir = DEFAULT_DIR) -> None:
    """Run the gateway: webhooks, approvals page."""
    from workers.serving import serve_gateway

    settings = settings_for(data_dir)
    with erring():
        serve_gateway(settings)


@app.command()
def worker(
    role: Annotated[str, typer.Option(help="intake, case, model, action or journal.")],
    data_dir: DataDir = DEFAULT_DIR,
) -> None:
    """Run one worker process until SIGTERM."""
    from workers.logging import configure_logging
    from workers.roles import Role, run_role

    try:
        chosen = Role(role)
    except ValueError:
        raise fail(f"role {role!r}: expected one of {', '.join(Role)}", USAGE) from None
    settings = settings_for(data_dir)
    configure_logging(settings.log_level)
    run(lambda: run_role(chosen, settings))


@app.command("offline-model")
def offline_model(
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8703,
    host: Annotated[str, typer.Option()] = "127.0.0.1",
    data_dir: DataDir = DEFAULT_DIR,
) -> None:
    """Run the embedded stand-in model.

    It speaks the OpenAI and Anthropic wire protocols.
    """
    from workers.serving import serve_offline_model

    settings = settings_for(data_dir)
    with erring():
        serve_offline_model(settings, host, port)


@app.command()
def doctor(data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Say what is found and what to do about the rest.

    Exit 1 if something needed is missing or broken.
    """
    from workers.checking import run_doctor

    settings = settings_for(data_dir)
    document, ok = run(lambda: run_doctor(settings, as_json=as_json))
    if as_json:
        emit(document)
    if not ok:
        raise typer.Exit(WRONG)


def main() -> None:
    """Entry point of the `headgate` command."""
    app(prog_name="headgate")


if __name__ == "__main__":
    main()
