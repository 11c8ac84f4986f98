"""Task queues, timeouts and retry policies, each with its name and the reason for its figure."""

from datetime import timedelta

from temporalio.common import RetryPolicy, SearchAttributeKey

from domain.errors import TransientError
from domain.model_call import Tier

# Task queues: one per scaling unit (docs/architecture.md, "Processes").
INTAKE_QUEUE = "intake"
CASES_QUEUE = "cases"
MODEL_QUEUES = {Tier.SMALL: "models-small", Tier.LARGE: "models-large"}
ACTIONS_QUEUE = "actions"
JOURNAL_QUEUE = "journal"

# Ids of the long-lived workflows.
INTAKE_WORKFLOW_ID = "intake/default"
JOURNAL_WORKFLOW_ID = "journal/default"

# Search attributes: none holds personal data.
CASE_STATE = SearchAttributeKey.for_keyword("CaseState")
CASE_CATEGORY = SearchAttributeKey.for_keyword("CaseCategory")
CASE_TENANT = SearchAttributeKey.for_keyword("CaseTenant")
CASE_AMOUNT_MINOR = SearchAttributeKey.for_int("CaseAmountMinor")
CASE_COST_MICROS = SearchAttributeKey.for_int("CaseCostMicros")
BLUEPRINT_VERSION = SearchAttributeKey.for_keyword("BlueprintVersion")
SEARCH_ATTRIBUTES = {
    "CaseState": "Keyword",
    "CaseCategory": "Keyword",
    "CaseTenant": "Keyword",
    "CaseAmountMinor": "Int",
    "CaseCostMicros": "Int",
    "BlueprintVersion": "Keyword",
}

MODEL_TIMEOUT = timedelta(seconds=120)  # up to three calls of 30 s: the answer, one re-ask, and room for a slow start
HEARTBEAT = timedelta(seconds=30)  # a dead worker's activity is taken over within this
ACTION_TIMEOUT = timedelta(seconds=30)  # a payment provider's slowest answer
STORE_TIMEOUT = timedelta(seconds=15)
# All attempts of one step: longer than any wait a provider may ask for, short enough that a bug is seen the same week.
STEP_BUDGET = timedelta(days=3)
ALERT_BUDGET = timedelta(minutes=10)  # a reminder that cannot be sent: the next one comes anyway
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
