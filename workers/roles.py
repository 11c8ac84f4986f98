"""The worker processes: which role polls which queue with which workflows and activities."""

import compileall
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.errors import FailureInterceptor
from activities.intake.signs import SignsActivities
from activities.intake.wish import WishActivities
from activities.models.tending import BatchActivities
from activities.room import RoomInterceptor
from client.connect import connect
from client.refusals import explained
from client.starting import (
    TemporalCaseStarter,
    ensure_batches,
    ensure_intake,
    ensure_journal,
    ensure_settling,
    ensure_tell,
)
from client.which import which_headgate
from domain.cascade.known import require_known
from domain.errors import HeadgateError
from domain.installation.in_force import InForce
from domain.intake import first_state
from domain.pacing.pace import IntakeRules
from domain.specialists import SPECIALISTS
from workers.bootstrap import Parts
from workers.config.settings import WHOSE_WORD_COUNTS, Settings
from workers.installation import take_stock, take_stock_if_here
from workers.loading import load
from workers.namespace import claim_namespace, installation_of
from workers.parts.outside_systems import another_pen, ask_models, open_tender
from workers.running.case_cache import cached_workflows, memory_here
from workers.running.core_logs import CoreWatch
from workers.running.misfits import MisfitInterceptor
from workers.running.pen import look_at_pen
from workers.running.sandbox import CaseRunner
from workers.running.until_stopped import run_until_stopped
from workflows import options
from workflows.approval import ApprovalWorkflow
from workflows.batching.batches import BatchesWorkflow
from workflows.case import CaseWorkflow
from workflows.dead_letters.replay import ReplayWorkflow
from workflows.intake import IntakeWorkflow
from workflows.long_lived.journal import JournalWorkflow
from workflows.long_lived.settling import SettlingWorkflow
from workflows.long_lived.tell import TellWorkflow
from workflows.options import QUEUES, Role

_LOG = logging.getLogger("headgate.worker")

BUILD_ID = f"headgate-{version('headgate')}"  # else the SDK hashes every loaded module, a second of each start
STORE_SLOTS = 16  # as many as the store has connections for a process (adapters/store/database.py)
CACHED = cached_workflows(memory_here())  # workflows kept in memory by a case worker; others are replayed when needed
STICKY = timedelta(seconds=5)  # what a killed case worker had in memory waits so long, not Temporal's ten
GRACE = timedelta(seconds=8)  # a model call or a payment under way may end; shorter than the grace of `headgate up`


def workflows() -> list[type]:
    """Return the workflows of a case worker: cases, every specialist's, replays, and those that live for ever."""
    specialists = [load(specialist.workflow) for specialist in SPECIALISTS.values()]
    for_ever = (IntakeWorkflow, JournalWorkflow, TellWorkflow, SettlingWorkflow, BatchesWorkflow)
    return [CaseWorkflow, *specialists, ApprovalWorkflow, ReplayWorkflow, *for_ever]


def case_worker(
    client: Client,
    first_tries: Sequence[Callable[..., Any]],
    *,
    model_slots: int = 8,
) -> Worker:
    """Return the worker for workflow tasks and for the first tries of short steps beside them.

    At most `model_slots` first tries call a model at once; whatever is more becomes a task of the model's queue.
    """
    return Worker(
        client,
        task_queue=options.CASES_QUEUE,
        workflows=workflows(),
        activities=first_tries,
        activity_executor=ThreadPoolExecutor(STORE_SLOTS, thread_name_prefix=options.CASES_QUEUE),
        max_concurrent_local_activities=STORE_SLOTS + model_slots,
        no_remote_activities=True,
        workflow_runner=CaseRunner(),
        interceptors=[FailureInterceptor(), RoomInterceptor(model_slots), MisfitInterceptor()],
        # Input that cannot be decoded fails its workflow; by default it would be retried for ever.
        workflow_failure_exception_types=[ValidationError],
        build_id=BUILD_ID,
        max_cached_workflows=CACHED,
        sticky_queue_schedule_to_start_timeout=STICKY,
        graceful_shutdown_timeout=GRACE,
    )


def activity_worker(client: Client, queue: str, activities: Sequence[Callable[..., Any]], *, slots: int) -> Worker:
    """Return a worker for one activity queue; `slots` activities at once."""
    return Worker(
        client,
        task_queue=queue,
        activities=activities,
        activity_executor=ThreadPoolExecutor(slots, thread_name_prefix=queue),
        build_id=BUILD_ID,
        max_concurrent_activities=slots,
        interceptors=[FailureInterceptor()],
        graceful_shutdown_timeout=GRACE,
    )


def compile_workflows() -> None:
    """Write the bytecode of the workflow modules.

    The sandbox loads them anew for every run; without bytecode (PYTHONDONTWRITEBYTECODE, an image) it compiles them
    every time, a tenth of a case worker's processor time. Where the folder cannot be written that stays so.
    """
    compileall.compile_dir(str(Path(options.__file__).parent), quiet=2)


def build(role: Role, client: Client, parts: Parts) -> list[Worker]:
    """Return the workers of a role."""
    match role:
        case Role.CASE:
            compile_workflows()
            slots = parts.settings.model_slots
            return [case_worker(client, parts.first_tries(), model_slots=slots)]
        case Role.INTAKE:
            admit = parts.admit(TemporalCaseStarter(client))
            wish = WishActivities(parts.wishes)
            intake: list[Callable[..., Any]] = [admit.admit_batch, wish.keep_wish, _signs(parts).look_at_models]
            return [activity_worker(client, options.INTAKE_QUEUE, intake, slots=3)]
        case Role.MODEL:
            slots = parts.settings.model_slots
            activities = [*parts.model_activities(), _tender(parts).tend_batches]
            return [activity_worker(client, queue, activities, slots=slots) for queue in QUEUES[role]]
        case Role.ACTION:
            replay = parts.replay(TemporalCaseStarter(client))
            actions = [*parts.action_activities(), replay.replay_batch]
            return [activity_worker(client, options.ACTIONS_QUEUE, actions, slots=STORE_SLOTS)]
        case Role.JOURNAL:
            return [activity_worker(client, options.JOURNAL_QUEUE, [parts.journal().drain_outcomes], slots=2)]


def _tender(parts: Parts) -> BatchActivities:
    """Return what sends batches and looks after them."""
    return open_tender(parts.blueprint, parts.settings, parts.spend, lambda: parts.store.database)


def _signs(parts: Parts) -> SignsActivities:
    """Return what looks at the models in use, for the intake's pace."""
    tiers = parts.blueprint.models.get(parts.settings.models, {})
    used = [order[0].asked_as for order in tiers.values()]  # those who stand in are asked while the first is not
    return SignsActivities(parts.moods, used, parts.blueprint.intake or IntakeRules())


async def _look_at_the_books(parts: Parts) -> None:
    """Say at once where the ledger is older than the payment provider's log; each payment looks again by itself."""
    try:
        unknown = await parts.unknown_payments()
    except HeadgateError as error:
        _LOG.warning("whether the ledger knows the provider's newest payments is not known yet: %s", error)
        return
    if unknown:
        said = "%d payments are not in the ledger, the newest is %s: nothing is paid before `headgate ledger reconcile`"
        _LOG.error(said, len(unknown), unknown[0])


async def _take_stock(role: Role, client: Client, parts: Parts, accept_by: str | None) -> InForce:
    """Return what is in force, once store, data dir, Temporal and blueprint are those of this installation."""
    # Asked first: for a missing namespace the SDK would raise a RuntimeError out of the running worker.
    await installation_of(client)
    # A model worker may run without the store: the rules of a case come with the case.
    found = (take_stock_if_here if role is Role.MODEL else take_stock)(parts, accept_by=accept_by)
    if found.installation:
        await claim_namespace(client, found.installation)
    return found


async def run_role(role: Role, settings: Settings, *, accept_by: str | None = None) -> int:
    """Run a worker process until SIGTERM or Ctrl-C; work under way gets `GRACE` to end.

    Args:
        role: what it works.
        settings: of this process.
        accept_by: who accepts another blueprint than the last one; None: nobody does.

    Returns:
        the exit code: 0, or `START_ANEW` where Temporal's core can no longer be trusted with what it holds.

    Raises:
        ConfigurationError: a model has no key or price, or its provider says that there is no such model.
        BlueprintNotAcceptedError: it is another blueprint, and nobody accepts it.
        OtherInstallationError: data dir, store and Temporal do not belong to one installation.
        NotReachableError: nobody says which Temporal, or it does not answer, has no such namespace, or not for these
            credentials.
    """
    which = which_headgate(settings.data_dir)
    client = await connect(which)  # first: where Temporal is away, nothing is opened and nothing goes on record
    parts = Parts(settings)
    try:
        found = await _take_stock(role, client, parts, accept_by)
        client = await connect(which, instance=found.installation)
        if role is Role.MODEL:
            require_known(await ask_models(parts.blueprint.choices(settings.models)))  # not in mid-case
        logging.getLogger("headgate.worker").info("worker %s: %s", role, found.as_line(), extra=found.model_dump())
        workers = build(role, client, parts)
        if role is Role.INTAKE:
            await look_at_pen(parts.inbox)
            if other := another_pen(settings):
                _LOG.warning(other)
            await ensure_intake(
                client,
                first_state(settings.intake_per_second, parts.wishes.last(), auto=parts.blueprint.intake is not None),
            )
        if role is Role.MODEL and parts.blueprint.batch.steps:
            await ensure_batches(client)
        if role is Role.JOURNAL:
            await ensure_journal(client)
        if role is Role.ACTION:
            await ensure_tell(client)
            await ensure_settling(client)
            await _look_at_the_books(parts)
    except RPCError as error:
        raise explained(client, error) from error
    _LOG.info(WHOSE_WORD_COUNTS)
    with CoreWatch() as watch:
        code = await run_until_stopped(workers, watch, role=role, grace=GRACE)
    await parts.close_inbox()
    parts.close()
    return code
