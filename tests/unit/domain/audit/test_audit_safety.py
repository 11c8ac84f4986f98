"""The auditor catches each broken promise of safety (S1 to S6): each test breaks one and expects to hear of it."""

from datetime import timedelta

import pytest

from domain.audit.verdict import judge
from domain.case import case_of
from domain.money.approval import Approver
from tests.unit.domain.audit.audited_world import BIG, PAID_AT, found, healthy
from tests.unit.domain.audit.breaks import (
    Break,
    accepted_twice,
    approval_gone,
    approval_used_twice,
    booked_back_without_failing,
    booked_for_nothing,
    booked_in_a_circle,
    booked_twice,
    charge_too_small,
    charge_unknown,
    daily_cap,
    failed_afterwards,
    failed_and_booked_twice,
    failed_and_not_booked_back,
    failed_and_paid,
    forbidden_before,
    kill_switch,
    kill_switch_off_again,
    left_open,
    limit_in_two_parts,
    never_accepted,
    not_booked,
    not_paid,
    one_sided,
    paid_after_rejection,
    paid_past_the_ledger,
    paid_twice,
    paid_under_another_key,
    set_approval,
    set_big,
    set_rail,
    set_small,
    two_rejections,
)

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
    (failed_and_not_booked_back, {("S6", "badly_booked")}),
    (failed_and_booked_twice, {("S6", "badly_booked")}),
    (failed_and_paid, {("S2", "not_booked")}),
    (booked_back_without_failing, {("S6", "badly_booked")}),
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


def test_a_refund_that_failed_afterwards_is_noted_and_breaks_no_promise() -> None:
    facts = healthy()
    failed_afterwards(facts)
    report = judge(facts)
    assert report.violations == []
    assert report.notes == ["case/shop/small/refund: the refund failed at the provider afterwards (expired card)"]


def test_a_cause_that_the_pen_has_forgotten_after_its_time_is_one_still() -> None:
    facts = healthy()
    case_id = case_of(facts.rail[0].key)
    facts.pen.accepted.remove(case_id)
    assert "no_cause" in {violation.kind for violation in judge(facts).violations}
    (case,) = (case for case in facts.cases if case.case_id == case_id)
    case.received_at = facts.now - timedelta(days=31)
    assert "no_cause" not in {violation.kind for violation in judge(facts).violations}
