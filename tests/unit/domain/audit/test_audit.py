"""The auditor catches each broken promise: every test breaks one and expects exactly that to be told."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.audit.facts import (
    ApprovalFact,
    AuditFacts,
    CaseFact,
    CaseRun,
    ChargeFact,
    DeadLetterFact,
    Doing,
    EffectFact,
    EntryFact,
    ExecutionStatus,
    PenFacts,
    RailEntry,
    StopFact,
    Stuck,
    WordFact,
)
from domain.audit.verdict import audit, confirmed
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
    return {(v.promise, v.kind) for v in audit(facts).violations}


def test_a_healthy_world_is_clean_and_says_what_was_looked_at() -> None:
    report = audit(healthy())
    assert report.clean, report.violations
    assert report.checked == {
        "S1": 2, "S2": 2, "S3": 2, "S4": 2, "S5": 2, "S6": 4, "L1": 4, "L2": 1, "L3": 5,
    }  # fmt: skip
    assert report.under_way["waiting_human"] == 1


def test_an_empty_world_is_clean() -> None:
    assert audit(AuditFacts(now=NOW)).clean


# Each breaks the healthy world in place and names what must be told; the rest must stay quiet.
Break = Callable[[AuditFacts], object]


def never_accepted(f: AuditFacts) -> None:
    f.pen.accepted.remove(SMALL)


def accepted_twice(f: AuditFacts) -> None:
    f.pen.accepted.append(SMALL)


def paid_twice(f: AuditFacts) -> None:
    f.rail.append(f.rail[0].model_copy(update={"reference": "re_again"}))
    f.charges[0].amount_minor = 4_000


def paid_past_the_ledger(f: AuditFacts) -> None:
    f.effects.pop(0)
    del f.entries[:2]


def set_rail(**changes: object) -> Break:
    def change(f: AuditFacts) -> None:
        f.rail[0] = f.rail[0].model_copy(update=changes)

    return change


def set_small(**changes: object) -> Break:
    def change(f: AuditFacts) -> None:
        f.effects[0] = f.effects[0].model_copy(update=changes)

    return change


def set_big(**changes: object) -> Break:
    def change(f: AuditFacts) -> None:
        f.effects[1] = f.effects[1].model_copy(update=changes)

    return change


def set_approval(**changes: object) -> Break:
    def change(f: AuditFacts) -> None:
        f.approvals[0] = f.approvals[0].model_copy(update=changes)

    return change


def not_paid(f: AuditFacts) -> None:
    f.rail.pop(0)


def not_booked(f: AuditFacts) -> None:
    f.effects[0].state = "intended"
    del f.entries[:2]


def left_open(f: AuditFacts) -> None:
    not_paid(f)
    not_booked(f)


def approval_used_twice(f: AuditFacts) -> None:
    f.effects.append(f.effects[1].model_copy(update={"key": f"{BIG}/again", "state": "abandoned", "intended_at": NOW}))


def approval_gone(f: AuditFacts) -> None:
    f.approvals.clear()


def two_rejections(f: AuditFacts) -> None:
    f.approvals.append(
        f.approvals[0].model_copy(
            update={
                "approval_id": "a2",
                "key": f"{SMALL}/refund",
                "digest": f"digest of {SMALL}",
                "standing": "rejected",
            }
        )
    )


def forbidden_before(f: AuditFacts) -> None:
    f.forbidden[SMALL] = PAID_AT - timedelta(seconds=1)


def paid_after_rejection(f: AuditFacts) -> None:
    f.cases[0] = case(SMALL, CaseState.REJECTED, closed_at=PAID_AT - timedelta(seconds=1))
    f.runs[0] = run(SMALL, "rejected")


def charge_too_small(f: AuditFacts) -> None:
    f.charges[0].refunded_minor = 1


def charge_unknown(f: AuditFacts) -> None:
    f.charges.pop(0)


def daily_cap(f: AuditFacts) -> None:
    f.cases[0].daily_cap_minor = {"refund": {"USD": 1_999}}


def kill_switch(f: AuditFacts) -> None:
    f.stops = [StopFact(since=PAID_AT - timedelta(seconds=6))]


def kill_switch_off_again(f: AuditFacts) -> None:
    f.stops = [StopFact(since=PAID_AT - timedelta(seconds=6), until=PAID_AT + timedelta(seconds=1))]


def paid_under_another_key(f: AuditFacts) -> None:
    again = {"key": f"{SMALL}/refund2"}
    f.rail.append(f.rail[0].model_copy(update=again))
    f.effects.append(f.effects[0].model_copy(update=again))
    f.entries.extend(line.model_copy(update={"effect_key": again["key"]}) for line in booked(SMALL, 2_000))
    f.charges[0].amount_minor = 4_000


def limit_in_two_parts(f: AuditFacts) -> None:
    f.charges[0] = f.charges[0].model_copy(update={"amount_minor": 900_000, "refunded_minor": 498_000})


def booked_in_a_circle(f: AuditFacts) -> None:
    f.entries[1] = f.entries[1].model_copy(update={"account": f.entries[0].account})


def payload_lost(f: AuditFacts) -> None:
    f.cases = [fact for fact in f.cases if fact.case_id != POISON]


def one_sided(f: AuditFacts) -> None:
    f.entries.pop()


def booked_twice(f: AuditFacts) -> None:
    f.entries.extend(booked(SMALL, 2_000))


def booked_for_nothing(f: AuditFacts) -> None:
    f.entries.extend(booked("case/shop/none", 5))


def state_of(index: int, state: str, status: ExecutionStatus) -> Break:
    def change(f: AuditFacts) -> None:
        f.runs[index] = f.runs[index].model_copy(update={"state": state, "status": status})

    return change


def lost(f: AuditFacts) -> None:
    f.pen.accepted.append("case/shop/lost")


def lost_after_admission(f: AuditFacts) -> None:
    f.runs.pop()


def not_journaled(f: AuditFacts) -> None:
    f.cases[0].handed_over = False


def no_dead_letter(f: AuditFacts) -> None:
    f.cases[0].state = CaseState.DEAD_LETTERED
    f.runs[0] = run(SMALL, "dead_lettered")


def other_ending_in_store(f: AuditFacts) -> None:
    f.cases[0].state = CaseState.CANCELLED


def waits_too_long(f: AuditFacts) -> None:
    f.cases[2].human_deadline_s = 60


def waits_without_approval(f: AuditFacts) -> None:
    f.runs[2] = run(WAITING, "waiting_approval", ExecutionStatus.RUNNING)


def runs_for_ever(doing: Doing, hours: float = 1) -> Break:
    def change(f: AuditFacts) -> None:
        f.runs[2] = run(WAITING, "running", ExecutionStatus.RUNNING).model_copy(
            update={"doing": doing, "started_at": NOW - timedelta(hours=hours)}
        )

    return change


def stuck(f: AuditFacts) -> None:
    f.stuck.append(
        Stuck(workflow_id=WAITING, run_id="r", workflow_type="CaseWorkflow", problem="task failed", attempts=9)
    )


def pen_full(f: AuditFacts) -> None:
    f.pen.ready, f.pen.oldest_s = 3, 121


def leased_for_ever(f: AuditFacts) -> None:
    f.pen.leased, f.pen.oldest_s = 1, 500


def set_letter(**changes: object) -> Break:
    def change(f: AuditFacts) -> None:
        f.dead_letters[0] = f.dead_letters[0].model_copy(update=changes)

    return change


BROKEN: list[tuple[Break, set[tuple[str, str]]]] = [
    (never_accepted, {("S1", "no_cause")}),
    (accepted_twice, {("S1", "no_cause")}),
    (set_rail(key="case/shop/small"), {("S1", "no_cause"), ("S2", "not_in_ledger"), ("S2", "not_paid")}),
    (paid_twice, {("S2", "paid_twice")}),
    (paid_under_another_key, {("S2", "paid_again")}),
    (paid_past_the_ledger, {("S2", "not_in_ledger")}),
    (set_rail(amount_minor=1_999), {("S2", "other_bytes")}),
    (set_rail(payee="card:thief"), {("S2", "other_bytes")}),
    (set_rail(digest="of something else"), {("S2", "other_bytes")}),
    (set_rail(charge_id="CH-2"), {("S2", "other_bytes"), ("S3", "no_approval")}),
    (limit_in_two_parts, {("S3", "no_approval")}),
    (set_small(digest=None), {("S2", "other_bytes")}),
    (not_paid, {("S2", "not_paid")}),
    (not_booked, {("S2", "not_booked")}),
    (left_open, {("S2", "left_open")}),
    (set_big(approval_id=None), {("S3", "no_approval")}),
    (approval_gone, {("S3", "bad_approval")}),
    (approval_used_twice, {("S3", "bad_approval")}),
    (set_approval(standing="pending"), {("S3", "bad_approval")}),
    (set_approval(standing="rejected"), {("S3", "bad_approval"), ("S4", "after_refusal")}),
    (set_approval(standing="expired"), {("S3", "bad_approval"), ("S4", "after_refusal")}),
    (set_approval(digest="of something else"), {("S3", "bad_approval")}),
    (set_approval(key=f"{BIG}/other"), {("S3", "bad_approval")}),
    (set_approval(by="mallory"), {("S3", "bad_approval")}),
    (set_approval(by=""), {("S3", "bad_approval")}),
    (set_approval(requester="MARIA"), {("S3", "bad_approval")}),
    (set_approval(approvers=[Approver(name="maria", limit_minor=599_999)]), {("S3", "bad_approval")}),
    (set_approval(decided_at=None), {("S3", "bad_approval")}),
    (set_approval(expires_at=PAID_AT - timedelta(minutes=1)), {("S3", "bad_approval")}),
    (set_approval(decided_at=PAID_AT + timedelta(minutes=1)), {("S3", "bad_approval")}),
    (two_rejections, {("S4", "after_refusal")}),
    (forbidden_before, {("S4", "after_cancel")}),
    (paid_after_rejection, {("S4", "after_ending")}),
    (charge_too_small, {("S5", "above_charge")}),
    (charge_unknown, {("S5", "unknown_charge")}),
    (daily_cap, {("S5", "above_daily_cap")}),
    (kill_switch, {("S5", "after_kill_switch")}),
    (kill_switch_off_again, {("S5", "after_kill_switch")}),
    (one_sided, {("S6", "unbalanced"), ("S6", "badly_booked")}),
    (booked_twice, {("S6", "badly_booked")}),
    (booked_in_a_circle, {("S6", "badly_booked")}),
    (booked_for_nothing, {("S6", "booked_without_effect")}),
    (state_of(0, "running", ExecutionStatus.COMPLETED), {("L1", "no_ending")}),
    (state_of(0, "done", ExecutionStatus.CANCELED), {("L1", "no_ending")}),
    (state_of(0, "done", ExecutionStatus.FAILED), {("L1", "workflow_failed")}),
    (state_of(0, "done", ExecutionStatus.TERMINATED), {("L1", "workflow_failed")}),
    (state_of(0, "done", ExecutionStatus.TIMED_OUT), {("L1", "workflow_failed")}),
    (other_ending_in_store, {("L1", "two_endings")}),
    (lost, {("L1", "missing")}),
    (lost_after_admission, {("L1", "missing")}),
    (not_journaled, {("L1", "not_journaled")}),
    (no_dead_letter, {("L1", "no_dead_letter")}),
    (waits_too_long, {("L1", "deadline_passed")}),
    (waits_without_approval, {("L1", "no_deadline")}),
    (runs_for_ever(Doing.UNATTENDED), {("L1", "not_settled")}),
    (runs_for_ever(Doing.UNKNOWN), {("L1", "not_settled")}),
    (runs_for_ever(Doing.SLEEPS, hours=73), {("L1", "not_settled")}),
    (stuck, {("L2", "stuck")}),
    (pen_full, {("L3", "not_drained")}),
    (leased_for_ever, {("L3", "not_drained")}),
    (set_letter(last_error=""), {("L3", "incomplete_dead_letter")}),
    (set_letter(payload_ref=""), {("L3", "incomplete_dead_letter")}),
    (set_letter(kind="transient"), {("L3", "incomplete_dead_letter")}),
    (
        set_letter(case_id="case/shop/none"),
        {("L3", "dead_letter_of_nothing"), ("L3", "payload_lost"), ("L1", "no_dead_letter")},
    ),
    (payload_lost, {("L3", "payload_lost"), ("L1", "missing")}),
]


@pytest.mark.parametrize(("breaking", "told"), BROKEN)
def test_a_broken_promise_is_told_and_nothing_else(breaking: Break, told: set[tuple[str, str]]) -> None:
    facts = healthy()
    breaking(facts)
    assert found(facts) == told


@pytest.mark.parametrize(("breaking", "told"), BROKEN)
def test_every_violation_names_its_subject_and_says_something(breaking: Break, told: set[tuple[str, str]]) -> None:
    facts = healthy()
    breaking(facts)
    assert all(v.subject and v.text for v in audit(facts).violations)


def in_the_pen(f: AuditFacts) -> None:
    lost(f)
    f.pen.ready, f.pen.oldest_s = 1, 5


def dead_letter_keeps_its_intention(f: AuditFacts) -> None:
    left_open(f)
    f.cases[0].state = CaseState.DEAD_LETTERED
    f.runs[0] = run(SMALL, "dead_lettered")
    f.dead_letters.append(f.dead_letters[0].model_copy(update={"dead_letter_id": f"{SMALL}/dead/1", "case_id": SMALL}))


def workflow_deleted_after_its_retention(f: AuditFacts) -> None:
    f.runs.pop(0)


def an_earlier_request_was_rejected_and_a_later_one_approved(f: AuditFacts) -> None:
    f.approvals.append(f.approvals[0].model_copy(update={"approval_id": "a0", "standing": "rejected"}))


def waits_for_an_approval_with_time_left(f: AuditFacts) -> None:
    f.runs[2] = run(WAITING, "waiting_approval", ExecutionStatus.RUNNING)
    f.approvals.append(
        f.approvals[0].model_copy(
            update={"approval_id": "w", "case_id": WAITING, "key": f"{WAITING}/refund", "standing": "pending"}
        )
    )


def small_effect_in_flight(f: AuditFacts) -> None:
    not_booked(f)
    f.cases[0] = case(SMALL, CaseState.RUNNING, closed_at=None, handed_over=False)
    f.runs[0] = run(SMALL, "running", ExecutionStatus.RUNNING).model_copy(update={"started_at": NOW})


def outside_the_limit_in_another_currency(f: AuditFacts) -> None:
    f.effects.append(
        EffectFact(
            key=f"{BIG}/lead", case_id=BIG, kind="lead", state="executed", intended_at=PAID_AT, executed_at=PAID_AT
        )
    )


def told(age_s: float, *, hook: bool) -> Break:
    def break_it(facts: AuditFacts) -> None:
        facts.hook = hook
        at = facts.now - timedelta(seconds=age_s)
        facts.untold = [WordFact(word_id=POISON, kind="dead_letter", at=at, tries=7, last_error="answered 503")]

    return break_it


def test_a_word_that_nobody_was_told_is_reported_with_the_reason() -> None:
    facts = healthy()
    told(121, hook=True)(facts)
    [violation] = audit(facts).violations
    assert (violation.promise, violation.kind, violation.subject) == ("L3", "not_told", POISON)
    assert violation.evidence == {"tries": "7", "last_error": "answered 503"}


@pytest.mark.parametrize(
    "allowed",
    [
        in_the_pen,
        dead_letter_keeps_its_intention,
        workflow_deleted_after_its_retention,
        an_earlier_request_was_rejected_and_a_later_one_approved,
        waits_for_an_approval_with_time_left,
        small_effect_in_flight,
        outside_the_limit_in_another_currency,
        runs_for_ever(Doing.WORKED_ON),
        runs_for_ever(Doing.SLEEPS, hours=2),
        told(119, hook=True),
        told(86_400, hook=False),
    ],
)
def test_what_is_allowed_stays_quiet(allowed: Break) -> None:
    facts = healthy()
    allowed(facts)
    assert audit(facts).violations == []


def test_a_currency_without_a_limit_is_never_paid_without_an_approval() -> None:
    facts = healthy()
    facts.cases[0].limit_minor = {"refund": {"EUR": 500_000}}
    assert found(facts) == {("S3", "no_approval")}


def test_what_only_one_look_saw_is_no_violation() -> None:
    facts = healthy()
    not_booked(facts)
    stuck(facts)
    first = audit(facts)
    second_facts = healthy()
    stuck(second_facts)
    pen_full(second_facts)
    both = confirmed(first, audit(second_facts))
    assert [(v.promise, v.kind) for v in both.violations] == [("L2", "stuck")]


def test_every_violation_is_explained_in_the_list_of_promises() -> None:
    root = Path(__file__).parents[4]
    rules = "".join((root / "domain" / "audit" / name).read_text() for name in ("safety.py", "liveness.py"))
    kinds = {kind for found in re.findall(r'kind="(\w+)"|broken\("(\w+)"', rules) for kind in found if kind}
    explained = set(re.findall(r"`(\w+)`", (root / "docs" / "promises.md").read_text()))
    assert len(kinds) > 25
    assert kinds - explained == set()
