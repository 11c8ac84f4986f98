"""`python -m client`: the commands that need only Temporal and the gateway."""

import typer

from client.approval_commands import approvals_app
from client.case_commands import cases_app
from client.intake_commands import intake_app

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Talk to a running Headgate.")
app.add_typer(cases_app, name="cases")
app.add_typer(approvals_app, name="approvals")
app.add_typer(intake_app, name="intake")

if __name__ == "__main__":
    app(prog_name="python -m client")
