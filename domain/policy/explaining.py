"""A verdict explained: what it needs, by which rule, and what would have to be otherwise for it to need less."""

from pydantic import BaseModel

from domain.money.amount import format_minor
from domain.policy.decide import decide, verdict_by
from domain.policy.facts import ActionFacts, ActionLike, ProposedAction
from domain.policy.needs import Needs
from domain.policy.rules import ActionPolicy
from domain.policy.verdict import PolicyFinding, PolicyRule, PolicyVerdict


class PolicyChange(BaseModel):
    """What would change a verdict: if all of `unless` were so, it would need `needs`."""

    unless: list[str]
    rules: list[PolicyRule]
    needs: Needs


class Explained(BaseModel):
    """An action, what its policy says, and what would change that."""

    action: ProposedAction
    verdict: PolicyVerdict
    changes: list[PolicyChange]

    def as_lines(self) -> list[str]:
        """Return it for people, a line each."""
        verdict, action = self.verdict, self.action
        lines = [f"{action.kind} of {action.money}: {_needs(verdict.needs)}"]
        lines.append(f"decides: {verdict.rule.replace('_', ' ')}, as {verdict.findings[0].because}")
        lines += [f"  also: {f.rule.replace('_', ' ')} ({f.needs}): {f.because}" for f in verdict.findings[1:]]
        if verdict.needs.people:
            lines.append(
                f"may decide: {', '.join(verdict.deciders)}; unanswered, it is refused after {_hours(verdict)}"
            )
        if verdict.rule is PolicyRule.NO_POLICY:
            lines.append(f"would be decided if {verdict.findings[0].unless}")
        for change in self.changes:
            lines.append(f"would need {change.needs} if {' and '.join(change.unless)}")
        return lines


def explain(action: ActionLike, facts: ActionFacts, policy: ActionPolicy | None) -> Explained:
    """Return the verdict on an action and what would change it."""
    verdict = decide(action, facts, policy)
    changes = [] if policy is None else _changes(verdict, action, facts, policy)
    proposed = ProposedAction(kind=action.kind, payee=action.payee, money=action.money)
    return Explained(action=proposed, verdict=verdict, changes=changes)


def _changes(
    verdict: PolicyVerdict, action: ActionLike, facts: ActionFacts, policy: ActionPolicy
) -> list[PolicyChange]:
    """Take away the strictest findings, step by step, each time by deciding again without them."""
    said = [f for f in verdict.findings if f.rule is not PolicyRule.NOBODY_LEFT]
    changes: list[PolicyChange] = []
    gone: list[PolicyFinding] = []
    left = said
    while left and left[0].needs is not Needs.NOBODY:
        top = left[0].needs
        gone += [f for f in left if f.needs is top]
        left = [f for f in left if f.needs is not top]
        if any(not f.unless for f in gone):  # as that a wire cannot be called back: nothing changes it
            break
        needs = verdict_by(left, action, facts, policy).needs if left else Needs.NOBODY
        unless = list(dict.fromkeys(f.unless for f in gone))
        changes.append(PolicyChange(unless=unless, rules=[f.rule for f in gone], needs=needs))
    return [*changes, *_larger(verdict, action, facts, policy)]


def _larger(verdict: PolicyVerdict, action: ActionLike, facts: ActionFacts, policy: ActionPolicy) -> list[PolicyChange]:
    """Return from which amount on it would need more."""
    money, before = action.money, facts.before_minor or 0
    for range_ in policy.of_currency(money.currency):
        minor = range_.from_minor - before
        if minor <= money.minor:
            continue
        larger = ProposedAction(kind=action.kind, money=money.model_copy(update={"minor": minor}))
        needs = decide(larger, facts, policy).needs
        if needs.strictness > verdict.needs.strictness:
            unless = f"it were {format_minor(minor, money.currency)} or more"
            return [PolicyChange(unless=[unless], rules=[PolicyRule.AMOUNT], needs=needs)]
    return []


def _needs(needs: Needs) -> str:
    if needs is Needs.NOBODY:
        return "goes alone"
    return "refused, by whatever approval" if needs is Needs.REFUSED else f"needs {needs}"


def _hours(verdict: PolicyVerdict) -> str:
    return f"{verdict.expires_after_s / 3600:g} hours"
