"""The audit: are the promises kept? Pure; `client.audit_gathering` gathers the facts."""

from collections import Counter

from domain.audit.facts import AuditFacts, AuditReport, Violation
from domain.audit.liveness import check_endings, check_pen, check_stuck, check_words
from domain.audit.safety import check_approvals, check_books, check_caps, check_causes, check_once, check_refusals
from domain.money.effect import RECONCILED


def judge(facts: AuditFacts) -> AuditReport:
    """Check promises S1 to S6 and L1 to L3 on facts and say what was looked at and what is wrong."""
    under_way: Counter[str] = Counter()
    violations: list[Violation] = [
        *check_causes(facts),
        *check_once(facts),
        *check_approvals(facts),
        *check_refusals(facts),
        *check_caps(facts),
        *check_books(facts),
        *check_endings(facts, under_way),
        *check_stuck(facts),
        *check_pen(facts),
        *check_words(facts),
    ]
    paid = len(facts.rail)
    checked = {
        "S1": paid,
        "S2": len({e.key for e in facts.rail} | {e.key for e in facts.effects}),
        "S3": paid,
        "S4": paid,
        "S5": len({e.charge_id for e in facts.rail}),
        "S6": len(facts.entries),
        "L1": len(set(facts.pen.accepted)),
        "L2": facts.open_workflows,
        "L3": len(facts.pen.accepted) + len(facts.dead_letters),
    }
    notes = [f"{key}: the refund failed at the provider afterwards ({why})" for key, why in facts.failed.items()]
    notes += [
        f"{effect.key}: booked from the provider's log; of its approval nothing is on record"
        for effect in facts.effects
        if effect.step == RECONCILED and effect.approval_id is None
    ]
    return AuditReport(checked=checked, under_way=dict(under_way), violations=violations, notes=notes)


def confirmed(first: AuditReport, second: AuditReport) -> AuditReport:
    """Return the second report with only what both found: a case caught between two of its steps is no violation."""
    seen = {(v.promise, v.kind, v.subject) for v in first.violations}
    return second.model_copy(
        update={"violations": [v for v in second.violations if (v.promise, v.kind, v.subject) in seen]}
    )
