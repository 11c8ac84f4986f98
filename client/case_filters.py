"""Which cases are meant: the conditions of lists and counts, in Temporal's list filter."""

from domain.case import TERMINAL_STATES, CaseState
from domain.errors import not_among
from domain.routing import CATEGORIES, parse_route

# Endings that Temporal knows and Headgate does not bring about: somebody terminated a case, or its workflow failed.
ENDED_OUTSIDE = {"terminated": "Terminated", "failed": "Failed", "timed_out": "TimedOut"}


def in_state(state: str) -> str:
    """Return the condition that selects the cases in a state.

    A case that was ended from outside keeps the `CaseState` that it had; it waits for nobody any more.

    Raises:
        UsageError: there is no such state.
    """
    if state in ENDED_OUTSIDE:
        return f"ExecutionStatus = '{ENDED_OUTSIDE[state]}'"
    if state not in set(CaseState):
        raise not_among("state", state, (*CaseState, *ENDED_OUTSIDE))
    attribute = f"CaseState = '{state}'"
    return attribute if state in TERMINAL_STATES else f"{attribute} AND ExecutionStatus = 'Running'"


def case_filter(state: str | None = None, category: str | None = None) -> str:
    """Return the filter for cases in a state and of a category, None for all.

    Raises:
        UsageError: there is no such state or category.
    """
    conditions = ["WorkflowType = 'CaseWorkflow'"]
    if state is not None:
        conditions.append(in_state(state))
    if category is not None:
        chosen = parse_route(category)
        if chosen is None:
            raise not_among("category", category, CATEGORIES)
        conditions.append(f"CaseCategory = '{chosen}'")
    return " AND ".join(conditions)
