"""What the approvals page needs from the rest of Headgate."""

from typing import Protocol

from domain.money.approval import ApprovalDecision, ApprovalView, DecisionAnswer, PendingApprovals


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
