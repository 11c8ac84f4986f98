"""Small records and cases for tests of the store; written for these tests."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from adapters.store import Store, seed
from domain.blueprint import CasePolicy
from domain.case import CaseInput, CaseOutcome, CaseState
from domain.money.action import Action
from domain.money.amount import Money
from domain.money.approval import ApprovalRequest, ApprovalResult, Approver, Brief, Standing
from domain.money.refund import RefundAction
from ports.store import StoredCase

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)

CUSTOMERS = [
    {"customer_id": "C-1", "email": "Ann@Example.com", "name": "Ann", "lang": "en", "account_id": "A-1"},
    {"customer_id": "C-2", "email": "bob@example.com", "name": "Bob", "lang": "de"},
    {"tenant": "other", "customer_id": "C-1", "email": "ann@example.com", "name": "Other Ann", "lang": "fr"},
]
ORDERS = [
    {
        "order_id": "ORD-1", "customer_id": "C-1", "status": "delivered", "placed_days_ago": 10,
        "delivered_days_ago": 7, "promised_days_ago": 6, "total_minor": 2_000, "currency": "USD",
        "charges": [{"charge_id": "CH-1", "amount_minor": 2_000, "captured_days_ago": 10, "payee": "card:visa-1"}],
    },
    {
        "order_id": "ORD-2", "customer_id": "C-1", "status": "shipped", "placed_days_ago": 3, "total_minor": 900_000,
        "currency": "USD",
        "charges": [{"charge_id": "CH-2", "amount_minor": 900_000, "captured_days_ago": 3, "payee": "card:visa-1"}],
    },
    {
        "order_id": "ORD-3", "customer_id": "C-2", "status": "placed", "placed_days_ago": 1, "promised_days_ago": -4,
        "total_minor": 5_000, "currency": "EUR",
        "charges": [
            {"charge_id": "CH-3", "amount_minor": 5_000, "payee": "iban:1", "refunded_minor": 1_000},
        ],
    },
]  # fmt: skip
CRM_ACCOUNTS = [
    {"account_id": "A-1", "name": "Acme  GmbH", "domain": "acme.example", "country": "DE", "employees": 400},
    {"account_id": "A-2", "name": "Twin", "domain": "twin.example", "country": "US"},
    {"account_id": "A-3", "name": "twin", "domain": "twin2.example", "country": "US"},
]
TERRITORIES = [
    {"country": "DE", "min_employees": 0, "owner": "Katrin", "team": "DACH"},
    {"country": "DE", "min_employees": 300, "owner": "Uwe", "team": "DACH large"},
]


def seed_samples(store: Store, folder: Path) -> None:
    """Load the records above."""
    for name, rows in (
        ("customers", CUSTOMERS),
        ("orders", ORDERS),
        ("crm_accounts", CRM_ACCOUNTS),
        ("territories", TERRITORIES),
    ):
        (folder / f"{name}.json").write_text(json.dumps(rows), encoding="utf-8")
    seed(store, folder, NOW)


def case_input(name: str = "e1", *, tenant: str = "default", received_at: datetime = NOW) -> CaseInput:
    return CaseInput(
        case_id=f"case/shop/{name}",
        source="shop",
        tenant=tenant,
        text="my order [NAME_1]",
        received_at=received_at,
        policy=CasePolicy(version="main@1"),
    )


def stored_case(name: str = "e1", **changes: object) -> StoredCase:
    values: dict[str, object] = {
        "case": case_input(name),
        "vault": {"[NAME_1]": "Ann"},
        "sender_email": "ann@example.com",
        "sender_name": "Ann",
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
        approvers=[Approver(name="maria"), Approver(name="tom", limit_minor=700_000)],
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
