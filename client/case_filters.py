"""Which cases are meant: the conditions of lists and counts, in Temporal's list filter."""

import re
from collections.abc import Iterable

from domain.case import TERMINAL_STATES, CaseState
from domain.errors import not_among
from domain.routing import parse_route

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


def case_filter(
    state: str | None = None, category: str | None = None, *, categories: Iterable[str] | None = None
) -> str:
    """Return the filter for cases in a state and of a category, None for all.

    Args:
        state: one of `CaseState`, or of the endings that only Temporal knows.
        category: its name; where `categories` are known, in any case of letters.
        categories: the names that exist.

    Raises:
        UsageError: there is no such state or category.
    """
    conditions = ["WorkflowType = 'CaseWorkflow'"]
    if state is not None:
        conditions.append(in_state(state))
    if category is not None:
        known = None if categories is None else list(categories)
        chosen = category if known is None else parse_route(category, known)
        if chosen is None:
            raise not_among("category", category, known or [])
        conditions.append(in_category(chosen))
    return " AND ".join(conditions)


def finding_fits(finding: str, wanted: str) -> bool:
    """Return whether a finding begins as wanted, in any case of letters; `*` stands for anything.

    >>> finding_fits("the router gave no category: not a category", "The router gave no")
    True
    >>> finding_fits("read the claim: it is empty", "*it is empty"), finding_fits("claim [1]", "claim [2]")
    (True, False)
    """
    pattern = ".*".join(re.escape(part) for part in wanted.strip().split("*"))
    return re.match(pattern, finding.strip(), re.IGNORECASE | re.DOTALL) is not None


def in_category(name: str) -> str:
    """Return the condition for the cases of a category; quotes in its name cannot end it."""
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"CaseCategory = '{escaped}'"
