"""People in front of the pages, and the desks behind them."""

import html
import re
from datetime import UTC, datetime, timedelta

import httpx

from client.case_rows import CaseView, WaitingCases
from domain.blueprint import ApprovalRules, CasePolicy
from domain.briefs.request import request_lines
from domain.case import CaseInput, CaseMessage, CaseState, CaseStatus
from domain.errors import TransientError, UnknownCaseError
from domain.money.amount import Money
from domain.money.approval import (
    ApprovalDecision,
    ApprovalView,
    Approver,
    Brief,
    DecisionAnswer,
    Objection,
    PendingApprovals,
    Standing,
    Verdict,
)
from ports.store import StoredCase

CASE = "case/shop/evt_1"
APPROVAL = "case/shop/evt_1/approval/1"


class FakeDesk:
    """One approval, decided by the rules that matter here."""

    def __init__(self) -> None:
        now = datetime.now(UTC)
        self.view = ApprovalView(
            approval_id=APPROVAL,
            case_id="case/shop/evt_1",
            brief=Brief(
                what="Refund of 5,000.00 USD on ORD-10023 <script>alert(1)</script>",
                for_whom="customer C-1001",
                why="charged twice",
                evidence=["two captures", '"><img src=x onerror=alert(1)>'],
                policy="at or above 5,000.00 USD",
                if_approved="the money goes back",
                if_rejected="the customer is told why",
            ),
            digest="d" * 64,
            amount=Money(minor=500_000, currency="USD"),
            requested_at=now - timedelta(hours=1),
            expires_at=now + timedelta(hours=47),
        )
        self.decisions: list[ApprovalDecision] = []
        self.left: list[ApprovalDecision] = []
        self.away = False
        self.unshown: list[str] = []

    async def pending(self) -> PendingApprovals:
        if self.away:
            raise TransientError("no Temporal")
        views = [self.view] if self.view.standing is Standing.PENDING else []
        return PendingApprovals(views=views, unshown=self.unshown)

    async def show(self, approval_id: str) -> ApprovalView:
        if approval_id != APPROVAL:
            raise UnknownCaseError(approval_id)
        return self.view

    async def decide(self, decision: ApprovalDecision) -> DecisionAnswer:
        self.decisions.append(decision)
        if decision.by == "bob":
            return DecisionAnswer(accepted=False, message=Objection.ABOVE_LIMIT)
        if decision.digest != self.view.digest:
            return DecisionAnswer(accepted=False, message=Objection.STALE_DIGEST)
        if self.view.standing is not Standing.PENDING:
            return DecisionAnswer(accepted=False, message=Objection.ALREADY_DECIDED, standing=self.view.standing)
        standing = Standing.APPROVED if decision.verdict is Verdict.APPROVE else Standing.REJECTED
        self.view = self.view.model_copy(update={"standing": standing, "decided_by": decision.by})
        return DecisionAnswer(accepted=True, message="Thank you.", standing=standing)

    async def leave(self, decision: ApprovalDecision) -> None:
        self.left.append(decision)


HOSTILE = (
    "Refund order ORD-10023 <script>alert(1)</script> and [click](https://evil.example/a?b=1).\n\n"
    "Ask bob@evil.example or @channel \x1b[2J\u202eabc. "
    'Please pay back 20 EUR "><img src=x onerror=alert(1)> now.\n\n' + "Money back " * 3_000
)


class FakeCases:
    """One case that waits for a person."""

    def __init__(self) -> None:
        self.view = CaseView(
            case_id=CASE,
            state=CaseState.WAITING_HUMAN,
            tenant="acme",
            started_at=datetime.now(UTC),
            status=CaseStatus(
                case_id=CASE,
                state=CaseState.WAITING_HUMAN,
                finding="human: unreadable field <b>",
                waits_until=datetime.now(UTC) + timedelta(days=2, hours=1),
            ),
            message=CaseMessage(
                subject="<i>Lamp</i>",
                flags=["hidden_text"],
                notes=["the sender's address is <none> of ours"],
                text=HOSTILE,
                request=request_lines(HOSTILE),
            ),
        )
        self.found = WaitingCases(views=[self.view])
        self.away = False

    async def waiting(self) -> WaitingCases:
        if self.away:
            raise TransientError("no Temporal")
        return self.found

    async def show(self, case_id: str) -> CaseView:
        if case_id != CASE:
            raise UnknownCaseError(case_id)
        return self.view


class FakeOriginals:
    """A store with one case, whose blueprint names ada as its approver; bob is another tenant's."""

    def __init__(self) -> None:
        policy = CasePolicy(version="m@1", approval=ApprovalRules(approvers=[Approver(name="ada")]))
        case = CaseInput(case_id=CASE, source="shop", text="", received_at=datetime.now(UTC), policy=policy)
        self.stored = StoredCase(case=case, content_type="text/html", body=HOSTILE.encode())
        self.asked: list[str] = []

    def load(self, case_id: str) -> StoredCase:
        self.asked.append(case_id)
        if case_id != CASE:
            raise KeyError(f"case {case_id!r} was never admitted to this store")
        return self.stored


class Person:
    """A browser."""

    def __init__(self, http: httpx.AsyncClient, tokens: dict[str, str]) -> None:
        self.http = http
        self.tokens = tokens

    async def log_in(self, name: str = "ada", token: str | None = None, target: str = "") -> httpx.Response:
        page = await self.http.get("/login", params={"next": target} if target else None)
        fields = {"name": name, "token": token or self.tokens[name], "next": hidden(page, "next")}
        return await self.http.post("/login", data={**fields, "form_token": hidden(page, "form_token")})

    async def decide(
        self, verdict: str = "approve", *, headers: dict[str, str] | None = None, **changes: str
    ) -> httpx.Response:
        page = await self.http.get(f"/approvals/{APPROVAL}")
        fields = {
            "form_token": hidden(page, "form_token", last=True),
            "digest": "d" * 64,
            "verdict": verdict,
            "reason": "ok",
        }
        return await self.http.post(f"/approvals/{APPROVAL}", data={**fields, **changes}, headers=headers)


def hidden(page: httpx.Response, name: str, *, last: bool = False) -> str:
    values = re.findall(rf'name="{name}" value="([^"]*)"', page.text)
    return html.unescape(values[-1 if last else 0]) if values else ""
