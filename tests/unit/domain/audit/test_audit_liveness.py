"""The auditor catches each broken promise of liveness (L1 to L3): each test breaks one and expects to hear of it."""

from datetime import timedelta

import pytest

from domain.audit.facts import Doing, ExecutionStatus
from domain.audit.verdict import judge
from tests.unit.domain.audit.audited_world import WAITING, found, healthy, run
from tests.unit.domain.audit.breaks import (
    Break,
    asked_again_too_long,
    asks_too_long,
    leased_for_ever,
    lost,
    lost_after_admission,
    no_dead_letter,
    not_journaled,
    other_ending_in_store,
    payload_lost,
    pen_full,
    runs_for_ever,
    set_letter,
    state_of,
    stuck,
    waits_too_long,
    waits_without_approval,
)

BROKEN: list[tuple[Break, set[tuple[str, str]]]] = [
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
    (asks_too_long, {("L1", "deadline_passed")}),
    (asked_again_too_long, {("L1", "deadline_passed")}),
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
    assert all(v.subject and v.text for v in judge(facts).violations)


@pytest.mark.parametrize("asked_again", [False, True])
def test_a_case_that_waits_for_its_customer_is_not_stuck(asked_again: bool) -> None:
    """Before its deadline it is under way: by its rules, or as its workflow said where it asked a second time."""
    facts = healthy()
    facts.runs[2] = run(WAITING, "waiting_customer", ExecutionStatus.RUNNING)
    facts.cases[2].customer_wait_s = 60 if asked_again else 14 * 86_400
    facts.runs[2].waits_until = facts.now + timedelta(days=1) if asked_again else None
    assert found(facts) == set()
    assert judge(facts).under_way["waiting_customer"] == 1
