"""A case as a list shows it, for which no worker is asked; and as a page shows it, with its message."""

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field
from temporalio.client import WorkflowExecution

from client.case_filters import ENDED_OUTSIDE
from domain.case import CaseMessage, CaseState, CaseStatus
from workflows import options

if TYPE_CHECKING:
    from client.cases import Cases

SHOWN_AT_MOST = 100
ASKED_AT_ONCE = 16


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


class CaseView(BaseModel):
    """A case with its message. `state` is a `CaseState`, or how the case was ended from outside."""

    case_id: str
    state: str
    tenant: str = ""
    started_at: datetime | None = None
    status: CaseStatus
    message: CaseMessage


class WaitingCases(BaseModel):
    """Cases that wait for a person, the most urgent first.

    `unshown` are the ids of those that could not be asked, `more` says that there are others than the newest.
    """

    views: list[CaseView] = Field(default_factory=list)
    unshown: list[str] = Field(default_factory=list)
    more: bool = False


class CaseViews:
    """Looks at cases through `headgate.cases`."""

    def __init__(self, cases: "Cases") -> None:
        self._cases = cases

    async def show(self, case_id: str) -> CaseView:
        """Return one case, whatever its state.

        Raises:
            UnknownCaseError: there is no such case.
            NotReachableError: no case worker answers.
        """
        row, status, message = await asyncio.gather(
            self._cases.row(case_id), self._cases.status(case_id), self._cases.message(case_id)
        )
        return CaseView(
            case_id=case_id,
            state=row.state if row.ended_outside else status.state,
            tenant=row.tenant or "",
            started_at=row.started_at,
            status=status,
            message=message,
        )

    async def waiting(self) -> WaitingCases:
        """Return the cases that wait for a person; one that does not answer does not hide the others.

        Raises:
            NotReachableError: none of them answers.
        """
        listed = self._cases.list(state=CaseState.WAITING_HUMAN, limit=SHOWN_AT_MOST + 1)
        ids = [row.case_id async for row in listed]
        asked, turns = ids[:SHOWN_AT_MOST], asyncio.Semaphore(ASKED_AT_ONCE)

        async def show(case_id: str) -> CaseView:
            async with turns:
                return await self.show(case_id)

        found = await asyncio.gather(*map(show, asked), return_exceptions=True)
        views = [view for view in found if isinstance(view, CaseView)]
        failed = {i: error for i, error in zip(asked, found, strict=True) if isinstance(error, BaseException)}
        if failed and not views:
            raise next(iter(failed.values()))
        waiting = (view for view in views if view.state == CaseState.WAITING_HUMAN)
        return WaitingCases(views=sorted(waiting, key=_urgency), unshown=sorted(failed), more=len(ids) > len(asked))


def _urgency(view: CaseView) -> tuple[bool, float, str]:
    until = view.status.waits_until
    return (until is None, until.timestamp() if until else 0.0, view.case_id)
