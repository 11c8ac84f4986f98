"""Which cases a list or a count means; a name that does not exist is wrong use, never an empty list."""

import pytest

from client.case_filters import case_filter, in_state
from domain.case import TERMINAL_STATES, CaseState
from domain.errors import UsageError

NAMES = ("Billing", "Technical Support", "Sales")


@pytest.mark.parametrize("state", sorted(set(CaseState) - TERMINAL_STATES))
def test_only_a_case_that_runs_waits(state: CaseState) -> None:
    """One that was terminated keeps its search attributes, and waits for nobody."""
    assert in_state(state) == f"CaseState = '{state}' AND ExecutionStatus = 'Running'"


@pytest.mark.parametrize("state", sorted(TERMINAL_STATES))
def test_a_case_that_ended_is_asked_for_by_its_ending(state: CaseState) -> None:
    assert in_state(state) == f"CaseState = '{state}'"


def test_a_case_that_was_ended_from_outside_can_be_asked_for() -> None:
    assert in_state("timed_out") == "ExecutionStatus = 'TimedOut'"


def test_category_and_state_are_both_asked_for() -> None:
    assert case_filter("done", "technical support", categories=NAMES) == (
        "WorkflowType = 'CaseWorkflow' AND CaseState = 'done' AND CaseCategory = 'Technical Support'"
    )
    assert case_filter() == "WorkflowType = 'CaseWorkflow'"


@pytest.mark.parametrize(
    ("state", "category", "said"),
    [("Foo", None, "waiting_human"), (None, "Foo", "Technical Support"), (None, "' OR 1=1", "Billing")],
)
def test_a_name_that_does_not_exist_is_wrong_use_and_the_choices_are_told(
    state: str | None, category: str | None, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        case_filter(state, category, categories=NAMES)


def test_where_the_categories_are_not_known_a_name_is_taken_as_it_is_and_cannot_leave_its_quotes() -> None:
    assert case_filter(category="Returns").endswith("CaseCategory = 'Returns'")
    assert case_filter(category="' OR 1=1 --").endswith(r"CaseCategory = '\' OR 1=1 --'")
