"""A world in which every promise is kept, and what the auditor finds of one."""

from datetime import UTC, datetime, timedelta

from domain.audit.facts import (
    ApprovalFact,
    AuditFacts,
    CaseFact,
    CaseRun,
    ChargeFact,
    DeadLetterFact,
    EffectFact,
    EntryFact,
    ExecutionStatus,
    PenFacts,
    RailEntry,
)
from domain.audit.verdict import judge
from domain.case import CaseState
from domain.money.approval import Approver

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
PAID_AT = NOW - timedelta(minutes=30)
BIG = "case/shop/big"
SMALL = "case/shop/small"
WAITING = "case/shop/waiting"
POISON = "case/shop/poison"


def rail(case_id: str, minor: int, charge: str) -> RailEntry:
    return RailEntry(
        key=f"{case_id}/refund",
        reference=f"re_{charge}",
        charge_id=charge,
        payee="card:1",
        amount_minor=minor,
        currency="USD",
        digest=f"digest of {case_id}",
        at=PAID_AT,
    )


def effect(case_id: str, minor: int, charge: str, approval_id: str | None = None) -> EffectFact:
    return EffectFact(
        key=f"{case_id}/refund",
        case_id=case_id,
        kind="refund",
        state="executed",
        customer_id="C-1",
        charge_id=charge,
        amount_minor=minor,
        currency="USD",
        payee="card:1",
        digest=f"digest of {case_id}",
        approval_id=approval_id,
        intended_at=PAID_AT,
        executed_at=PAID_AT,
    )


def booked(case_id: str, minor: int) -> list[EntryFact]:
    key = f"{case_id}/refund"
    return [
        EntryFact(posting=key, effect_key=key, account=a, side=s, amount_minor=minor, currency="USD")
        for a, s in (("refunds", "debit"), ("provider_balance", "credit"))
    ]


def case(case_id: str, state: CaseState, **changes: object) -> CaseFact:
    values: dict[str, object] = {
        "case_id": case_id,
        "state": state,
        "received_at": NOW - timedelta(hours=2),
        "closed_at": NOW - timedelta(minutes=20),
        "limit_minor": {"refund": {"USD": 500_000}},
        "daily_cap_minor": {"refund": {"USD": 1_000_000}},
        "human_deadline_s": 14 * 86_400,
        "handed_over": True,
        **changes,
    }
    return CaseFact.model_validate(values)


def run(case_id: str, state: str, status: ExecutionStatus = ExecutionStatus.COMPLETED) -> CaseRun:
    return CaseRun(case_id=case_id, run_id="r", status=status, state=state, started_at=NOW - timedelta(hours=1))


def healthy() -> AuditFacts:
    """A world with a small refund, an approved big one, a case that waits, and poison."""
    return AuditFacts(
        now=NOW,
        pen=PenFacts(accepted=[BIG, POISON, SMALL, WAITING]),
        rail=[rail(SMALL, 2_000, "CH-1"), rail(BIG, 600_000, "CH-2")],
        effects=[effect(SMALL, 2_000, "CH-1"), effect(BIG, 600_000, "CH-2", f"{BIG}/approval/1")],
        entries=[*booked(SMALL, 2_000), *booked(BIG, 600_000)],
        approvals=[
            ApprovalFact(
                approval_id=f"{BIG}/approval/1",
                case_id=BIG,
                key=f"{BIG}/refund",
                digest=f"digest of {BIG}",
                standing="approved",
                by="maria",
                requester="C-1",
                approvers=[Approver(name="maria", limit_minor=700_000)],
                amount_minor=600_000,
                expires_at=NOW + timedelta(days=1),
                decided_at=PAID_AT - timedelta(minutes=1),
            )
        ],
        dead_letters=[
            DeadLetterFact(
                dead_letter_id=f"{POISON}/dead/1",
                case_id=POISON,
                source="shop",
                kind="poison",
                step="admit",
                last_error="not UTF-8",
                payload_ref="store:cases/x",
            )
        ],
        cases=[
            case(SMALL, CaseState.DONE),
            case(BIG, CaseState.DONE),
            case(WAITING, CaseState.RUNNING, closed_at=None, handed_over=False),
            case(POISON, CaseState.DEAD_LETTERED),
        ],
        charges=[
            ChargeFact(charge_id="CH-1", amount_minor=2_000, currency="USD"),
            ChargeFact(charge_id="CH-2", amount_minor=900_000, currency="USD"),
        ],
        runs=[run(SMALL, "done"), run(BIG, "done"), run(WAITING, "waiting_human", ExecutionStatus.RUNNING)],
        open_workflows=1,
    )


def found(facts: AuditFacts) -> set[tuple[str, str]]:
    return {(v.promise, v.kind) for v in judge(facts).violations}
