"""What becomes of an open case, by what Temporal says of its workflow."""

import pytest

from domain.audit.facts import ExecutionStatus
from domain.authority.rescue import Rescue, RescueReport, rescue_of
from domain.case import TERMINAL_STATES, CaseOutcome, CaseState


def ended(state: CaseState, replay: int = 0) -> CaseOutcome:
    return CaseOutcome(case_id="case/shop/e1", source="shop", tenant="default", state=state, replay=replay)


OUTSIDE = (ExecutionStatus.TERMINATED, ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT)


@pytest.mark.parametrize("status", OUTSIDE)
def test_what_somebody_ended_in_temporal_waits_for_a_word(status: ExecutionStatus) -> None:
    """Whoever terminated it may have had a reason: it is not begun again by itself."""
    assert rescue_of(status, None, replay=0) is Rescue.ENDED_OUTSIDE


def test_a_case_without_a_workflow_begins_again_and_a_running_one_is_left_alone() -> None:
    assert rescue_of(None, None, replay=3) is Rescue.BEGIN_AGAIN
    assert rescue_of(ExecutionStatus.RUNNING, None, replay=3) is Rescue.LEAVE


@pytest.mark.parametrize("state", sorted(TERMINAL_STATES))
def test_an_ending_that_the_store_lost_is_taken_over(state: CaseState) -> None:
    """But for a dead letter, which could not be replayed without its row."""
    wanted = Rescue.BEGIN_AGAIN if state is CaseState.DEAD_LETTERED else Rescue.TAKE_ENDING
    assert rescue_of(ExecutionStatus.COMPLETED, ended(state), replay=0) is wanted


@pytest.mark.parametrize("state", sorted(set(CaseState) - TERMINAL_STATES))
def test_what_is_no_ending_is_none(state: CaseState) -> None:
    assert rescue_of(ExecutionStatus.COMPLETED, ended(state), replay=0) is Rescue.BEGIN_AGAIN


def test_the_ending_of_an_earlier_run_is_none_of_a_later_one() -> None:
    assert rescue_of(ExecutionStatus.COMPLETED, ended(CaseState.DONE, 1), replay=2) is Rescue.BEGIN_AGAIN
    assert rescue_of(ExecutionStatus.COMPLETED, ended(CaseState.DONE, 2), replay=2) is Rescue.TAKE_ENDING
    assert rescue_of(ExecutionStatus.COMPLETED, ended(CaseState.DONE, 3), replay=2) is Rescue.TAKE_ENDING
    assert rescue_of(ExecutionStatus.COMPLETED, None, replay=0) is Rescue.BEGIN_AGAIN


def test_the_report_counts_each_case_once() -> None:
    report = RescueReport()
    for number, what in enumerate(Rescue):
        report.note(str(number), what)
    assert (report.running, len(report.begun), len(report.ended), len(report.ended_outside)) == (1, 1, 1, 1)
