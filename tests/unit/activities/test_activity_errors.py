"""Every failure means one thing to Temporal, and comes back in the workflow as the kind that it was."""

import inspect
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    ChildWorkflowError,
    RetryState,
    TimeoutError,  # noqa: A004 - Temporal's own
    TimeoutType,
)
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

import domain.errors
from activities.errors import FailureInterceptor, raise_for_temporal
from activities.grants import require_grant
from domain.errors import (
    BadAnswerError,
    BadSpellError,
    ConfigurationError,
    EffectsStoppedError,
    FailureKind,
    HeadgateError,
    OverBudgetError,
    PoisonError,
    ProviderOutError,
    RefusedError,
    ToldToWaitError,
    TransientError,
    UnsupportedTaskError,
    failure_kind,
)
from domain.model_call import Usage
from domain.moods.waits import LONGEST_S
from domain.specialists import SPECIALISTS, of_workflow
from domain.spend.resuming import OPENING_SPAN_S, Hold
from workers.loading import activities_of, load
from workflows import options
from workflows.failures import failure_of, usage_of
from workflows.spending.parking import hold_of

OWN_ERRORS = [
    error
    for _, error in inspect.getmembers(domain.errors, inspect.isclass)
    if issubclass(error, HeadgateError) and error is not HeadgateError
]


def an(error: type[HeadgateError]) -> HeadgateError:
    if error is ProviderOutError:
        return ProviderOutError("503", "openai gpt-x", (60.0, 90.0), 3600.0)
    return ToldToWaitError("wait", 5.0) if error is ToldToWaitError else error("what happened")


def as_temporal(error: HeadgateError) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        raise_for_temporal(error)
    return caught.value


def in_activity(cause: BaseException) -> ActivityError:
    error = ActivityError(
        "activity failed",
        scheduled_event_id=1,
        started_event_id=2,
        identity="",
        activity_type="x",
        activity_id="1",
        retry_state=RetryState.NON_RETRYABLE_FAILURE,
    )
    error.__cause__ = cause
    return error


def in_child(cause: BaseException) -> ChildWorkflowError:
    error = ChildWorkflowError(
        "child failed",
        namespace="n",
        workflow_id="w",
        run_id="r",
        workflow_type="t",
        initiated_event_id=1,
        started_event_id=2,
        retry_state=None,
    )
    error.__cause__ = cause
    return error


@pytest.mark.parametrize("error", OWN_ERRORS)
def test_every_own_error_has_a_kind_and_keeps_it_through_temporal(error: type[HeadgateError]) -> None:
    temporal = as_temporal(an(error))
    assert failure_kind(error.__name__) is not FailureKind.BUG, f"{error.__name__} is in no row of FAILURE_KINDS"
    assert failure_of(in_activity(temporal))[:2] == (failure_kind(error.__name__), error.__name__)
    assert failure_of(in_child(in_activity(temporal)))[0] is failure_kind(error.__name__)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TransientError, FailureKind.TRANSIENT),
        (BadSpellError, FailureKind.TRANSIENT),
        (ToldToWaitError, FailureKind.TOLD_TO_WAIT),
        (BadAnswerError, FailureKind.BAD_ANSWER),
        (UnsupportedTaskError, FailureKind.BAD_ANSWER),
        (PoisonError, FailureKind.POISON),
        (RefusedError, FailureKind.REFUSED),
        (EffectsStoppedError, FailureKind.REFUSED),
        (ConfigurationError, FailureKind.CONFIGURATION),
    ],
)
def test_what_each_error_means(error: type[HeadgateError], kind: FailureKind) -> None:
    assert failure_of(in_activity(as_temporal(an(error))))[0] is kind


@pytest.mark.parametrize(
    "error", [e for e in OWN_ERRORS if e is BadSpellError or not issubclass(e, ToldToWaitError | TransientError)]
)
def test_temporal_retries_nothing_that_time_does_not_mend(error: type[HeadgateError]) -> None:
    assert as_temporal(an(error)).non_retryable


def test_a_transient_failure_is_left_to_the_policy_of_the_call() -> None:
    assert not as_temporal(TransientError("x")).non_retryable
    assert "TransientError" in (options.NATIVE_RETRY.non_retryable_error_types or [])


@pytest.mark.parametrize(
    ("said", "waits"),
    [
        (5.0, [5.0, 5.0, 5.0]),
        (0.0, [1.0, 2.0, 256.0]),
        (-3.0, [20.0, 40.0, 300.0]),
        (math.nan, [20.0, 40.0, 300.0]),
        (math.inf, [20.0, 40.0, 300.0]),
        (1e12, [20.0, 40.0, 300.0]),
        (86_400.0, [LONGEST_S] * 3),
    ],
)
def test_told_to_wait_is_retried_after_what_was_said_within_reason(said: float, waits: list[float]) -> None:
    """Nobody is asked in a hot loop, and nobody is left alone for a year."""
    delays = []
    for attempt in (1, 2, 9):
        env = ActivityEnvironment()
        env.info = replace(env.info, attempt=attempt)
        error = env.run(as_temporal, ToldToWaitError("later", said))
        assert not error.non_retryable
        delays.append(error.next_retry_delay)
    assert delays == [timedelta(seconds=wait) for wait in waits]


def test_a_wait_that_was_judged_already_stands_and_is_short_beside_a_workflow_task() -> None:
    """There it would sleep where nobody can call it; as a task of its queue it is held back again, without a call."""
    held = ToldToWaitError("not asked", 600.0, held=True)
    env = ActivityEnvironment()
    env.info = replace(env.info, attempt=7)
    assert env.run(as_temporal, held).next_retry_delay == timedelta(seconds=600)
    env.info = replace(env.info, is_local=True)
    assert env.run(as_temporal, held).next_retry_delay == timedelta(seconds=1)
    told = ToldToWaitError("nobody else knows", 600.0)
    assert env.run(as_temporal, told).next_retry_delay == timedelta(seconds=600)


def test_what_is_parked_comes_back_when_and_over_how_long_its_error_says() -> None:
    until = datetime(2026, 11, 30, 12, tzinfo=UTC)
    waiting = OverBudgetError("put to a batch", "batch m", until)
    waiting.over_s = 20.0
    with pytest.raises(ApplicationError) as told:
        raise_for_temporal(waiting)
    hold = hold_of(told.value)
    assert hold == Hold(reason="batch m", why="put to a batch", until=until, spread_s=20.0)
    with pytest.raises(ApplicationError) as full:
        raise_for_temporal(OverBudgetError("used up", "budget all tokens", until))
    opening = hold_of(full.value)
    assert opening is not None
    assert opening.spread_s == OPENING_SPAN_S


@pytest.mark.parametrize(
    "error", [OverBudgetError("used up"), UnsupportedTaskError("422"), ConfigurationError("401"), TransientError("503")]
)
def test_what_was_paid_before_comes_to_the_workflow(error: HeadgateError) -> None:
    assert usage_of(in_activity(as_temporal(error))) == Usage()
    error.usage = Usage(calls=1, cost_micros=7)
    assert usage_of(in_activity(as_temporal(error))) == error.usage


def test_a_hold_alone_as_earlier_workers_said_it_is_no_cost() -> None:
    alone = ApplicationError("used up", Hold(why="used up").model_dump(mode="json"), type="OverBudgetError")
    assert usage_of(in_activity(alone)) == Usage()


def test_a_bug_keeps_its_name_and_is_no_kind_of_failure_that_is_judged() -> None:
    bug = ApplicationError("'x'", type="KeyError")
    assert failure_of(in_activity(bug)) == (FailureKind.BUG, "KeyError", "'x'")
    assert failure_of(ValueError("no"))[0] is FailureKind.BUG


def timed_out(last: BaseException | None) -> TimeoutError:
    error = TimeoutError("timed out", type=TimeoutType.SCHEDULE_TO_CLOSE, last_heartbeat_details=[])
    error.__cause__ = last
    return error


def test_a_timeout_is_transient_unless_something_kept_failing_until_then() -> None:
    assert failure_of(in_activity(timed_out(None)))[:2] == (FailureKind.TRANSIENT, "TransientError")
    waited = timed_out(ApplicationError("slow down", type="ToldToWaitError"))
    assert failure_of(in_activity(waited))[:2] == (FailureKind.TOLD_TO_WAIT, "ToldToWaitError")
    assert failure_of(in_activity(timed_out(ApplicationError("x", type="KeyError"))))[0] is FailureKind.BUG


@pytest.mark.parametrize("wrap", [in_activity, in_child, lambda e: e])
def test_a_cancellation_is_never_judged_as_a_failure(wrap: "type[BaseException]") -> None:
    with pytest.raises(ValueError, match="cancellation"):
        failure_of(wrap(CancelledError()))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [BadAnswerError, BadSpellError, TransientError])
async def test_what_a_bad_answer_cost_survives_the_way_through_temporal(
    kind: type[BadAnswerError | BadSpellError | TransientError],
) -> None:
    spent = Usage(calls=2, input_tokens=900, output_tokens=40, cost_micros=424)
    error = as_temporal(kind("no answer fits", spent))
    converter = pydantic_data_converter.payload_converter
    travelled = converter.from_payloads(converter.to_payloads(error.details))
    assert usage_of(in_activity(ApplicationError("x", *travelled, type=kind.__name__))) == spent
    assert usage_of(in_activity(as_temporal(TransientError("x")))) == Usage()
    assert usage_of(in_activity(ApplicationError("x", "odd", type="BadAnswerError"))) == Usage()


class Failing(ActivityInboundInterceptor):
    def __init__(self, error: BaseException) -> None:
        self._error = error

    async def execute_activity(self, input: ExecuteActivityInput) -> object:  # noqa: A002
        raise self._error


async def test_the_interceptor_turns_own_errors_and_lets_all_others_pass() -> None:
    call = ExecuteActivityInput(fn=print, args=[], executor=None, headers={})
    with pytest.raises(ApplicationError) as own:
        await FailureInterceptor().intercept_activity(Failing(PoisonError("not decodable"))).execute_activity(call)
    assert (own.value.type, own.value.non_retryable) == ("PoisonError", True)
    with pytest.raises(ZeroDivisionError):
        await FailureInterceptor().intercept_activity(Failing(ZeroDivisionError())).execute_activity(call)


def asked_by(workflow_type: str, tool: str) -> None:
    environment = ActivityEnvironment()
    environment.info = ActivityEnvironment.default_info().__class__(
        **{**vars(environment.info), "workflow_type": workflow_type}
    )
    environment.run(require_grant, tool)


@pytest.mark.parametrize(
    "workflow_type", [*(s.workflow_type for s in SPECIALISTS.values()), "CaseWorkflow", "RefundEverythingWorkflow", ""]
)
@pytest.mark.parametrize("tool", sorted(set().union(*(s.tools for s in SPECIALISTS.values()))))
def test_a_tool_serves_only_the_specialist_that_the_table_names(workflow_type: str, tool: str) -> None:
    specialist = of_workflow(workflow_type)
    if specialist is not None and tool in specialist.tools:
        asked_by(workflow_type, tool)
        return
    with pytest.raises(RefusedError, match=tool):
        asked_by(workflow_type, tool)


def test_the_table_of_specialists_is_whole() -> None:
    """Each row names a workflow and activities that exist, and its tools are among them; no two share a step."""
    for specialist in SPECIALISTS.values():
        assert load(specialist.workflow).__name__ == specialist.workflow_type
        there = {tool.__name__ for path in specialist.activities for tool in activities_of(load(path))}
        assert specialist.tools <= there, specialist.name
    assert (
        len({s.step for s in SPECIALISTS.values()})
        == len({s.workflow for s in SPECIALISTS.values()})
        == len(SPECIALISTS)
    )
