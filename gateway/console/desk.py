"""What the pages need from the rest of Headgate."""

from typing import Protocol

from client.case_rows import CaseView, WaitingCases
from client.standstill.stuck import StuckLook
from domain.money.approval import ApprovalDecision, ApprovalView, DecisionAnswer, PendingApprovals
from ports.store import StoredCase


class ApprovalDesk(Protocol):
    """Where approvals are looked up and decided; `client.approvals.Approvals` is one."""

    async def pending(self) -> PendingApprovals:
        """Return the approvals that wait."""
        ...

    async def show(self, approval_id: str) -> ApprovalView:
        """Return one approval, open or decided. Raises UnknownCaseError if there is none."""
        ...

    async def decide(self, decision: ApprovalDecision) -> DecisionAnswer:
        """Hand in a decision and return whether it counted. Raises UnknownCaseError if there is none."""
        ...

    async def leave(self, decision: ApprovalDecision) -> None:
        """Leave a decision for the time when a worker is there again. Raises NotReachableError if it cannot be kept."""
        ...


class CaseDesk(Protocol):
    """Where cases are looked at; `client.case_rows.CaseViews` is one."""

    async def waiting(self) -> WaitingCases:
        """Return the cases that wait for a person."""
        ...

    async def show(self, case_id: str) -> CaseView:
        """Return one case. Raises UnknownCaseError if there is none."""
        ...


class Originals(Protocol):
    """Where messages lie as they came in: the store. Called from a thread."""

    def load(self, case_id: str) -> StoredCase:
        """Return an admitted case with its raw payload. Raises KeyError if it is unknown."""
        ...


class Standstills(Protocol):
    """What stands still in Temporal; `client.standstill.stuck.StuckWatch` is one."""

    async def latest(self) -> StuckLook | None:
        """Return the last look, None where nobody knows."""
        ...
