"""What the approvals page needs from the rest of Headgate."""

from typing import Protocol

from domain.approval import ApprovalDecision, ApprovalView, DecisionAnswer


class ApprovalDesk(Protocol):
    """Where approvals are looked up and decided; `client.cases.Headgate` is one."""

    async def pending(self) -> list[ApprovalView]:
        """Return the approvals that wait, oldest first."""
        ...

    async def show(self, approval_id: str) -> ApprovalView:
        """Return one approval, open or decided. Raises KeyError if it is unknown."""
        ...

    async def decide(self, decision: ApprovalDecision) -> DecisionAnswer:
        """Hand in a decision and return whether it counted. Raises KeyError if the approval is unknown."""
        ...
