"""`headgate doctor`: what is found, and what to do about the rest."""

import typer

from commands.terminal.cli import DEFAULT_DIR, WRONG, AsJson, DataDir, emit, run, settings_for


def doctor(data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Say what is found and what to do about the rest.

    Exit 1 if something needed is missing or broken.
    """
    from commands.doctor.report import run_doctor

    settings = settings_for(data_dir)
    document, ok = run(lambda: run_doctor(settings, as_json=as_json))
    if as_json:
        emit(document)
    if not ok:
        raise typer.Exit(WRONG)
