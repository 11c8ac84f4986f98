"""`headgate gateway`, `worker`, `offline-model`: run one process."""

from typing import Annotated

import typer

from commands.terminal.cli import (
    DEFAULT_DIR,
    USAGE,
    AcceptBlueprint,
    DataDir,
    accepting,
    clear_errors,
    fail,
    run,
    settings_for,
)


def gateway(data_dir: DataDir = DEFAULT_DIR, accept_blueprint: AcceptBlueprint = False) -> None:
    """Run the gateway: webhooks, approvals page."""
    from workers.http_servers import serve_gateway

    settings = settings_for(data_dir)
    with clear_errors():
        serve_gateway(settings, accept_by=accepting(accept_blueprint))


def worker(
    role: Annotated[str, typer.Option(help="intake, case, model, action or journal.")],
    data_dir: DataDir = DEFAULT_DIR,
    accept_blueprint: AcceptBlueprint = False,
) -> None:
    """Run one worker process until SIGTERM.

    Exit code 75: it is to be started anew, by whatever keeps it running.
    """
    from workers.json_logs import configure_logging
    from workers.roles import run_role
    from workers.running.core_logs import forward_core_logs
    from workers.running.telemetry import telling
    from workflows.options import Role

    try:
        chosen = Role(role)
    except ValueError:
        raise fail(f"role {role!r}: expected one of {', '.join(Role)}", USAGE) from None
    settings = settings_for(data_dir)
    configure_logging(settings.log_level)
    forward_core_logs()
    with clear_errors(), telling():
        code = run(lambda: run_role(chosen, settings, accept_by=accepting(accept_blueprint)))
    raise typer.Exit(code)


def offline_model(
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8703,
    host: Annotated[str, typer.Option()] = "127.0.0.1",
    data_dir: DataDir = DEFAULT_DIR,
) -> None:
    """Run the embedded stand-in model.

    It speaks the OpenAI and Anthropic wire protocols.
    """
    from workers.http_servers import serve_offline_model

    settings = settings_for(data_dir)
    with clear_errors():
        serve_offline_model(settings, host, port)
