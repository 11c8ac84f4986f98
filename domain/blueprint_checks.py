"""What a blueprint must be beyond its form: people who may decide, names that mean one thing, prices for all models."""

import math
from collections.abc import Mapping, Sequence
from datetime import date

from domain.blueprint import Blueprint, ModelChoice
from domain.errors import RuleError
from domain.model_call import Price, Tier, is_cheaper
from domain.model_steps import KNOWN_TO_STEP, REUSABLE, DenserWhen, ModelStep, StepRules
from domain.money.approval import Approver
from domain.routing import folded
from domain.specialists import SPECIALISTS, is_of_agents
from domain.spend.budgets import first_fault

LONGEST_IDLE_S = 600.0
"""For which a provider may send nothing: a connection that is dead is noticed by then."""
HIGHEST_PRICE = 1_000_000.0
"""Of a million tokens, US dollars: a call costs no more than the store can count."""
LONGEST_ANSWER_S = 3600.0
"""Of one answer: three of them fit into a model step's time (`MODEL_TIMEOUT`)."""


def check_rules(blueprint: Blueprint, day: date) -> None:
    """Check what no type says. `headgate blueprint validate` and every worker do it; `day` is that of the prices.

    Raises:
        RuleError: with the place of what is wrong, and the remedy.
    """
    check_approvers(blueprint.approval.approvers)
    _check_roles(blueprint.roles)
    human = blueprint.human
    if human.escalate_after_s >= human.deadline_s:
        said = (
            f"human.escalate_after_s is {human.escalate_after_s:g}: the deadline (deadline_s, {human.deadline_s:g}) "
            "would come first; name less"
        )
        raise RuleError(("human", "escalate_after_s"), said)
    pace = blueprint.intake
    if pace is not None and pace.per_second_min > pace.per_second_max:
        said = f"intake.per_second_min is {pace.per_second_min:g}, above per_second_max ({pace.per_second_max:g})"
        raise RuleError(("intake", "per_second_min"), f"{said}; name less")
    check_prices(blueprint.prices)
    _check_batch(blueprint)
    _check_cache(blueprint)
    _check_models(blueprint, day)
    _check_steps(blueprint.steps, ("steps",), has_budgets=bool(blueprint.budgets))
    for profile, steps in blueprint.profile_steps.items():
        if profile not in blueprint.models:
            said = f"profile_steps names {profile!r}: expected one of {', '.join(sorted(blueprint.models))}"
            raise RuleError(("profile_steps", profile, *(step.value for step in [*steps][:1])), said)
        _check_steps(steps, ("profile_steps", profile), has_budgets=bool(blueprint.budgets))
    for number, budget in enumerate(blueprint.budgets):
        if not is_of_agents(budget.scope):
            there = ", ".join(["router", *SPECIALISTS])
            said = f"budgets: the scope {budget.scope!r} names no agent: expected kind:* or one of {there}"
            raise RuleError(("budgets", number, "scope"), said)
    fault = first_fault(blueprint.budgets)
    if fault is not None:
        raise RuleError(("budgets", fault.number, fault.key), f"budgets: {fault.said}")


def _check_batch(blueprint: Blueprint) -> None:
    if blueprint.batch.steps and all(price.batch is None for price in blueprint.prices):
        said = "batch.steps: no price has a share for batches; add batch = 0.5 to the prices of models that have them"
        raise RuleError(("batch", "steps"), said)
    if blueprint.batch.look_every_s > blueprint.batch.deadline_s / 6:
        said = (
            f"batch.look_every_s is {blueprint.batch.look_every_s:g}, more than a sixth of deadline_s "
            f"({blueprint.batch.deadline_s:g}): batches would come back too late; name less"
        )
        raise RuleError(("batch", "look_every_s"), said)


def _check_cache(blueprint: Blueprint) -> None:
    rules, guard = blueprint.cache, blueprint.words.guard
    never = [step.value for step in rules.steps if step not in REUSABLE]
    if never:
        said = f"names {never[0]!r}, whose answers are never reused; expected some of {', '.join(sorted(REUSABLE))}"
        raise RuleError(("cache", "steps"), f"cache.steps {said}")
    names = {folded(c.name): c.name for c in blueprint.categories}
    unknown = [name for name in rules.categories if folded(name) not in names]
    if unknown:
        said = f"names {unknown[0]!r}, which is no category; expected some of {', '.join(names.values())}"
        raise RuleError(("cache", "categories"), f"cache.categories {said}")
    if not rules.steps:
        return
    if not rules.categories:
        said = "cache.steps are reused in no category: name some in categories, or take the steps out"
        raise RuleError(("cache", "steps"), said)
    if not (guard.negations and guard.currencies and guard.opposites):
        said = (
            "cache.steps: no language has negations, currencies and opposites under [guard] in words/LANG.toml, "
            "without which near misses pass for the same question; copy them from the default blueprint"
        )
        raise RuleError(("cache", "steps"), said)


def check_approvers(approvers: Sequence[Approver]) -> None:
    """Check that each amount has somebody who may approve it, and that each approver's name can be given.

    Raises:
        RuleError: somebody stands twice, has no name that a decision could bear, or no amount; or nobody may approve
            any amount.
    """
    where = ("approval", "approvers")
    seen: set[str] = set()
    for number, approver in enumerate(approvers):
        name, limit = approver.name, approver.limit_minor
        if not name.strip() or name != name.strip() or not name.isprintable():
            raise RuleError((*where, number, "name"), f"approver {name!r}: write the name as its owner gives it")
        if name.casefold() in seen:
            raise RuleError((*where, number, "name"), f"approver {name!r} stands twice: remove one of the two")
        if limit is not None and limit <= 0:
            said = (
                f"approver {name!r} may approve up to {limit}: name an amount in minor units, or leave it out for any"
            )
            raise RuleError((*where, number, "limit_minor"), said)
        seen.add(name.casefold())
    if all(approver.limit_minor is not None for approver in approvers):
        most = max((approver.limit_minor or 0 for approver in approvers), default=0)
        may = f"nobody may approve more than {most:,} minor units" if approvers else "nobody may approve anything"
        raise RuleError(where, f"approval.approvers: {may}; let one approver have no limit_minor, which is any amount")


def _check_roles(roles: Mapping[str, Sequence[str]]) -> None:
    for role, people in roles.items():
        seen: set[str] = set()
        for name in people:
            if not name.strip() or name != name.strip() or not name.isprintable():
                raise RuleError(("roles", role), f"role {role!r}, {name!r}: write the name as its owner gives it")
            if name.casefold() in seen:
                raise RuleError(("roles", role), f"role {role!r} has {name!r} twice: remove one of the two")
            seen.add(name.casefold())


def _check_models(blueprint: Blueprint, day: date) -> None:
    for profile, tiers in blueprint.models.items():
        for tier, order in tiers.items():
            seen: dict[str, int] = {}
            for number, choice in enumerate(order):
                at = (number,) if len(order) > 1 else ()
                where = ("models", profile, tier.value, *at)
                _check_choice(blueprint, choice, where, day)
                _check_tokens(blueprint.for_profile(profile), tier, choice, where)
                if choice.asked_as in seen:
                    said = (
                        f"{_named(where)} is {choice.asked_as} again, which stands at {seen[choice.asked_as]} already: "
                        "a model cannot stand in for itself; name another one, or another key by api_key_env, or take "
                        "it out"
                    )
                    raise RuleError((*where, "model"), said)
                seen[choice.asked_as] = number


def _check_tokens(blueprint: Blueprint, tier: Tier, choice: ModelChoice, where: tuple[str | int, ...]) -> None:
    """Check that the longest answer of a tier's steps fits into a minute: a call books it, and would wait for ever."""
    longest = {step: blueprint.step(step).max_output for step in ModelStep if blueprint.step(step).tier is tier}
    step = max(longest, key=longest.__getitem__, default=None)
    if choice.tpm and step is not None and choice.tpm < longest[step]:
        said = (
            f"{_named(where)}.tpm is {choice.tpm:g}, but an answer to {step.value} may have {longest[step]:,} tokens: "
            "name the limit of a minute as your account has it"
        )
        raise RuleError((*where, "tpm"), said)


def _named(where: Sequence[str | int]) -> str:
    return ".".join(map(str, where))


def _check_choice(blueprint: Blueprint, choice: ModelChoice, where: tuple[str | int, ...], day: date) -> None:
    name = _named(where)
    if not choice.model.strip():
        raise RuleError((*where, "model"), f"{name}.model is empty: name the model as its provider does")
    for key, most in (("idle_s", LONGEST_IDLE_S), ("answer_s", LONGEST_ANSWER_S)):
        value = getattr(choice, key)
        if not math.isfinite(value) or value > most:
            raise RuleError((*where, key), f"{name}.{key} is {value:g}: at most {most:g} seconds")
    if choice.base_url and not choice.base_url.startswith(("http://", "https://")):
        said = f"{name}.base_url is {choice.base_url!r}: expected an address that begins with https:// or http://"
        raise RuleError((*where, "base_url"), said)
    try:
        blueprint.price_of(choice.model, day)
    except KeyError as error:
        raise RuleError((*where, "model"), f"{name}.model: {error.args[0]}") from error


def _check_steps(steps: Mapping[ModelStep, StepRules], at: tuple[str, ...], *, has_budgets: bool) -> None:
    for step, rules in steps.items():
        where = (*at, step.value)
        name = _named(where)
        _check_cheaper(rules, where, has_budgets=has_budgets)
        unseen = [reason for reason in rules.denser_when if reason not in KNOWN_TO_STEP[step]]
        if unseen:
            can = ", ".join(reason.value for reason in DenserWhen if reason in KNOWN_TO_STEP[step])
            said = f"{name}.denser_when names {unseen[0].value!r}, which this step cannot see: expected some of {can}"
            raise RuleError((*where, "denser_when"), said)
        if rules.denser_when and rules.tier is Tier.LARGE and rules.cheaper_when_short is None:
            said = (
                f"{name}.denser_when: there is no tier above {rules.tier.value!r}; name a cheaper tier, or take it out"
            )
            raise RuleError((*where, "denser_when"), said)
        for key, is_set, reason in (
            ("min_confidence", rules.min_confidence is not None, DenserWhen.LOW_CONFIDENCE),
            ("high_stakes_minor", bool(rules.high_stakes_minor), DenserWhen.HIGH_STAKES),
        ):
            if is_set and reason not in rules.denser_when:
                said = f"{name}.{key} says nothing without {reason.value!r} in denser_when: add it, or take {key} out"
                raise RuleError((*where, key), said)
            if reason in rules.denser_when and not is_set:
                said = f"{name}.denser_when names {reason.value!r}, but there is no {key}: add it"
                raise RuleError((*where, "denser_when"), said)


def _check_cheaper(rules: StepRules, where: tuple[str, ...], *, has_budgets: bool) -> None:
    cheaper, name = rules.cheaper_when_short, _named(where)
    if cheaper is None:
        return
    if not is_cheaper(cheaper, rules.tier):
        said = f"is {cheaper.value!r}, no cheaper than the step's tier {rules.tier.value!r}; name a cheaper one"
    elif DenserWhen.HIGH_STAKES in rules.denser_when:
        said = "stands beside 'high_stakes' in denser_when: where much is at stake nothing is saved; take one out"
    elif not has_budgets:
        said = "says nothing without a budget: add one under [[budgets]], or take it out"
    else:
        return
    raise RuleError((*where, "cheaper_when_short"), f"{name}.cheaper_when_short {said}")


def check_prices(prices: Sequence[Price]) -> None:
    """Check that for each model and day there is at most one price.

    Raises:
        RuleError: a price or a date is none, a last day comes before the first, or two prices meet.
    """
    seen: dict[tuple[str, date], int] = {}
    for number, price in enumerate(prices):
        where = ("prices", number)
        for key, dollars in (("input", price.input), ("output", price.output)):
            if not dollars <= HIGHEST_PRICE:
                said = f"prices: {price.model!r} costs {dollars:g} a million tokens of {key}: at most {HIGHEST_PRICE:g}"
                raise RuleError((*where, key), said)
        if price.cached_input is not None and not price.cached_input <= price.input:
            said = (
                f"prices: {price.model!r} costs {price.cached_input:g} from the cache: at most {price.input:g}, as else"
            )
            raise RuleError((*where, "cached_input"), said)
        begins, ends = _day(price, "valid_from", number), _day(price, "until", number) if price.until else None
        if (price.model, begins) in seen:
            said = f"prices: {price.model!r} stands twice for the same day: remove one, or give one a valid_from"
            raise RuleError((*where, "model"), said)
        if ends is not None and ends < begins:
            said = f"prices: until of {price.model!r} is {ends}, before its valid_from ({begins}): name a later day"
            raise RuleError((*where, "until"), said)
        seen[price.model, begins] = number
        following = min(
            (p.valid_from for p in prices if p.model == price.model and p.valid_from > price.valid_from), default=None
        )
        if ends is not None and following is not None and following <= ends.isoformat():
            said = (
                f"prices: until of {price.model!r} is {ends}, but its next price begins on {following}: name the day "
                "before, or leave until out"
            )
            raise RuleError((*where, "until"), said)


def _day(price: Price, key: str, number: int) -> date:
    said = str(getattr(price, key))
    try:
        day = date.fromisoformat(said)
    except ValueError:
        day = None
    if day is None or day.isoformat() != said:  # dates are compared as texts, too
        message = f"prices: {key} of {price.model!r} is {said!r}, expected a date such as '2026-01-01'"
        raise RuleError(("prices", number, key), message)
    return day
