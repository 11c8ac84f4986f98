"""Where a workflow that stands still can go back to, judged from its history alone."""

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from client.standstill.unsticking import way_back

GOOD = [("WORKFLOW_EXECUTION_STARTED", ""), *[(f"WORKFLOW_TASK_{what}", "") for what in ("SCHEDULED", "STARTED")]]
DONE = ("WORKFLOW_TASK_COMPLETED", "")
FAILED = ("WORKFLOW_TASK_FAILED", "a bug")
TIMED_OUT = ("WORKFLOW_TASK_TIMED_OUT", "")
CHILD = ("START_CHILD_WORKFLOW_EXECUTION_INITIATED", "case/shop/1/approval/1")
ACTIVITY = ("ACTIVITY_TASK_SCHEDULED", "")


def signal(name: str) -> tuple[str, str]:
    return ("WORKFLOW_EXECUTION_SIGNALED", name)


def history(*events: tuple[str, str]) -> list[HistoryEvent]:
    made = []
    for number, (kind, what) in enumerate([*GOOD, *events], 1):
        event = HistoryEvent(event_id=number, event_type=EventType.Value(f"EVENT_TYPE_{kind}"))
        if kind == "WORKFLOW_EXECUTION_SIGNALED":
            event.workflow_execution_signaled_event_attributes.signal_name = what
        elif kind == "WORKFLOW_TASK_FAILED":
            event.workflow_task_failed_event_attributes.failure.message = what
            event.workflow_task_failed_event_attributes.failure.application_failure_info.type = "RuntimeError"
        elif kind == CHILD[0]:
            event.start_child_workflow_execution_initiated_event_attributes.workflow_id = what
        made.append(event)
    return made


def names(events: tuple[HistoryEvent, ...]) -> list[str]:
    return [event.workflow_execution_signaled_event_attributes.signal_name for event in events]


def test_it_goes_back_to_the_last_good_task_and_tells_suspects_from_what_came_later() -> None:
    way = way_back(history(signal("old"), DONE, ACTIVITY, DONE, signal("a"), signal("b"), FAILED, signal("c"), FAILED))
    assert (way.to, way.failure, way.why_not) == (7, "RuntimeError: a bug", "")
    assert (names(way.suspects), names(way.later)) == (["a", "b"], ["c"])


def test_a_task_that_only_times_out_is_told_as_such() -> None:
    way = way_back(history(DONE, signal("a"), TIMED_OUT))
    assert (way.failure, way.why_not) == ("a workflow task that timed out", "")


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ([signal("a"), FAILED], "its very first task fails"),
        ([DONE, ACTIVITY, FAILED], "no message came since"),
        ([DONE, FAILED, signal("late")], "no message came since"),
        ([DONE, CHILD, signal("a"), FAILED], "case/shop/1/approval/1, which a reset would begin twice"),
    ],
)
def test_what_a_reset_would_not_mend_is_left_alone(events: list[tuple[str, str]], why: str) -> None:
    assert why in way_back(history(*events)).why_not


def test_a_child_that_was_begun_before_stays_begun() -> None:
    assert way_back(history(DONE, CHILD, DONE, signal("a"), FAILED)).why_not == ""


def test_a_task_that_fails_at_an_update_goes_back_though_no_signal_came() -> None:
    events = history(DONE, FAILED)
    events[-1].workflow_task_failed_event_attributes.failure.stack_trace = "  File x, line 1, in run_update\n    y\n"
    assert way_back(events).why_not == ""
