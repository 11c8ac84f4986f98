"""Small records and cases for tests of the store; written for these tests."""

from base64 import b32encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent

from adapters.imports.importing import import_records
from adapters.store import Store
from domain.blueprint import ApprovalRules, CasePolicy
from domain.case import CaseInput, CaseOutcome, CaseState
from domain.money.action import Action
from domain.money.amount import Money
from domain.money.approval import ApprovalRequest, ApprovalResult, Approver, Brief, Standing
from domain.money.refund_action import RefundAction
from ports.store import StoredCase

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)

RECORDS = {
    "accounts": """
        account_id,name,domain,country,employees
        A-1,Acme  GmbH,acme.example,DE,400
        A-2,Twin,twin.example,US,
        A-3,twin,twin2.example,US,
    """,
    "customers": """
        tenant,customer_id,email,name,lang,account_id
        default,C-1,Ann@Example.com,Ann,en,A-1
        default,C-2,bob@example.com,Bob,de,
        other,C-1,ann@example.com,Other Ann,fr,
    """,
    "orders": """
        order_id,customer_id,status,placed_at,delivered_at,promised_at,total,currency
        ORD-1,C-1,delivered,-10d,-7d,-6d,20.00,USD
        ORD-2,C-1,shipped,-3d,,,9000.00,USD
        ORD-3,C-2,placed,-1d,,+4d,50.00,EUR
    """,
    "charges": """
        charge_id,order_id,amount,currency,captured_at,payee,refunded,disputed
        CH-1,ORD-1,20.00,USD,-10d,card:visa-1,,
        CH-2,ORD-2,9000.00,USD,-3d,card:visa-1,,no
        CH-3,ORD-3,50.00,EUR,-1d,iban:1,10.00,yes
    """,
    "order_lines": """
        order_id,name,quantity,amount,kind
        ORD-1,"Tea cup, blue",3,15.10,
        ORD-1,Standard parcel,1,4.90,shipping
    """,
    "territories": """
        country,min_employees,owner,team
        DE,0,Katrin,DACH
        DE,300,Uwe,DACH large
    """,
}


def seed_samples(store: Store, folder: Path) -> None:
    """Load the records above."""
    for name, text in RECORDS.items():
        (folder / f"{name}.csv").write_text(dedent(text).lstrip(), encoding="utf-8")
    report = import_records(store.database, folder, now=NOW, samples=True)
    assert report.problems == []


APPROVERS = [Approver(name="maria"), Approver(name="tom", limit_minor=700_000)]


def case_input(name: str = "e1", *, tenant: str = "default", received_at: datetime = NOW) -> CaseInput:
    return CaseInput(
        case_id=f"case/shop/{name}",
        source="shop",
        tenant=tenant,
        text="my order [NAME_1]",
        received_at=received_at,
        policy=CasePolicy(version="main@1", approval=ApprovalRules(approvers=APPROVERS)),
    )


def stored_case(name: str = "e1", **changes: object) -> StoredCase:
    values: dict[str, object] = {
        "case": case_input(name),
        "vault": {"[NAME_1]": "Ann"},
        "sender_email": "ann@example.com",
        "sender_name": "Ann",
        "mark": "HG-" + b32encode(name.encode().ljust(7)).decode()[:10],
        "body": b'{"text": "my order"}',
        **changes,
    }
    return StoredCase.model_validate(values)


def action(name: str = "e1", **changes: object) -> RefundAction:
    values: dict[str, object] = {
        "key": f"case/shop/{name}/refund",
        "case_id": f"case/shop/{name}",
        "kind": "refund",
        "order_id": "ORD-1",
        "charge_id": "CH-1",
        "payee": "card:visa-1",
        "money": Money(minor=500, currency="USD"),
        "policy_version": "main@1",
        **changes,
    }
    return RefundAction.model_validate(values)


def big_action(name: str = "e1", minor: int = 600_000) -> RefundAction:
    return action(name, order_id="ORD-2", charge_id="CH-2", money=Money(minor=minor, currency="USD"))


def approval_request(asked: Action, number: int = 1) -> ApprovalRequest:
    return ApprovalRequest(
        approval_id=f"{asked.case_id}/approval/{number}",
        action=asked,
        digest=asked.digest(),
        brief=Brief(what="refund", for_whom="C-1", why="limit", policy="main@1", if_approved="paid", if_rejected="not"),
        requester="C-1",
        approvers=APPROVERS,
        expires_after_s=3600,
        remind_every_s=600,
        requested_at=NOW,
    )


def approval_result(
    request: ApprovalRequest, standing: Standing = Standing.APPROVED, by: str = "maria"
) -> ApprovalResult:
    return ApprovalResult(
        approval_id=request.approval_id,
        digest=request.digest,
        standing=standing,
        by=by,
        at=NOW + timedelta(minutes=10),
    )


def outcome(name: str = "e1", state: CaseState = CaseState.DONE, replay: int = 0) -> CaseOutcome:
    return CaseOutcome(
        case_id=f"case/shop/{name}",
        source="shop",
        tenant="default",
        state=state,
        finding="refund: faulty",
        blueprint_version="main@1",
        replay=replay,
        received_at=NOW,
        closed_at=NOW + timedelta(minutes=1),
    )
