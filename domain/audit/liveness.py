"""The liveness promises L1 to L3, checked on facts."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from domain.audit.facts import AuditFacts, CaseFact, CaseRun, Doing, ExecutionStatus, Violation
from domain.case import TERMINAL_STATES, WAITING_STATES, CaseState

PARKED_AT_MOST = timedelta(days=3)
"""No step is retried longer than this (`workflows.options.STEP_BUDGET`)."""

_CLOSE = "`headgate cases close CASE --reason …` brings it to one"
_NEEDS_ATTEMPTS = frozenset({"transient", "told_to_wait"})  # kinds that are given up on only after trying


def check_endings(facts: AuditFacts, under_way: Counter[str]) -> Iterator[Violation]:
    """L1: each accepted webhook is in exactly one terminal state or waits with a deadline ahead; none is missing."""
    runs = {run.case_id: run for run in facts.runs}
    cases = {case.case_id: case for case in facts.cases}
    dead = {letter.case_id for letter in facts.dead_letters}
    missing: list[str] = []
    for case_id in sorted(set(facts.pen.accepted)):
        run, case = runs.get(case_id), cases.get(case_id)
        if run is not None:
            yield from _check_run(facts, run, case, under_way)
        elif case is not None and case.state in TERMINAL_STATES:
            pass  # its workflow was deleted after the retention time; the ending is on record
        else:
            missing.append(case_id)
    # What is still in the pen has no workflow yet; nobody can say which ones these are.
    in_pen = facts.pen.ready + facts.pen.leased
    under_way["in_pen"] += min(in_pen, len(missing))
    if len(missing) > in_pen:
        for case_id in missing:
            yield Violation(
                promise="L1",
                kind="missing",
                subject=case_id,
                text="accepted, but there is no workflow, no ending and no dead letter: run `headgate rescue`",
                evidence={"in_pen": str(in_pen), "missing": str(len(missing)), "in_store": str(case_id in cases)},
            )
    for case in facts.cases:
        if case.state in TERMINAL_STATES and not case.handed_over:
            yield Violation(
                promise="L1",
                kind="not_journaled",
                subject=case.case_id,
                text=f"the ending {case.state!s} (replay {case.replay}) is neither in the outbox nor in the journal",
            )
        if case.state is CaseState.DEAD_LETTERED and case.case_id not in dead:
            text = "ended as dead-lettered, but there is no dead letter"
            yield Violation(promise="L1", kind="no_dead_letter", subject=case.case_id, text=text)


def _check_run(facts: AuditFacts, run: CaseRun, case: CaseFact | None, under_way: Counter[str]) -> Iterator[Violation]:
    evidence = {
        "run_id": run.run_id,
        "status": run.status,
        "CaseState": str(run.state),
        "store": str(case.state) if case else "not admitted",
        "started_at": run.started_at.isoformat(),
    }

    def broken(kind: str, text: str) -> Violation:
        return Violation(promise="L1", kind=kind, subject=run.case_id, text=text, evidence=evidence)

    if run.status in {ExecutionStatus.COMPLETED, ExecutionStatus.CANCELED}:
        allowed = TERMINAL_STATES if run.status is ExecutionStatus.COMPLETED else {CaseState.CANCELLED}
        if run.state not in allowed:
            yield broken("no_ending", f"its workflow is {run.status}, its state is {run.state!r}")
        elif case is None or case.state != run.state:
            yield broken("two_endings", f"its workflow ended as {run.state!r}, the store says {evidence['store']!r}")
    elif run.status is not ExecutionStatus.RUNNING:
        yield broken("workflow_failed", f"its workflow is {run.status}: that is no ending of ours; {_CLOSE}")
    elif run.state in WAITING_STATES:
        under_way[str(run.state)] += 1
        until = _waits_until(facts, run, case)
        if until is not None and until + timedelta(seconds=facts.grace_s) < facts.now:
            yield broken("deadline_passed", f"it waits ({run.state}), but its deadline was {until.isoformat()}")
        elif until is None:
            yield broken("no_deadline", f"it waits ({run.state}), and nobody knows until when")
    elif _is_under_way(facts, run):
        under_way["sleeping" if run.doing is Doing.SLEEPS else "running"] += 1
    else:
        evidence["doing"] = f"{run.doing}: {run.doing_what}"
        age_s = (facts.now - run.started_at).total_seconds()
        yield broken("not_settled", f"it runs for {age_s:.0f} s, neither ended nor waiting for somebody")


def _is_under_way(facts: AuditFacts, run: CaseRun) -> bool:
    age = facts.now - run.started_at
    if run.doing is Doing.SLEEPS:
        return age < PARKED_AT_MOST
    return run.doing is Doing.WORKED_ON or age <= timedelta(seconds=facts.grace_s)


def _waits_until(facts: AuditFacts, run: CaseRun, case: CaseFact | None) -> datetime | None:
    """Return until when a case waits: as its workflow said, else as the approval or the policy says at the earliest."""
    if run.waits_until is not None:
        return run.waits_until
    if run.state == CaseState.WAITING_APPROVAL:
        pending = [a.expires_at for a in facts.approvals if a.case_id == run.case_id and a.standing == "pending"]
        return max(pending, default=None)
    if run.state == CaseState.WAITING_HUMAN and case is not None:
        return run.started_at + timedelta(seconds=case.human_deadline_s)
    if run.state == CaseState.WAITING_CUSTOMER and case is not None:
        return run.started_at + timedelta(seconds=case.customer_wait_s)
    return None


def check_stuck(facts: AuditFacts) -> Iterator[Violation]:
    """L2: no workflow hangs on a failing workflow task, no activity goes on past its time."""
    for stuck in facts.stuck:
        yield Violation(
            promise="L2",
            kind="stuck",
            subject=stuck.workflow_id,
            text=f"{stuck.workflow_type} cannot go on: {stuck.problem}",
            evidence={"run_id": stuck.run_id, "attempts": str(stuck.attempts)},
        )


def check_pen(facts: AuditFacts) -> Iterator[Violation]:
    """L3: the holding pen is drained; every dead letter says what it is and why, and its payload can be found."""
    pen = facts.pen
    if pen.ready + pen.leased and pen.oldest_s > facts.grace_s:
        yield Violation(
            promise="L3",
            kind="not_drained",
            subject="holding pen",
            text=f"{pen.ready} ready and {pen.leased} unacknowledged, the oldest for {pen.oldest_s:.0f} s",
        )
    accepted = facts.forgotten().union(pen.accepted)
    stored = {case.case_id for case in facts.cases}
    for letter in facts.dead_letters:
        wanted = {
            "case_id": letter.case_id,
            "source": letter.source,
            "kind": letter.kind,
            "step": letter.step,
            "last_error": letter.last_error,
            "payload_ref": letter.payload_ref,
        }
        lacking = [name for name, value in wanted.items() if not value]
        if letter.kind in _NEEDS_ATTEMPTS and not letter.attempts:
            lacking.append("attempts")
        if lacking:
            yield Violation(
                promise="L3",
                kind="incomplete_dead_letter",
                subject=letter.dead_letter_id,
                text=f"a dead letter lacks {', '.join(lacking)}",
            )
        if letter.case_id not in stored:
            text = f"the payload of {letter.case_id!r} is not in the store: it cannot be replayed"
            yield Violation(promise="L3", kind="payload_lost", subject=letter.dead_letter_id, text=text)
        if letter.case_id not in accepted:
            text = f"a dead letter for {letter.case_id!r}, which was never accepted"
            yield Violation(promise="L3", kind="dead_letter_of_nothing", subject=letter.dead_letter_id, text=text)


def check_words(facts: AuditFacts) -> Iterator[Violation]:
    """L3: whatever needs a person is told at the hook, if there is one, soon after it is known."""
    late = facts.now - timedelta(seconds=facts.grace_s)
    for word in facts.untold if facts.hook else []:
        if word.at < late:
            age_s = (facts.now - word.at).total_seconds()
            yield Violation(
                promise="L3",
                kind="not_told",
                subject=word.word_id,
                text=f"people were to be told of it ({word.kind}) {age_s:.0f} s ago, and were not",
                evidence={"tries": str(word.tries), "last_error": word.last_error or "none"},
            )
