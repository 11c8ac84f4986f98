"""The `headgate` command: registers all subcommands on `app`.

A subcommand imports what it needs when it runs, so that `headgate --help` stays instant.
"""

import typer

from commands.approvals.approvals import approvals_app
from commands.approvals.policy import policy_app
from commands.blueprint import blueprint_app
from commands.dead_letters.dlq import dlq_app
from commands.doctor.command import doctor
from commands.doctor.unstick import unstick
from commands.evaluation.command import eval_all, eval_compare
from commands.evaluation.record import eval_record
from commands.knowledge.command import knowledge_app
from commands.knowledge.evaluating import eval_knowledge
from commands.measure.bench import bench_app
from commands.measure.eval import eval_app
from commands.providers.answers import cache_app
from commands.providers.budget import budget_app, cases_resume
from commands.providers.models import models_app
from commands.providers.router import router_app
from commands.providers.routing import cases_route
from commands.providers.weights import models_install, models_list, models_verify
from commands.rescue.command import rescue
from commands.running.demo import demo
from commands.running.init import prepare
from commands.running.mailbox import mailbox
from commands.running.processes import gateway, offline_model, worker
from commands.running.sources import sources_app
from commands.running.up import up
from commands.work.audit import audit
from commands.work.cases import cases_app
from commands.work.intake import intake_app
from commands.work.money import effects_app, ledger_app
from commands.work.originals import cases_original
from commands.work.records import records_app
from commands.work.status import status
from commands.work.submit import submit

app = typer.Typer(
    name="headgate",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help comes in half the time
    help="A durable AI back office on Temporal: complaints in, answers and refunds out, a person at the gate.",
    epilog="Exit codes: 0 good, 1 something is wrong with the work, 2 usage, 3 a needed part cannot be reached.",
)
for word in (up, demo, submit, status, audit, rescue, doctor, unstick, gateway, worker, mailbox):
    app.command()(word)
app.command("init")(prepare)
app.command("offline-model")(offline_model)
cases_app.command("original")(cases_original)
cases_app.command("route")(cases_route)
cases_app.command("resume")(cases_resume)
eval_app.command("knowledge")(eval_knowledge)
eval_app.command("all")(eval_all)
eval_app.command("compare")(eval_compare)
eval_app.command("record")(eval_record)
models_app.command("list")(models_list)
models_app.command("install")(models_install)
models_app.command("verify")(models_verify)
for name, group in (
    ("cases", cases_app),
    ("approvals", approvals_app),
    ("intake", intake_app),
    ("dlq", dlq_app),
    ("models", models_app),
    ("router", router_app),
    ("cache", cache_app),
    ("budget", budget_app),
    ("ledger", ledger_app),
    ("records", records_app),
    ("sources", sources_app),
    ("effects", effects_app),
    ("blueprint", blueprint_app),
    ("policy", policy_app),
    ("knowledge", knowledge_app),
    ("eval", eval_app),
    ("bench", bench_app),
):
    app.add_typer(group, name=name)


def main() -> None:
    """Entry point of the `headgate` command."""
    app(prog_name="headgate")


if __name__ == "__main__":
    main()
