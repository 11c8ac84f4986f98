"""Whether an action goes alone, and else who decides: one pure function over an action, what is known, and its policy.

The strictest rule holds, so their order means nothing. What no rule speaks of goes nowhere: a kind without a policy is
refused; a currency, a range or a fact that is missing needs the most that it could have needed.
"""

from collections.abc import Iterable

from domain.policy.facts import ActionFacts, ActionLike
from domain.policy.needs import Needs, strictest
from domain.policy.rules import ActionPolicy
from domain.policy.speaking import findings_of
from domain.policy.verdict import PolicyFinding, PolicyRule, PolicyVerdict

_PLACE = {rule: place for place, rule in enumerate(PolicyRule)}


def decide(action: ActionLike, facts: ActionFacts, policy: ActionPolicy | None) -> PolicyVerdict:
    """Return what an action needs, by which rule, and what every rule said. `None`: its kind has no policy."""
    if policy is None:
        said = f"no policy speaks of actions of kind {action.kind!r}"
        unless = f"the blueprint had a policy/{action.kind}.toml"
        found = PolicyFinding(rule=PolicyRule.NO_POLICY, needs=Needs.REFUSED, because=said, unless=unless)
        return PolicyVerdict(kind=action.kind, needs=found.needs, rule=found.rule, findings=(found,))
    return verdict_by(findings_of(action, facts, policy), action, facts, policy)


def verdict_by(
    findings: Iterable[PolicyFinding], action: ActionLike, facts: ActionFacts, policy: ActionPolicy
) -> PolicyVerdict:
    """Return the verdict on what the rules said: the strictest, and more where too few are left to give it."""
    said = set(findings)
    needs = strictest(finding.needs for finding in said)
    able = able_to_decide(action, facts, policy)
    if needs.people > len(able):
        said.add(_too_few(needs, able))
    ordered = tuple(sorted(said, key=lambda f: (-f.needs.strictness, _PLACE[f.rule], f.because)))
    return PolicyVerdict(
        kind=action.kind,
        needs=ordered[0].needs,
        rule=ordered[0].rule,
        findings=ordered,
        deciders=able,
        expires_after_s=policy.expires_after_s,
        remind_every_s=policy.remind_every_s,
        ask_next=tuple(name for name in policy.ask_next if name in able),
        ask_next_after_s=policy.ask_next_after_s,
        on_expiry=policy.on_expiry,
    )


def able_to_decide(action: ActionLike, facts: ActionFacts, policy: ActionPolicy) -> tuple[str, ...]:
    """Return who may decide an action, each person once: entitled to its amount, neither requester nor editor."""
    never = {_folded(name) for name in (facts.requester, *facts.editors)} | {""}
    able = sorted(d.name for d in policy.deciders if d.may(action.money.minor, action.money.currency))
    people = {_folded(name): name for name in reversed(able) if _folded(name) not in never}
    return tuple(sorted(people.values()))


def _too_few(needs: Needs, able: tuple[str, ...]) -> PolicyFinding:
    left = f"only {', '.join(able)} may" if able else "nobody may"
    return PolicyFinding(
        rule=PolicyRule.NOBODY_LEFT,
        needs=Needs.REFUSED,
        because=f"it needs {needs}, and {left} decide this amount who neither asked for it nor edited the input",
        unless="more people were entitled to the amount",
    )


def _folded(name: str) -> str:
    return name.strip().casefold()
