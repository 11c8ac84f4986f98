"""A running Headgate with one case and one approval; what is asked for is done, or had no effect."""

from datetime import UTC, datetime
from typing import Self

from client.case_rows import CaseRow
from domain.case import CaseAnswer, CaseMessage, CaseState, CaseStatus, HumanDecision
from domain.errors import NotReachableError, UnknownCaseError
from domain.intake import IntakeState
from domain.money.amount import Money
from domain.money.approval import ApprovalDecision, ApprovalView, Brief, DecisionAnswer, PendingApprovals
from tests.fakes.temporal import FakeNamespace

MESSAGE = "Where is\n\nmy \x1b[2Jmoney?"


class FakeHeadgate:
    """Stands in for `client.headgate.Headgate`; `counts` says whether decisions do."""

    def __init__(self) -> None:
        self.counts = True
        self.temporal = FakeNamespace({})
        self.is_heard = True
        self.cases = FakeCases(self)
        self.approvals = FakeApprovals(self)
        self.intake = FakeIntake()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None: ...


class FakeCases:
    """The case `case/shop/1`, terminated from outside while it waited for a person; where nothing counts, it waits."""

    def __init__(self, headgate: FakeHeadgate) -> None:
        self._headgate = headgate

    async def row(self, case_id: str) -> CaseRow:
        if case_id != "case/shop/1":
            raise UnknownCaseError(case_id)
        state = "terminated" if self._headgate.counts else "waiting_human"
        return CaseRow(case_id=case_id, state=state, tenant="acme", amount_minor=500, cost_micros=7)

    async def status(self, case_id: str) -> CaseStatus:
        if not self._headgate.is_heard:
            raise NotReachableError("no case worker answered")
        return CaseStatus(case_id=case_id, state=CaseState.WAITING_HUMAN, waits_for="a person")

    async def message(self, case_id: str) -> CaseMessage:
        if not self._headgate.is_heard:
            raise NotReachableError("no case worker answered")
        return CaseMessage(
            subject="No refund", lang="en", flags=["attachments"], request=["“Where is my money?”"], text=MESSAGE
        )

    async def start(self, **message: object) -> str:
        return "case/shop/1"

    async def cancel(self, case_id: str) -> None: ...

    async def decide(self, case_id: str, decision: HumanDecision) -> CaseAnswer:
        return CaseAnswer(accepted=self._headgate.counts, message=f"{decision.verdict} by {decision.by}")


class FakeApprovals:
    """One approval, which can be decided."""

    def __init__(self, headgate: FakeHeadgate) -> None:
        self._headgate = headgate

        self.view = ApprovalView(
            approval_id="case/shop/1/approval/1",
            case_id="case/shop/1",
            brief=Brief(
                what="Refund 9.00 USD",
                for_whom="customer C-1",
                why="above the limit",
                request=["“Hello.”", "“Please refund " + "all of it " * 20 + "now.”", "read as: all of it"],
                policy="m@1",
                if_approved="it is paid",
                if_rejected="it is not",
            ),
            digest="d",
            amount=Money(minor=900, currency="USD"),
            requested_at=datetime(2026, 1, 5, 9, tzinfo=UTC),
            expires_at=datetime(2026, 1, 7, 9, tzinfo=UTC),
        )

    async def pending(self) -> PendingApprovals:
        return PendingApprovals(views=[self.view])

    async def show(self, approval_id: str) -> ApprovalView:
        return self.view

    async def decide(self, decision: ApprovalDecision) -> DecisionAnswer:
        return DecisionAnswer(accepted=self._headgate.counts, message=f"{decision.verdict} by {decision.by}")


class FakeIntake:
    """An intake that does as it is told; it has had one message that did not fit."""

    async def state(self) -> IntakeState:
        return IntakeState(notices=["the signal 'set_pace' changed nothing: it came with no input"])

    async def pause(self) -> IntakeState:
        return IntakeState(paused=True)

    async def resume(self) -> IntakeState:
        return IntakeState()

    async def pace(self, per_second: float) -> IntakeState:
        return IntakeState(per_second=per_second)
