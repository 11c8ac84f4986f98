"""A case as a list shows it: what Temporal knows of it without asking a worker."""

from datetime import datetime

from pydantic import BaseModel
from temporalio.client import WorkflowExecution

from client.case_filters import ENDED_OUTSIDE
from domain.case import CaseState
from workflows import options


class CaseRow(BaseModel):
    """A case in a list: what the search attributes say. Amounts in minor units, cost in millionths of a US dollar.

    `state` is a `CaseState`, or `terminated`, `failed`, `timed_out` where the case was ended from outside.
    """

    case_id: str
    state: str
    category: str | None = None
    tenant: str | None = None
    amount_minor: int | None = None
    cost_micros: int | None = None
    blueprint_version: str | None = None
    started_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def ended_outside(self) -> bool:
        """Whether the case was ended in Temporal, past Headgate: no ending was recorded and no reply sent."""
        return self.state in ENDED_OUTSIDE


def row_of(execution: WorkflowExecution) -> CaseRow:
    """Build a row from a listed or described workflow."""
    attributes = execution.typed_search_attributes
    status = execution.status
    state = attributes.get(options.CASE_STATE) or CaseState.RUNNING
    if status is not None and status.name.lower() in ENDED_OUTSIDE:
        state = status.name.lower()
    return CaseRow(
        case_id=execution.id,
        state=state,
        category=attributes.get(options.CASE_CATEGORY),
        tenant=attributes.get(options.CASE_TENANT),
        amount_minor=attributes.get(options.CASE_AMOUNT_MINOR),
        cost_micros=attributes.get(options.CASE_COST_MICROS),
        blueprint_version=attributes.get(options.BLUEPRINT_VERSION),
        started_at=execution.start_time,
        closed_at=execution.close_time,
    )
