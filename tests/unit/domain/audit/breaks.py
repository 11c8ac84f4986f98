"""Each breaks the healthy world in place, in one way."""

from collections.abc import Callable
from datetime import timedelta

from domain.audit.facts import AuditFacts, Doing, ExecutionStatus, StopFact, Stuck
from domain.case import CaseState
from tests.unit.domain.audit.audited_world import BIG, NOW, PAID_AT, POISON, SMALL, WAITING, booked, case, run

Break = Callable[[AuditFacts], object]


def never_accepted(f: AuditFacts) -> None:
    f.pen.accepted.remove(SMALL)


def accepted_twice(f: AuditFacts) -> None:
    f.pen.accepted.append(SMALL)


def paid_twice(f: AuditFacts) -> None:
    f.rail.append(f.rail[0].model_copy(update={"reference": "re_again"}))
    f.charges[0].amount_minor = 4_000


def failed_afterwards(f: AuditFacts) -> None:
    """No broken promise: the provider's log has it no more, and it was booked back."""
    f.failed[f"{SMALL}/refund"] = "expired card"
    f.rail.pop(0)
    back = [e.model_copy(update={"side": s}) for e, s in zip(booked(SMALL, 2_000), ("credit", "debit"), strict=True)]
    f.entries.extend(back)


def failed_and_not_booked_back(f: AuditFacts) -> None:
    failed_afterwards(f)
    del f.entries[-2:]


def failed_and_booked_twice(f: AuditFacts) -> None:
    failed_afterwards(f)
    f.entries[-2:] = booked(SMALL, 2_000)


def failed_and_paid(f: AuditFacts) -> None:
    entry = f.rail[0]
    failed_afterwards(f)
    f.rail.insert(0, entry)


def booked_back_without_failing(f: AuditFacts) -> None:
    entry = f.rail[0]
    failed_afterwards(f)
    f.failed.clear()
    f.rail.insert(0, entry)


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


def asks_too_long(f: AuditFacts) -> None:
    f.runs[2] = run(WAITING, "waiting_customer", ExecutionStatus.RUNNING)
    f.cases[2].customer_wait_s = 60


def asked_again_too_long(f: AuditFacts) -> None:
    """Its workflow said until when it waits."""
    f.runs[2] = run(WAITING, "waiting_customer", ExecutionStatus.RUNNING)
    f.cases[2].customer_wait_s = 14 * 86_400
    f.runs[2].waits_until = f.now - timedelta(hours=1)


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
