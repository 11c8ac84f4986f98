"""By what cases are found in Temporal: the search attributes of `options.py`, as the case stands."""

from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

with workflow.unsafe.imports_passed_through():
    from domain.case import TERMINAL_STATES, CaseState, CaseStatus
    from domain.case_details import money_of
    from workflows import options


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
        options.CASE_STATE.value_set(status.state),
        options.CASE_COST_MICROS.value_set(status.usage.cost_micros),
    ]
    if status.category is not None:
        updates.append(options.CASE_CATEGORY.value_set(status.category))
    amount = amount_minor if amount_minor is not None else money_of(status.effects)
    if amount is not None:
        updates.append(options.CASE_AMOUNT_MINOR.value_set(amount))
    elif status.state in TERMINAL_STATES:
        updates.append(options.CASE_AMOUNT_MINOR.value_unset())  # what was only proposed moved nothing
    if status.state is CaseState.PARKED:
        updates.append(options.SUSPEND_REASON.value_set(reason))
    elif before is CaseState.PARKED:
        updates.append(options.SUSPEND_REASON.value_unset())
    return updates
