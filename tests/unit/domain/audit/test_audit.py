"""What the auditor says of a world in which nothing is broken, and of what only looks like it."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from domain.audit.facts import AuditFacts, Doing, EffectFact, ExecutionStatus, WordFact
from domain.audit.verdict import confirmed, judge
from domain.case import CaseState
from tests.unit.domain.audit.audited_world import BIG, NOW, PAID_AT, POISON, SMALL, WAITING, case, found, healthy, run
from tests.unit.domain.audit.breaks import Break, left_open, lost, not_booked, pen_full, runs_for_ever, stuck


def test_a_healthy_world_is_clean_and_says_what_was_looked_at() -> None:
    report = judge(healthy())
    assert report.clean, report.violations
    assert report.checked == {
        "S1": 2, "S2": 2, "S3": 2, "S4": 2, "S5": 2, "S6": 4, "L1": 4, "L2": 1, "L3": 5,
    }  # fmt: skip
    assert report.under_way["waiting_human"] == 1


def test_an_empty_world_is_clean() -> None:
    assert judge(AuditFacts(now=NOW)).clean


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
    [violation] = judge(facts).violations
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
    assert judge(facts).violations == []


def test_a_currency_without_a_limit_is_never_paid_without_an_approval() -> None:
    facts = healthy()
    facts.cases[0].limit_minor = {"refund": {"EUR": 500_000}}
    assert found(facts) == {("S3", "no_approval")}


def test_what_only_one_look_saw_is_no_violation() -> None:
    facts = healthy()
    not_booked(facts)
    stuck(facts)
    first = judge(facts)
    second_facts = healthy()
    stuck(second_facts)
    pen_full(second_facts)
    both = confirmed(first, judge(second_facts))
    assert [(v.promise, v.kind) for v in both.violations] == [("L2", "stuck")]


def test_every_violation_is_explained_in_the_list_of_promises() -> None:
    root = Path(__file__).parents[4]
    rules = "".join((root / "domain" / "audit" / name).read_text() for name in ("safety.py", "liveness.py"))
    kinds = {kind for found in re.findall(r'kind="(\w+)"|broken\("(\w+)"', rules) for kind in found if kind}
    explained = set(re.findall(r"`(\w+)`", (root / "docs" / "promises.md").read_text()))
    assert len(kinds) > 25
    assert kinds - explained == set()
