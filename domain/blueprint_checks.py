"""What a blueprint must be beyond its form: people who may decide, names that mean one thing, prices for all models."""

import math
from collections.abc import Sequence
from datetime import date

from domain.blueprint import Blueprint
from domain.errors import RuleError
from domain.money.approval import Approver
from domain.spend.budgets import first_fault

LONGEST_CALL_S = 40.0
"""Of a model call: two of them, and the time between, fit into a step's 120 seconds."""


def check_rules(blueprint: Blueprint) -> None:
    """Check what no type says. `headgate blueprint validate` and every worker do it.

    Raises:
        RuleError: with the place of what is wrong, and the remedy.
    """
    check_approvers(blueprint.approval.approvers)
    human = blueprint.human
    if human.escalate_after_s >= human.deadline_s:
        said = (
            f"human.escalate_after_s is {human.escalate_after_s:g}: the deadline (deadline_s, {human.deadline_s:g}) "
            "would come first; name less"
        )
        raise RuleError(("human", "escalate_after_s"), said)
    _check_models(blueprint)
    _check_prices(blueprint)
    fault = first_fault(blueprint.budgets)
    if fault is not None:
        raise RuleError(("budgets", fault.number, fault.key), f"budgets: {fault.said}")


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


def _check_models(blueprint: Blueprint) -> None:
    for profile, tiers in blueprint.models.items():
        for tier, choice in tiers.items():
            where = ("models", profile, tier.value)
            name = ".".join(where)
            if not choice.model.strip():
                raise RuleError((*where, "model"), f"{name}.model is empty: name the model as its provider does")
            if not math.isfinite(choice.timeout_s) or choice.timeout_s > LONGEST_CALL_S:
                said = (
                    f"{name}.timeout_s is {choice.timeout_s:g}: at most {LONGEST_CALL_S:g}, a third of the step's time"
                )
                raise RuleError((*where, "timeout_s"), said)
            if choice.base_url and not choice.base_url.startswith(("http://", "https://")):
                said = (
                    f"{name}.base_url is {choice.base_url!r}: expected an address that begins with https:// or http://"
                )
                raise RuleError((*where, "base_url"), said)
            try:
                blueprint.price_of(choice.model)
            except KeyError as error:
                raise RuleError((*where, "model"), f"{name}.model: {error.args[0]}") from error


def _check_prices(blueprint: Blueprint) -> None:
    seen: set[tuple[str, str]] = set()
    for number, price in enumerate(blueprint.prices):
        where = ("prices", number)
        if not (math.isfinite(price.input) and math.isfinite(price.output)):
            raise RuleError((*where, "input"), f"prices: {price.model!r} costs {price.input:g} and {price.output:g}")
        try:
            date.fromisoformat(price.valid_from)
        except ValueError as error:
            said = (
                f"prices: valid_from of {price.model!r} is {price.valid_from!r}, expected a date such as '2026-01-01'"
            )
            raise RuleError((*where, "valid_from"), said) from error
        if (price.model, price.valid_from) in seen:
            said = f"prices: {price.model!r} stands twice for the same day: remove one, or give one a valid_from"
            raise RuleError((*where, "model"), said)
        seen.add((price.model, price.valid_from))
