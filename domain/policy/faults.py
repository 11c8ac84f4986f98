"""What no type says of a policy: ranges that meet, currencies that exist, people who can be asked. Never a default."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from domain.money.amount import CURRENCIES, format_minor
from domain.policy.needs import Needs, strictest
from domain.policy.rules import ANY_CURRENCY, NEVER_ALONE, POLICY_KINDS, ActionPolicy, AmountRange, first_gap

_LARGEST = 10**15
Roles = Mapping[str, tuple[str, ...]]


class PolicyFault(NamedTuple):
    """Where a policy cannot be kept, by keys and positions in its file, and what to do."""

    where: tuple[str | int, ...]
    said: str


def first_policy_fault(kind: str, policy: ActionPolicy, roles: Roles) -> PolicyFault | None:
    """Return the first thing in a policy that cannot be kept, None if all can. `roles`: who has which."""
    checks = (
        _of_kind(kind),
        _of_ranges(kind, policy),
        _of_velocities(policy),
        _of_deciders(policy, roles),
        _of_reach(policy, roles),
        _of_asking_next(policy, roles),
    )
    return next((fault for check in checks for fault in check), None)


def _of_kind(kind: str) -> Iterator[PolicyFault]:
    if kind not in POLICY_KINDS:
        known = ", ".join(sorted(POLICY_KINDS))
        yield PolicyFault((), f"there are no actions of kind {kind!r}: name the file after one of {known}")


def _of_ranges(kind: str, policy: ActionPolicy) -> Iterator[PolicyFault]:
    if not policy.ranges:
        yield PolicyFault((), "no ranges: add [[ranges]] with currency and needs, for each currency the first from 0")
    for number, one in enumerate(policy.ranges):
        if (said := _unknown(one.currency)) is not None:
            yield PolicyFault(("ranges", number, "currency"), said)
        if kind in NEVER_ALONE and one.needs is Needs.NOBODY:
            said = f"a {kind} never goes alone, as it cannot be called back: write needs = {Needs.ONE.value!r} or more"
            yield PolicyFault(("ranges", number, "needs"), said)
    for currency in dict.fromkeys(one.currency for one in policy.ranges):
        fault = first_gap(policy.of_currency(currency))
        if fault is not None and fault[0] is not None:
            yield PolicyFault(("ranges", _position(policy, fault[0])), f"this range of {currency} {fault[1]}")


def _position(policy: ActionPolicy, one: AmountRange) -> int:
    """Return where a range stands; of two that are the same the later one, which is the one too many."""
    return max(number for number, other in enumerate(policy.ranges) if other == one)


def _unknown(currency: str) -> str | None:
    if currency == ANY_CURRENCY:
        return "a limit holds in one currency: write which, for example 'USD', and a limit for each"
    if currency not in CURRENCIES:
        return f"there is no currency {currency!r}: write its ISO 4217 code, for example 'USD'"
    return None


def _of_velocities(policy: ActionPolicy) -> Iterator[PolicyFault]:
    alone = {one.currency for one in policy.ranges if one.needs is Needs.NOBODY}
    for number, velocity in enumerate(policy.velocities):
        where = ("velocities", number)
        if velocity.most_count is None and not velocity.most_minor:
            yield PolicyFault(where, "it limits nothing: add most_count, or most_minor by currency")
        for currency in velocity.most_minor:
            if (said := _unknown(currency)) is not None:
                yield PolicyFault((*where, "most_minor"), said)
        missing = sorted(alone - velocity.most_minor.keys()) if velocity.most_minor else []
        if missing:
            said = f"{missing[0]} goes alone by its ranges, and most_minor has no {missing[0]}: add it"
            yield PolicyFault((*where, "most_minor"), said)


def _of_deciders(policy: ActionPolicy, roles: Roles) -> Iterator[PolicyFault]:
    if not policy.deciders:
        yield PolicyFault((), "no deciders: add [[deciders]] with a name or a role, and limits_minor or any_amount")
    seen: set[str] = set()
    for number, decider in enumerate(policy.deciders):
        where, who = ("deciders", number), decider.name or decider.role
        if bool(decider.name) == bool(decider.role):
            yield PolicyFault(where, "a decider is one person or one role: write either name or role")
        if decider.any_amount == bool(decider.limits_minor):
            said = f"{who!r} has {'two limits' if decider.any_amount else 'no limit'}"
            yield PolicyFault(where, f"{said}: write either limits_minor by currency, or any_amount = true")
        for currency in decider.limits_minor:
            if (told := _unknown(currency)) is not None:
                yield PolicyFault((*where, "limits_minor"), told)
        if decider.role and not roles.get(decider.role):
            there = ", ".join(sorted(role for role, people in roles.items() if people)) or "none"
            said = f"nobody has the role {decider.role!r}: add it under [roles] in blueprint.toml (there: {there})"
            yield PolicyFault((*where, "role"), said)
        if who.strip() != who or not who.isprintable():
            yield PolicyFault(where, f"decider {who!r}: write the name as its owner gives it")
        if who.casefold() in seen:
            yield PolicyFault(where, f"{who!r} stands twice: remove one of the two")
        seen.add(who.casefold())


def _of_reach(policy: ActionPolicy, roles: Roles) -> Iterator[PolicyFault]:
    """Look for amounts that too few people may decide: a request that nobody can grant would only run out of time."""
    known = policy.with_people(roles)
    told: list[Needs] = [policy.guessed, *policy.guessed_fields.values(), policy.tainted, *policy.flags.values()]
    told += [policy.first_time_customer, policy.first_time_payee, *(v.beyond for v in policy.velocities)]
    besides = [needs for needs in told if needs is not Needs.REFUSED]
    for number, one in enumerate(policy.ranges):
        if one.needs is Needs.REFUSED:
            continue
        most = _LARGEST if one.below_minor is None else one.below_minor - 1
        able = {d.name.casefold(): d.name for d in known.deciders if d.may(most, one.currency)}
        needs = strictest([Needs.ONE, one.needs, *besides])
        if len(able) < needs.people:
            up_to = "any amount" if one.below_minor is None else format_minor(most, one.currency)
            there = f"only {', '.join(sorted(able.values()))} may" if able else "nobody may"
            said = f"it can need {needs}, and {there} decide {up_to} in {one.currency}"
            yield PolicyFault(("ranges", number), f"{said}: raise limits or add deciders, or end with a range refused")


def _of_asking_next(policy: ActionPolicy, roles: Roles) -> Iterator[PolicyFault]:
    names = {decider.name for decider in policy.with_people(roles).deciders}
    for asked in policy.ask_next:
        missing = [name for name in roles.get(asked, (asked,)) if name not in names]
        if missing:
            said = f"{missing[0]!r} is asked next, but is no decider: add them under [[deciders]], or take them out"
            yield PolicyFault(("ask_next",), said)
    if bool(policy.ask_next) != (policy.ask_next_after_s is not None):
        yield PolicyFault(("ask_next",), "ask_next and ask_next_after_s go together: write both, or neither")
    if policy.ask_next_after_s is not None and policy.ask_next_after_s >= policy.expires_after_s:
        said = f"a request has run out by then (expires_after_s, {policy.expires_after_s:g}): name less"
        yield PolicyFault(("ask_next_after_s",), said)
