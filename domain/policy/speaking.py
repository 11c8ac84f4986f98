"""What each rule of a policy says of an action. A rule whose fact is not known says the most that it could say."""

from collections.abc import Iterator

from domain.money.amount import format_minor
from domain.policy.facts import MONEY_FIELDS, UNPROVEN, ActionFacts, ActionLike
from domain.policy.needs import Needs, strictest
from domain.policy.rules import NEVER_ALONE, ActionPolicy, Velocity, first_gap
from domain.policy.verdict import PolicyFinding, PolicyRule


def findings_of(action: ActionLike, facts: ActionFacts, policy: ActionPolicy) -> Iterator[PolicyFinding]:
    """Yield what the rules say, in no order that means anything: the strictest holds."""
    if action.kind in NEVER_ALONE:
        said = f"a {action.kind.replace('_', ' ')} cannot be called back"
        yield PolicyFinding(rule=PolicyRule.NEVER_ALONE, needs=Needs.ONE, because=said)
    yield from _of_amount(action, facts, policy)
    for velocity in policy.velocities:
        yield from _of_velocity(action, facts, velocity)
    yield from _of_origins(facts, policy)
    yield from _of_text(facts, policy)
    yield from _of_marks(facts)
    yield from _of_history(facts, policy)


def _of_amount(action: ActionLike, facts: ActionFacts, policy: ActionPolicy) -> Iterator[PolicyFinding]:
    currency = action.money.currency
    ranges = policy.of_currency(currency)
    if not ranges:
        most = strictest([Needs.ONE, *(r.needs for r in policy.ranges)])
        said = f"the policy says nothing of {currency}"
        unless = f"the policy had ranges for {currency}"
        yield PolicyFinding(rule=PolicyRule.CURRENCY_UNKNOWN, needs=most, because=said, unless=unless)
        return
    most = strictest([Needs.ONE, *(r.needs for r in ranges)])
    if (fault := first_gap(ranges)) is not None:
        said = f"the ranges for {currency} cannot be kept: one {fault[1]}"
        yield PolicyFinding(rule=PolicyRule.RANGES_UNSOUND, needs=most, because=said, unless="they were mended")
        return
    if facts.before_minor is None:
        said = "it is not known what went the same way before"
        yield PolicyFinding(rule=PolicyRule.BEFORE_UNKNOWN, needs=most, because=said, unless=_if_known(said))
    counted = (facts.before_minor or 0) + action.money.minor
    range_ = next(r for r in ranges if r.holds(counted))
    laxer = [r for r in ranges if r.needs.strictness < range_.needs.strictness]
    bound = max((r.below_minor or 0 for r in laxer), default=None)
    before = f" with the {format_minor(facts.before_minor, currency)} before" if facts.before_minor else ""
    yield PolicyFinding(
        rule=PolicyRule.AMOUNT,
        needs=range_.needs,
        because=f"{format_minor(counted, currency)}{before} {_span(range_.from_minor, range_.below_minor, currency)}",
        unless="" if bound is None else f"it came to less than {format_minor(bound, currency)}{before}",
    )


def _span(from_minor: int, below_minor: int | None, currency: str) -> str:
    if below_minor is None:
        return f"is {format_minor(from_minor, currency)} or more"
    ends = f"below {format_minor(below_minor, currency)}"
    return f"is at least {format_minor(from_minor, currency)} and {ends}" if from_minor else f"is {ends}"


def _of_velocity(action: ActionLike, facts: ActionFacts, velocity: Velocity) -> Iterator[PolicyFinding]:
    currency = action.money.currency
    most_minor = velocity.most_minor.get(currency)
    if velocity.most_count is None and most_minor is None:
        return
    window = f"{velocity.per} within {velocity.days} {'day' if velocity.days == 1 else 'days'}"
    moved = facts.moved_within(velocity.per, velocity.days)
    count, minor = (moved.count, moved.minor) if moved else (None, None)
    if (velocity.most_count is not None and count is None) or (most_minor is not None and minor is None):
        said, rule = f"it is not known what went for its {window}", PolicyRule.VELOCITY_UNKNOWN
        yield PolicyFinding(rule=rule, needs=velocity.beyond, because=said, unless=_if_known(said))
    if velocity.most_count is not None and count is not None and count + 1 > velocity.most_count:
        said = f"it is number {count + 1} for its {window}, where {velocity.most_count} may go"
        unless = f"fewer than {velocity.most_count} went before" if velocity.most_count else ""
        yield PolicyFinding(rule=PolicyRule.VELOCITY, needs=velocity.beyond, because=said, unless=unless)
    if most_minor is not None and minor is not None and (total := minor + action.money.minor) > most_minor:
        most = format_minor(most_minor, currency)
        said = f"with it {format_minor(total, currency)} go for its {window}, more than {most}"
        left = most_minor - minor
        unless = f"it came to {format_minor(left, currency)} or less" if left > 0 else "less had gone before"
        yield PolicyFinding(rule=PolicyRule.VELOCITY, needs=velocity.beyond, because=said, unless=unless)


def _of_origins(facts: ActionFacts, policy: ActionPolicy) -> Iterator[PolicyFinding]:
    origins = facts.origins
    if origins is None:
        needs = strictest([policy.guessed, *policy.guessed_fields.values()])
        said = "it is not known where its fields come from"
        yield PolicyFinding(rule=PolicyRule.ORIGIN_UNKNOWN, needs=needs, because=said, unless=_if_known(said))
        return
    # A field with a rule of its own has to be proven too: one that nobody speaks of is no proof.
    for name in sorted({*MONEY_FIELDS, *policy.guessed_fields} - origins.keys()):
        needs = strictest([policy.guessed, policy.guessed_fields.get(name, Needs.NOBODY)])
        said = f"it is not known where {name} comes from"
        yield PolicyFinding(rule=PolicyRule.ORIGIN_UNKNOWN, needs=needs, because=said, unless=_if_known(said))
    for name, origin in sorted(origins.items()):
        if origin in UNPROVEN:
            needs = strictest([policy.guessed, policy.guessed_fields.get(name, Needs.NOBODY)])
            how = "was guessed" if origin == "guessed" else "is a model's word alone"
            unless = f"{name} was given or in our records"
            yield PolicyFinding(rule=PolicyRule.GUESSED, needs=needs, because=f"{name} {how}", unless=unless)


def _of_text(facts: ActionFacts, policy: ActionPolicy) -> Iterator[PolicyFinding]:
    if facts.taints is None or facts.flags is None:
        needs = strictest([policy.tainted, *policy.flags.values()])
        said = "it is not known whether the text behind it is suspect"
        yield PolicyFinding(rule=PolicyRule.TEXT_UNKNOWN, needs=needs, because=said, unless=_if_known(said))
    for taint in sorted(facts.taints or ()):
        yield PolicyFinding(rule=PolicyRule.TAINTED, needs=policy.tainted, because=taint, unless="that was not so")
    for flag in sorted((facts.flags or frozenset()) & policy.flags.keys()):
        said = f"the message is flagged: {flag.replace('_', ' ')}"
        yield PolicyFinding(
            rule=PolicyRule.FLAGGED, needs=policy.flags[flag], because=said, unless="it had no such flag"
        )


def _of_marks(facts: ActionFacts) -> Iterator[PolicyFinding]:
    if facts.marks is None:
        said = "the rules of its kind were not asked"
        yield PolicyFinding(rule=PolicyRule.MARKS_UNKNOWN, needs=Needs.ONE, because=said, unless="they found nothing")
    for mark in sorted(facts.marks or ()):
        said = f"the rules of its kind found: {mark.replace('_', ' ')}"
        yield PolicyFinding(rule=PolicyRule.MARKED, needs=Needs.ONE, because=said, unless="that was not so")


def _of_history(facts: ActionFacts, policy: ActionPolicy) -> Iterator[PolicyFinding]:
    for rule, needs, had, whose in (
        (PolicyRule.FIRST_TIME_CUSTOMER, policy.first_time_customer, facts.customer_had, "customer"),
        (PolicyRule.FIRST_TIME_PAYEE, policy.first_time_payee, facts.payee_had, "payee"),
    ):
        if needs is Needs.NOBODY or had:
            continue
        said = (
            f"the {whose} had none of its kind before" if had == 0 else f"it is not known what the {whose} had before"
        )
        yield PolicyFinding(rule=rule, needs=needs, because=said, unless=f"the {whose} had one before")


def _if_known(said: str) -> str:
    """Return what would have to be so instead of "it is not known …"."""
    return said.replace("it is not known", "it was known, and harmless,")
