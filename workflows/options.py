"""Task queues, timeouts and retry policies, each with its name and the reason for its figure."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from temporalio.common import RetryPolicy, SearchAttributeKey, SearchAttributeUpdate
from temporalio.workflow import ActivityCancellationType

from domain.case import TERMINAL_STATES, CaseState, CaseStatus
from domain.case_details import money_of
from domain.errors import TransientError
from domain.model_call import Tier

# Task queues: one per scaling unit (docs/architecture.md, "Processes").
INTAKE_QUEUE = "intake"
CASES_QUEUE = "cases"
MODEL_QUEUES = {Tier.SMALL: "models-small", Tier.LARGE: "models-large"}
ACTIONS_QUEUE = "actions"
JOURNAL_QUEUE = "journal"


class Role(StrEnum):
    """What a worker process does (docs/architecture.md, "Processes")."""

    INTAKE = "intake"
    CASE = "case"
    MODEL = "model"
    ACTION = "action"
    JOURNAL = "journal"


QUEUES: dict[Role, tuple[str, ...]] = {
    Role.INTAKE: (INTAKE_QUEUE,),
    Role.CASE: (CASES_QUEUE,),
    Role.MODEL: tuple(MODEL_QUEUES.values()),
    Role.ACTION: (ACTIONS_QUEUE,),
    Role.JOURNAL: (JOURNAL_QUEUE,),
}
"""The queues that a worker of each role serves; only those of the case worker carry workflow tasks."""

NOTES_SHOWN = 5  # of what reading a message met: the details of a case have room for as many

# Ids of the long-lived workflows.
INTAKE_WORKFLOW_ID = "intake/default"
JOURNAL_WORKFLOW_ID = "journal/default"
TELL_WORKFLOW_ID = "words/default"
SETTLING_WORKFLOW_ID = "settling/default"
BATCHES_WORKFLOW_ID = "batches/default"

# Search attributes: none holds personal data.
CASE_STATE = SearchAttributeKey.for_keyword("CaseState")
CASE_CATEGORY = SearchAttributeKey.for_keyword("CaseCategory")
CASE_TENANT = SearchAttributeKey.for_keyword("CaseTenant")
CASE_AMOUNT_MINOR = SearchAttributeKey.for_int("CaseAmountMinor")
CASE_COST_MICROS = SearchAttributeKey.for_int("CaseCostMicros")
SUSPEND_REASON = SearchAttributeKey.for_keyword(
    "SuspendReason"
)  # of a parked case: the budget, the outage, or `runaway`
BLUEPRINT_VERSION = SearchAttributeKey.for_keyword("BlueprintVersion")
SEARCH_ATTRIBUTES = {
    "CaseState": "Keyword",
    "CaseCategory": "Keyword",
    "CaseTenant": "Keyword",
    "CaseAmountMinor": "Int",
    "CaseCostMicros": "Int",
    "SuspendReason": "Keyword",
    "BlueprintVersion": "Keyword",
}


def searchable(
    status: CaseStatus, before: CaseState, amount_minor: int | None, reason: str
) -> list[SearchAttributeUpdate[Any]]:  # Any: keywords and numbers side by side
    """Return what becomes searchable when a case comes to a state.

    Args:
        status: with the new state.
        before: the state that was searchable until now.
        amount_minor: what is proposed; None: what was moved.
        reason: why it is parked.
    """
    updates: list[SearchAttributeUpdate[Any]] = [
        CASE_STATE.value_set(status.state),
        CASE_COST_MICROS.value_set(status.usage.cost_micros),
    ]
    if status.category is not None:
        updates.append(CASE_CATEGORY.value_set(status.category))
    amount = amount_minor if amount_minor is not None else money_of(status.effects)
    if amount is not None:
        updates.append(CASE_AMOUNT_MINOR.value_set(amount))
    elif status.state in TERMINAL_STATES:
        updates.append(CASE_AMOUNT_MINOR.value_unset())  # what was only proposed moved nothing
    if status.state is CaseState.PARKED:
        updates.append(SUSPEND_REASON.value_set(reason))
    elif before is CaseState.PARKED:
        updates.append(SUSPEND_REASON.value_unset())
    return updates


# Three answers of an hour each (`answer_s` of the blueprint): the answer, one re-ask, one of a denser model. What is
# silent is given up long before by the wire (`idle_s`), and what died by its heartbeats.
MODEL_TIMEOUT = timedelta(hours=3, minutes=10)
HEARTBEAT = timedelta(seconds=30)  # a dead worker's activity is taken over within this
ACTION_TIMEOUT = timedelta(seconds=30)  # a payment provider's slowest answer
STORE_TIMEOUT = timedelta(seconds=15)
# First tries as local activities, beside the workflow task: below the eight seconds after which Temporal would have to
# prolong the task (80% of its ten). Whatever takes longer becomes a task of its queue: an answer that writes for longer
# is asked for once more there, and then has its hour.
STORE_FIRST_TRY = timedelta(seconds=3)
MODEL_FIRST_TRY = timedelta(seconds=5)
ONE_TRY = RetryPolicy(maximum_attempts=1)
# All attempts of one step: longer than any wait a provider may ask for, short enough that a bug is seen the same week.
STEP_BUDGET = timedelta(days=3)
ALERT_BUDGET = timedelta(minutes=10)  # a reminder that the store does not take: the next one comes anyway
LAST_LOOK = timedelta(minutes=1)  # whether the last try of a case that is given up was paid; the audit looks later too

# The native policy covers what no code of ours can answer: a worker that died, a bug that is being mended, a provider
# that named its own time (next_retry_delay). What time mends climbs the blueprint's ladder in the workflow instead.
NATIVE_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(minutes=5),
    non_retryable_error_types=[TransientError.__name__],
)

# Recording an ending is never given up, whatever the error: until it is written the case is not closed.
NEVER_GIVE_UP = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(minutes=1),
)


@dataclass(frozen=True, slots=True)
class StepKind:
    """How a kind of step is run: where, how long one attempt and all of them may take, and what follows a failure.

    `budget` None means that it is never given up (docs/decisions/0007). With a `first_try` it is tried so long as a
    local activity of the case worker, which spares five events and a way over the server; what did not end by then,
    or did not succeed, is a task of `queue` as without it. Temporal hears of a first try only afterwards, so a worker
    that dies meanwhile may decide anew: for short steps that look something up or let the first word stand, never
    for effects.
    """

    queue: str
    start_to_close: timedelta
    budget: timedelta | None = STEP_BUDGET
    heartbeat: timedelta | None = None
    retry: RetryPolicy = field(default_factory=lambda: NATIVE_RETRY)
    cancellation: ActivityCancellationType = ActivityCancellationType.TRY_CANCEL
    first_try: timedelta | None = None


def of_tier(kind: StepKind, tier: Tier | None) -> StepKind:
    """Return a kind of model step as one of the tier that a blueprint moved it to; None: it did not.

    It runs on that tier's queue, and there alone: first tries are for what a small model surely answers in time.
    """
    queue = kind.queue if tier is None else MODEL_QUEUES.get(tier, MODEL_QUEUES[Tier.SMALL])
    return kind if queue == kind.queue else replace(kind, queue=queue, first_try=None)


MODEL_SMALL = StepKind(MODEL_QUEUES[Tier.SMALL], MODEL_TIMEOUT, heartbeat=HEARTBEAT, first_try=MODEL_FIRST_TRY)
MODEL_LARGE = StepKind(MODEL_QUEUES[Tier.LARGE], MODEL_TIMEOUT, heartbeat=HEARTBEAT)
ARTICLES = StepKind(  # a look into the knowledge base, without a model
    MODEL_QUEUES[Tier.SMALL], STORE_TIMEOUT, first_try=STORE_FIRST_TRY
)
LOOK_UP = StepKind(ACTIONS_QUEUE, STORE_TIMEOUT, first_try=STORE_FIRST_TRY)
STORE = StepKind(ACTIONS_QUEUE, STORE_TIMEOUT)
OTHER_CASE = StepKind(ACTIONS_QUEUE, ACTION_TIMEOUT)  # another case is asked, whose worker may be busy
SETTLEMENT = StepKind(ACTIONS_QUEUE, ACTION_TIMEOUT)
# Cancelling a case must not leave open whether the money moved: the payment is waited for.
PAYMENT = StepKind(ACTIONS_QUEUE, ACTION_TIMEOUT, cancellation=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED)
RECORD = StepKind(ACTIONS_QUEUE, STORE_TIMEOUT, budget=None, retry=NEVER_GIVE_UP)
# The first ending stands, whatever a case that was decided twice says later.
ENDING = StepKind(ACTIONS_QUEUE, STORE_TIMEOUT, budget=None, retry=NEVER_GIVE_UP, first_try=STORE_FIRST_TRY)
WORD = StepKind(ACTIONS_QUEUE, STORE_TIMEOUT, budget=ALERT_BUDGET, retry=NEVER_GIVE_UP)
FINAL_SETTLEMENT = StepKind(ACTIONS_QUEUE, ACTION_TIMEOUT, budget=None, retry=NEVER_GIVE_UP)
LAST_SETTLEMENT = StepKind(ACTIONS_QUEUE, ACTION_TIMEOUT, budget=LAST_LOOK, retry=NEVER_GIVE_UP)
